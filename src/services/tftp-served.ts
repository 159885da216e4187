import type { Ipv4 } from '../addr/ipv4.ts';
import type { NodeUuid } from '../boot/node.ts';
import type { MapStep } from '../tftp/map-rules.ts';
import type { TransferResult } from './tftp-messages.ts';

/** A client of TFTP. IPv6 is text, as Node writes it. */
export interface TftpPeer {
  readonly address: Ipv4 | string;
  readonly port: number;
}

/** Where the octets came from: a file, or a boot file rendered for a machine or as the site's default. */
export type TftpSource = 'disk' | 'rendered' | 'fallback';

/** A transfer that ended, for boot traces. `TransferResult` says which results are failures. */
export interface TftpServed {
  readonly kind: 'served';
  readonly peer: TftpPeer;
  /** As the client asked for it. */
  readonly requested: string;
  /** Below the root, without a leading slash. */
  readonly path: string;
  readonly source: TftpSource;
  /** The node whose boot file was rendered, and in which of its generations. */
  readonly node: NodeUuid | undefined;
  readonly generation: number;
  readonly size: number;
  /** Octets that the client has for certain. */
  readonly bytes: number;
  readonly durationMs: number;
  readonly retransmissions: number;
  readonly result: Exclude<TransferResult, 'duplicate'>;
  /** What the map-file did to the name. */
  readonly steps: readonly MapStep[];
  /** The name was found only with its repeated leading slashes collapsed. */
  readonly collapsed: boolean;
}

/** A request that was refused, for boot traces. */
export interface TftpRefused {
  readonly kind: 'refused';
  readonly peer: TftpPeer;
  readonly requested: string;
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  readonly steps: readonly MapStep[];
}

/** Hears what happens to requests. */
export type TftpObserver = (event: TftpServed | TftpRefused) => void;

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
