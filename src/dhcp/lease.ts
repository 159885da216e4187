import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';

declare const clientKeyBrand: unique symbol;

/**
 * Who a client is, as text that compares equal exactly when the client is the same (RFC 2131 section 4.2):
 * `id:` and the hex octets of option 61, or `hw:`, the hardware type and the hex octets of chaddr.
 */
export type ClientKey = string & { readonly [clientKeyBrand]: true };

/**
 * - `offered`: on offer to a client; in memory only
 * - `bound`: acknowledged; nobody else may have it before `expiresAt`
 * - `released`: given back by its client, which gets it again if nobody took it
 * - `expired`: its time ran out; only seen in reports, since expiry is decided by the clock when somebody asks
 * - `declined`: a client or a conflict check found somebody else on it ("abandoned" in dhcpd)
 */
export type LeaseState = 'offered' | 'bound' | 'released' | 'expired' | 'declined';

/** An address and who has, had or is offered it. Times are milliseconds since 1970. */
export interface Lease {
  readonly address: Ipv4;
  readonly state: LeaseState;
  /** Undefined for an address that was found in use by a stranger. */
  readonly client: ClientKey | undefined;
  /** Option 61 as sent; undefined when the client sent none. */
  readonly clientId: Uint8Array | undefined;
  readonly htype: number;
  /** chaddr[0..hlen). */
  readonly hardwareAddress: Uint8Array;
  /** The hardware address where it is an Ethernet one. */
  readonly mac: Mac | undefined;
  readonly startsAt: number;
  /** Undefined: without end (BOOTP). */
  readonly expiresAt: number | undefined;
  /** When its client was last heard: the order in which free addresses are used again. */
  readonly lastSeenAt: number;
  readonly bootp: boolean;
  readonly hostname: string | undefined;
  readonly vendorClass: string | undefined;
  /** Option 82 as the relay sent it, kept for renewals, which come without it. */
  readonly relayAgentInfo: Uint8Array | undefined;
}

/** The whole new value of one address, or that nothing is known of it any more. Replaying is harmless. */
export type LeaseChange =
  { readonly kind: 'put'; readonly lease: Lease } | { readonly kind: 'forget'; readonly address: Ipv4 };

/** The state as of `now`: a bound or offered lease whose time has passed is expired, whether or not a timer saw it. */
export function effectiveLeaseState(lease: Lease, now: number): LeaseState {
  const over = lease.expiresAt !== undefined && lease.expiresAt <= now;
  return over && (lease.state === 'bound' || lease.state === 'offered') ? 'expired' : lease.state;
}
