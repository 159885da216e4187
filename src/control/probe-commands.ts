import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { NodeUuid } from '../boot/node.ts';

/** An announced probe, with times in milliseconds since 1970. */
export interface ProbeAnnouncement {
  readonly id: string;
  /** The machine that is played. */
  readonly mac: Mac;
  /** From which its files are fetched, beside the one that it is leased. */
  readonly address: Ipv4 | undefined;
  readonly startedAt: number;
  readonly expiresAt: number;
}

/** What a TFTP request is to be answered with. */
export type ExpectedFile =
  | {
      readonly kind: 'file';
      /** From disk, rendered for the machine, or the site's default. */
      readonly source: 'disk' | 'rendered' | 'fallback';
      /** Below the TFTP root. */
      readonly path: string;
      readonly octets: number;
      readonly sha256: string;
      readonly node: NodeUuid | undefined;
      readonly generation: number | undefined;
    }
  | { readonly kind: 'refused'; readonly code: number; readonly message: string };

/** The probes that are under way, as the control API sees them. */
export interface ProbeCommands {
  /** Undefined when too many are under way. */
  announce(mac: Mac, lifetimeMs: number, address?: Ipv4): ProbeAnnouncement | undefined;
  /** Succeeds also when there is no such probe. */
  end(id: string): void;
  /** What a machine at this address should get for this name over TFTP; undefined when TFTP is off. */
  expectedFile(name: string, address: Ipv4): Promise<ExpectedFile> | undefined;
  underWay(): readonly ProbeAnnouncement[];
}
