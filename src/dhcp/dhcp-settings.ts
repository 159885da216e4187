import type { Ipv4 } from '../addr/ipv4.ts';
import type { AddressRange, Subnet } from '../addr/subnet.ts';
import type { BootFileByFirmware } from '../boot/firmware.ts';
import type { HttpBootLocation } from './boot-file-choice.ts';
import type { BooleanExpression } from './class-expression.ts';

/**
 * What any scope may say; undefined means that the next wider scope decides. From the most specific:
 * reservation or node, class, range, subnet, shared network, global (the order of dhcpd.conf(5), "REFERENCE:
 * DECLARATIONS"). Option values are already encoded by their declared type.
 */
export interface ScopeParameters {
  /** Code → value octets, for options 1 to 254. */
  readonly options: ReadonlyMap<number, Uint8Array>;
  /** Name of an encapsulated space → sub-option code → value octets; merged over the scopes code by code. */
  readonly encapsulated: ReadonlyMap<string, ReadonlyMap<number, Uint8Array>>;
  /** siaddr. */
  readonly nextServer?: Ipv4 | undefined;
  /** The address that stands in option 54 and as source, where it is not the receiving interface's. */
  readonly serverIdentifier?: Ipv4 | undefined;
  readonly serverName?: string | undefined;
  readonly filename?: string | undefined;
  readonly filenameByFirmware?: BootFileByFirmware | undefined;
  readonly defaultLeaseSeconds?: number | undefined;
  readonly minLeaseSeconds?: number | undefined;
  readonly maxLeaseSeconds?: number | undefined;
  readonly authoritative?: boolean | undefined;
  readonly allowBooting?: boolean | undefined;
  readonly allowBootp?: boolean | undefined;
  readonly ignoreClientUids?: boolean | undefined;
  readonly pingCheck?: boolean | undefined;
}

/** Who may be given addresses of a range (dhcpd.conf(5), "permit lists"). */
export type RangePermit =
  | { readonly kind: 'class'; readonly name: string }
  | { readonly kind: 'known-machines' }
  | { readonly kind: 'unknown-machines' }
  | { readonly kind: 'bootp' };

/** Addresses to give away. With `allow` only those on it are served; `deny` excludes; deny wins. */
export interface RangeSettings {
  readonly range: AddressRange;
  /** BOOTP clients may be given an address of this range, for ever. */
  readonly dynamicBootp: boolean;
  readonly allow: readonly RangePermit[];
  readonly deny: readonly RangePermit[];
  readonly parameters: ScopeParameters;
}

/** One network on a wire. */
export interface SubnetSettings {
  readonly subnet: Subnet;
  readonly ranges: readonly RangeSettings[];
  readonly parameters: ScopeParameters;
}

/** Subnets that share one wire. A subnet that stands alone is in a network of its own without a name. */
export interface SharedNetworkSettings {
  readonly name: string | undefined;
  readonly subnets: readonly SubnetSettings[];
  readonly parameters: ScopeParameters;
}

/** A host declaration: a machine that the configuration knows. Matched by client-id first, then by hardware. */
export interface ReservationSettings {
  readonly name: string | undefined;
  readonly clientId: Uint8Array | undefined;
  readonly hardware: { readonly htype: number; readonly address: Uint8Array } | undefined;
  /** The one on the client's wire counts. Empty: the machine is known, and its address comes from a range. */
  readonly fixedAddresses: readonly Ipv4[];
  readonly hostName: string | undefined;
  readonly parameters: ScopeParameters;
}

/** A class: what its members are told, and which ranges they may use. */
export interface ClassSettings {
  readonly name: string;
  readonly match: BooleanExpression;
  /** Where it tells its members anything; undefined: everywhere. Which ranges its members may use is not affected. */
  readonly onlyOn?: readonly Subnet[] | undefined;
  readonly parameters: ScopeParameters;
}

/** The validated `dhcp` section, frozen; a reload replaces it whole. */
export interface DhcpSettings {
  readonly mode: 'server' | 'proxy';
  /** `known-machines`: strangers get no answer; known are reservations and nodes. */
  readonly answer: 'all' | 'known-machines';
  readonly serverPort: number;
  readonly clientPort: number;
  readonly parameters: ScopeParameters;
  readonly sharedNetworks: readonly SharedNetworkSettings[];
  readonly classes: readonly ClassSettings[];
  readonly reservations: readonly ReservationSettings[];
  /** Encapsulated space → the option that carries it (43 for a vendor space). */
  readonly spaceCarriers: ReadonlyMap<string, number>;
  /** Where this server's boot files are fetched over HTTP; undefined: nowhere. */
  readonly httpBoot?: HttpBootLocation | undefined;
  /** How long an offered address is held for its client. */
  readonly offerHoldSeconds: number;
  /** How long a declined address is left alone; dhcpd's `abandon-lease-time`. */
  readonly declineHoldSeconds: number;
}

/** Values of dhcpd 4.4 for what the configuration leaves out (dhcpd.conf(5)). */
export const DHCP_DEFAULTS = {
  defaultLeaseSeconds: 43_200,
  maxLeaseSeconds: 86_400,
  minLeaseSeconds: 300,
  offerHoldSeconds: 120,
  declineHoldSeconds: 86_400,
} as const;
