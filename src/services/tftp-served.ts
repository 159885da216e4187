import type { Ipv4 } from '../addr/ipv4.ts';
import type { NodeUuid } from '../boot/node.ts';
import type { MapStep } from '../tftp/map-rules.ts';
import type { TransferError, TransferResult } from './tftp-messages.ts';

/** A client of TFTP. IPv6 is text, as Node writes it. */
export interface TftpPeer {
  readonly address: Ipv4 | string;
  readonly port: number;
}

/** Where the octets came from: a file, or a boot file rendered for a machine or as the site's default. */
export type TftpSource = 'disk' | 'rendered' | 'fallback';

/** A file that is to be sent to a client that asked for it. */
export interface TftpGranted {
  /** Tells transfers from each other, also those of one peer. */
  readonly id: number;
  readonly peer: TftpPeer;
  /** As the client asked for it. */
  readonly requested: string;
  /** What the map-file made of it; the name as it was asked for where no rule did anything. */
  readonly mapped: string;
  /** Below the root, without a leading slash. */
  readonly path: string;
  readonly source: TftpSource;
  /** The node whose boot file was rendered, and in which of its generations. */
  readonly node: NodeUuid | undefined;
  readonly generation: number;
  /** When a file on disk was last changed, milliseconds since 1970: which version of it is sent. */
  readonly modifiedAt: number | undefined;
  /** Octets as octet mode sends them. */
  readonly size: number;
  readonly blockSize: number;
  readonly windowSize: number;
  /** What the map-file did to the name. */
  readonly steps: readonly MapStep[];
  /** The name was found only with its repeated leading slashes collapsed. */
  readonly collapsed: boolean;
}

/** A transfer that begins, for boot traces. */
export interface TftpStarted {
  readonly kind: 'started';
  readonly grant: TftpGranted;
}

/** A transfer that ended, for boot traces. `TransferResult` says which results are failures. */
export interface TftpServed {
  readonly kind: 'served';
  readonly grant: TftpGranted;
  /** Octets that the client has for certain. */
  readonly bytes: number;
  /** From the request on. */
  readonly durationMs: number;
  readonly retransmissions: number;
  readonly result: Exclude<TransferResult, 'duplicate'>;
  /** The ERROR packet that ended it, where one did. */
  readonly error: TransferError | undefined;
  /** The client's words when it ended the transfer, or the operating system's code. */
  readonly detail: string | undefined;
}

/** A request that was refused, for boot traces. */
export interface TftpRefused {
  readonly kind: 'refused';
  readonly peer: TftpPeer;
  readonly requested: string;
  /** After the map-file; undefined when a rule refused it, or it was not read that far. */
  readonly mapped: string | undefined;
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  readonly steps: readonly MapStep[];
}

/** What happens to requests, for boot traces. */
export type TftpEvent = TftpStarted | TftpServed | TftpRefused;

/**
 * Hears what happens to requests. Each `started` is followed by one `served` of the same grant. A request that came again
 * is not told as a start; where the data plane starts anew for it, its `served` comes without one.
 */
export type TftpObserver = (event: TftpEvent) => void;

/** Whether the client went without its file. Closing early is how OVMF learns a size and GRUB tests for a file. */
export function isFailedTransfer(result: TransferResult): boolean {
  switch (result) {
    case 'aborted':
    case 'timeout':
    case 'truncated':
    case 'read-failed':
    case 'stopped':
      return true;
    case 'done':
    case 'probed':
    case 'closed':
    case 'replaced':
    case 'duplicate':
      return false;
  }
}
