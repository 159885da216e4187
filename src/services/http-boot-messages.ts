import type { Ipv4 } from '../addr/ipv4.ts';

/**
 * What the daemon's thread and the thread that speaks HTTP say to each other. Everything can be cloned; file
 * descriptors are numbers that are valid in the whole process, and stay the daemon's: it closes them when the request
 * has ended.
 */

/** A client of HTTP. IPv6 is text, as Node writes it. */
export interface HttpBootPeer {
  readonly address: Ipv4 | string;
  readonly port: number;
}

export type HttpBootMethod = 'GET' | 'HEAD';

/** Where to listen. */
export interface HttpBootEndpoint {
  readonly host: string;
  readonly port: number;
}

/** A request for a file, as it came. */
export interface HttpBootRequest {
  readonly id: number;
  readonly peer: HttpBootPeer;
  readonly method: HttpBootMethod;
  /** The name below the root: percent-decoded, one code unit an octet, without slashes in front. */
  readonly name: string;
}

/** What is to be sent. */
export type HttpBootAnswer =
  | {
      readonly kind: 'file';
      readonly fd: number;
      readonly size: number;
      /** The same for two answers as long as the content is. */
      readonly identity: string;
      /** Milliseconds since 1970. */
      readonly modifiedAt: number;
      readonly contentType: string;
    }
  /** What was rendered at this moment: not to be kept by anybody. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly contentType: string }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string };

/**
 * How a request ended.
 *
 * - `done`: the whole answer was handed to the kernel
 * - `aborted`: the client closed the connection before
 * - `timeout`: the client took nothing for too long
 * - `truncated`: the file became shorter
 * - `read-failed`: the operating system could not read it
 * - `stopped`: the daemon stopped
 */
export type HttpBootResult = 'done' | 'aborted' | 'timeout' | 'truncated' | 'read-failed' | 'stopped';

export interface HttpBootEnd {
  readonly id: number;
  readonly result: HttpBootResult;
  readonly status: number;
  /** Octets of the content that were handed to the kernel. */
  readonly bytes: number;
  /** The first octet that was asked for; 0 but for a range. */
  readonly start: number;
  /** The operating system's code, where it had one. */
  readonly detail: string | undefined;
}

/** A request that was refused without a look at any file: wrong method, a name that cannot be. */
export interface HttpBootRejection {
  readonly peer: HttpBootPeer;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly reason: string;
}

export type ToHttpBootThread =
  | { readonly kind: 'open'; readonly endpoint: HttpBootEndpoint }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: HttpBootAnswer }
  /** Asks for a sign of life, which is `alive`. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'stop'; readonly graceMs: number };

export type FromHttpBootThread =
  | { readonly kind: 'opened'; readonly endpoint: HttpBootEndpoint }
  | { readonly kind: 'failed'; readonly message: string; readonly osCode: string | undefined }
  | { readonly kind: 'request'; readonly request: HttpBootRequest }
  | { readonly kind: 'rejected'; readonly rejection: HttpBootRejection }
  | { readonly kind: 'ended'; readonly end: HttpBootEnd }
  /** Connections that are open, after a change. */
  | { readonly kind: 'connections'; readonly open: number; readonly refused: number }
  | { readonly kind: 'alive' }
  | { readonly kind: 'stopped' };
