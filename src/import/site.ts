import type { Ipv4 } from '../addr/ipv4.ts';
import type { Subnet } from '../addr/subnet.ts';
import type { Condition } from './condition.ts';
import type { Token } from './dhcpd-conf-lexer.ts';
import type { Hardware } from './hardware.ts';
import type { ScopeContent } from './scope-content.ts';
import type { SourcePlace } from './source-place.ts';

/** Everything that a dhcpd.conf declares, groups resolved. Lists are in the order of the file. */
export interface Site {
  readonly global: ScopeContent;
  readonly networks: readonly NetworkDraft[];
  /** Every subnet, those inside of shared networks too. */
  readonly subnets: readonly SubnetDraft[];
  readonly hosts: readonly HostDraft[];
  readonly classes: readonly ClassDraft[];
  /** Named by `interface` statements. */
  readonly interfaces: readonly string[];
}

/** `shared-network NAME { }` */
export interface NetworkDraft {
  readonly name: string;
  readonly place: SourcePlace;
  readonly content: ScopeContent;
  readonly subnets: readonly SubnetDraft[];
}

/** `subnet ADDRESS netmask MASK { }` */
export interface SubnetDraft {
  readonly subnet: Subnet;
  readonly place: SourcePlace;
  readonly content: ScopeContent;
  /** The content of the shared network around it. */
  readonly around: ScopeContent;
  /** They do not overlap with others. */
  readonly ranges: readonly RangeDraft[];
}

/** `range [dynamic-bootp] FIRST [LAST];` */
export interface RangeDraft {
  readonly first: Ipv4;
  readonly last: Ipv4;
  readonly dynamicBootp: boolean;
  readonly place: SourcePlace;
  readonly words: readonly Token[];
  /** The pool that it stands in; undefined: it is open to all. */
  readonly pool: PoolDraft | undefined;
}

/** `pool { }` */
export interface PoolDraft {
  readonly place: SourcePlace;
  readonly content: ScopeContent;
  readonly allow: readonly Permit[];
  readonly deny: readonly Permit[];
}

/** Whom a pool lets in or keeps out. */
export type Permit =
  | { readonly kind: 'known-machines' | 'unknown-machines' | 'bootp' | 'all' }
  | {
      readonly kind: 'class';
      readonly name: string;
      readonly place: SourcePlace;
      readonly words: readonly Token[];
    };

/** `host NAME { }` */
export interface HostDraft {
  readonly name: string;
  readonly place: SourcePlace;
  readonly hardware: Hardware | undefined;
  readonly clientId: Uint8Array | undefined;
  readonly fixedAddresses: readonly Ipv4[];
  /** The groups around it, the outermost first, and its own statements. */
  readonly scopes: readonly ScopeContent[];
  /** What surrounds it besides, the widest first: shared network, subnet. dhcpd lets it inherit from them wherever it is. */
  readonly inherits: readonly ScopeContent[];
  /** The subnet that it is declared in. */
  readonly declaredIn: Subnet | undefined;
}

/** `class NAME { }` with its subclasses. */
export interface ClassDraft {
  readonly name: string;
  readonly place: SourcePlace;
  readonly match: Condition;
  /** Why nobody belongs to it; undefined where somebody may. */
  readonly emptyBecause: 'no-match' | 'not-readable' | undefined;
  readonly words: readonly Token[];
  readonly content: ScopeContent;
  /** Subclasses that say something themselves. */
  readonly subclasses: readonly SubclassDraft[];
}

export interface SubclassDraft {
  readonly value: string;
  readonly place: SourcePlace;
  readonly match: Condition;
  readonly content: ScopeContent;
}
