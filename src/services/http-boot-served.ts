import type { NodeUuid } from '../boot/node.ts';
import type { HttpBootMethod, HttpBootPeer, HttpBootResult } from './http-boot-messages.ts';

/** Where the octets came from: a file, an image fetched by URL, or a boot file rendered for a machine or a site. */
export type HttpBootSource = 'disk' | 'image' | 'rendered' | 'fallback';

/** A request that was granted and has ended, for boot traces. */
export interface HttpBootServed {
  readonly kind: 'served';
  readonly peer: HttpBootPeer;
  readonly method: HttpBootMethod;
  /** Below the root as the client asked for it: decoded, without slashes in front. */
  readonly requested: string;
  /** The same without a `tftpboot/` that the root does not have. */
  readonly path: string;
  readonly source: HttpBootSource;
  /** The node whose boot file was rendered, and in which of its generations. */
  readonly node: NodeUuid | undefined;
  readonly generation: number;
  readonly status: number;
  readonly size: number;
  /** First octet that was asked for; 0 but for a range. */
  readonly start: number;
  /** Octets that were handed to the kernel. */
  readonly bytes: number;
  readonly durationMs: number;
  readonly result: HttpBootResult;
}

/** A request that was refused, for boot traces. */
export interface HttpBootRefused {
  readonly kind: 'refused';
  readonly peer: HttpBootPeer;
  readonly method: string;
  readonly requested: string;
  readonly status: number;
  readonly reason: string;
}

/** Hears what happens to requests. */
export type HttpBootObserver = (event: HttpBootServed | HttpBootRefused) => void;

/** Whether the client has the whole file by this one request. */
export function isWholeFile({ method, result, start, bytes, size }: HttpBootServed): boolean {
  return method === 'GET' && result === 'done' && start === 0 && bytes === size;
}
