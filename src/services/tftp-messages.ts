import type { Ipv4 } from '../addr/ipv4.ts';
import type { IoErrorCode } from '../io/io-error.ts';
import type { AgreedOptions, TransferMode } from '../tftp/negotiation.ts';

/**
 * What the daemon's thread and TFTP's data plane say to each other. Everything can be cloned, so that the data
 * plane may live in a worker thread; file descriptors are numbers that are valid in the whole process.
 */

/** One place that requests are received at, and the sockets that its files are sent from. */
export interface DataEndpoint {
  readonly id: number;
  readonly sockets: readonly DataSocketSource[];
  /** MTU of the interface, for the decision whether a window can be one message. */
  readonly mtu: number;
}

/** A socket to take over, or to open over node:dgram. */
export type DataSocketSource =
  | { readonly kind: 'descriptor'; readonly fd: number; readonly forwardRequests: boolean }
  | {
      readonly kind: 'plain';
      readonly family: 'ipv4' | 'ipv6';
      readonly address: string;
      /** The first of these that is free; [0] lets the kernel choose. */
      readonly ports: readonly number[];
      readonly forwardRequests: boolean;
    };

/** A client, as UDP shows it. */
export interface DataPeer {
  readonly address: Ipv4 | string;
  readonly port: number;
}

/** Where the octets come from. */
export type DataContent =
  | { readonly kind: 'file'; readonly fd: number; readonly size: number; readonly identity: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array };

/** A transfer that was decided upon. The file descriptor belongs to the data plane from here on. */
export interface StartTransfer {
  readonly id: number;
  readonly endpoint: number;
  readonly peer: DataPeer;
  /** As requested; a repeated request is known by it. */
  readonly name: string;
  readonly content: DataContent;
  readonly mode: TransferMode;
  readonly agreed: AgreedOptions;
  readonly oack: Uint8Array | undefined;
}

/**
 * How a transfer ended.
 *
 * - `done`: every octet was acknowledged
 * - `probed`: the client took the OACK for an answer and closed with an ERROR, as OVMF does to learn the size
 * - `closed`: the client had seen enough; GRUB closes a file that it only tests with ERROR 0
 * - `aborted`: the client sent another ERROR
 * - `timeout`: the client fell silent
 * - `truncated`: the file became shorter
 * - `read-failed`: the operating system could not read it
 * - `replaced`: the client asked for something else from the same port
 * - `duplicate`: it never began, since it was the repeated request of one that runs
 * - `stopped`: the daemon stopped, or the interface is gone
 */
export type TransferResult =
  | 'done'
  | 'probed'
  | 'closed'
  | 'aborted'
  | 'timeout'
  | 'truncated'
  | 'read-failed'
  | 'replaced'
  | 'duplicate'
  | 'stopped';

/** The ERROR packet that ended a transfer. */
export interface TransferError {
  readonly from: 'client' | 'server';
  readonly code: number;
  readonly message: string;
}

export interface TransferEnd {
  readonly id: number;
  readonly result: TransferResult;
  /** Octets of the file that the client has for certain. */
  readonly bytes: number;
  readonly retransmissions: number;
  readonly error: TransferError | undefined;
  /** Of the operating system, for `read-failed`. */
  readonly osCode: string | undefined;
}

/** A request that a data socket received, in single-port mode. */
export interface ForwardedRequest {
  readonly endpoint: number;
  readonly peer: DataPeer;
  readonly bytes: Uint8Array;
}

export type ToDataPlane =
  | { readonly kind: 'open'; readonly endpoint: DataEndpoint }
  /** Its transfers end, and its sockets are closed. */
  | { readonly kind: 'close'; readonly endpoint: number }
  | { readonly kind: 'start'; readonly transfers: readonly StartTransfer[] }
  /** A packet outside any transfer, in single-port mode. */
  | { readonly kind: 'send'; readonly endpoint: number; readonly peer: DataPeer; readonly bytes: Uint8Array }
  /** Asks for a sign of life, which is `alive`. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'stop'; readonly graceMs: number };

export type FromDataPlane =
  | {
      readonly kind: 'opened';
      readonly endpoint: number;
      readonly ports: readonly number[];
      /** Whether the kernel is called in batches (koffi). */
      readonly batched: boolean;
    }
  | {
      readonly kind: 'failed';
      readonly endpoint: number;
      readonly message: string;
      readonly code: IoErrorCode;
      readonly osCode: string | undefined;
    }
  | { readonly kind: 'ended'; readonly ends: readonly TransferEnd[] }
  | { readonly kind: 'request'; readonly request: ForwardedRequest }
  | { readonly kind: 'alive' }
  | { readonly kind: 'stopped' };
