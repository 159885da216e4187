import type { Ipv4 } from '../addr/ipv4.ts';
import type { NodeUuid } from '../boot/node.ts';

/** A boot configuration, rendered at the moment it was asked for. The bytes are never changed afterwards. */
export interface RenderedBootFile {
  readonly bytes: Uint8Array;
  /** Undefined for a machine without a node. */
  readonly node: NodeUuid | undefined;
  /** The generation of the node, or of the shared profile, that was rendered; 0 for a site-wide default. */
  readonly generation: number;
}

/**
 * Boot configurations that are rendered from state instead of read from disk. A path is the name below the TFTP
 * root, without a leading slash; `peer` is the address that asks.
 */
export interface BootFileLookup {
  /** For a machine with a boot profile: wins over a file of the same name on disk. */
  forMachine(path: string, peer: Ipv4): RenderedBootFile | undefined;
  /** The site-wide default for a machine without a node: only where the disk has nothing. */
  fallback(path: string, peer: Ipv4): RenderedBootFile | undefined;
}
