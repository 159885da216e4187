import type { Ipv4 } from '../addr/ipv4.ts';
import { macFromBytes, type Mac } from '../addr/mac.ts';

declare const clientKeyBrand: unique symbol;

/**
 * Who a client is, as text that compares equal exactly when the client is the same (RFC 2131 section 4.2): `id:`
 * and the hex octets of option 61, or `hw:`, the hardware type and the hex octets of chaddr.
 */
export type ClientKey = string & { readonly [clientKeyBrand]: true };

/** Hardware type 1 of the IANA list, "Ethernet (10Mb)". */
export const ETHERNET = 1;

/** The key of a client that is known by its network card. */
export function hardwareClientKey(htype: number, hardwareAddress: Uint8Array): ClientKey {
  return `hw:${htype}:${hexOf(hardwareAddress)}` as ClientKey;
}

/**
 * The key of a client. A client identifier that is just the hardware type and address of the very card (`01:MAC`, which
 * iPXE, udhcpc and Windows send) says no more than chaddr does, so it is the same client as the same card without one:
 * firmware, boot loader and system of one machine share an address, whichever of them comes first.
 */
export function clientKeyOf(
  clientId: Uint8Array | undefined,
  htype: number,
  hardwareAddress: Uint8Array,
): ClientKey {
  if (clientId === undefined || isHardwareIdentifier(clientId, htype, hardwareAddress)) {
    return hardwareClientKey(htype, hardwareAddress);
  }
  return `id:${hexOf(clientId)}` as ClientKey;
}

function isHardwareIdentifier(clientId: Uint8Array, htype: number, hardwareAddress: Uint8Array): boolean {
  return (
    hardwareAddress.length > 0 &&
    clientId.length === hardwareAddress.length + 1 &&
    clientId[0] === htype &&
    hardwareAddress.every((octet, index) => clientId[index + 1] === octet)
  );
}

function hexOf(octets: Uint8Array): string {
  let hex = '';
  for (const octet of octets) hex += HEX_OCTETS[octet] ?? '';
  return hex;
}

const HEX_OCTETS: readonly string[] = Array.from({ length: 256 }, (_, octet) =>
  octet.toString(16).padStart(2, '0'),
);

/** The Ethernet address of a card; undefined for other hardware. */
export function ethernetAddress(htype: number, hardwareAddress: Uint8Array): Mac | undefined {
  return htype === ETHERNET ? macFromBytes(hardwareAddress) : undefined;
}

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
  /** Only of an offer: the relay's address, or the interface, that it went out by; offers are bounded for each. */
  readonly offeredVia?: string | undefined;
}

/**
 * The whole new value of one address, or that nothing is known of it any more. Replaying is harmless. An offer does not
 * replace what was known of its address: it stands beside it until it is taken up or over. Putting an offer whose time is
 * over takes it back.
 */
export type LeaseChange =
  { readonly kind: 'put'; readonly lease: Lease } | { readonly kind: 'forget'; readonly address: Ipv4 };

/**
 * The changes that must be on stable storage before the reply leaves (RFC 2131 section 2.1). Offers are none of them: each is
 * a promise for seconds, to a client that asks again.
 */
export function durableChanges(changes: readonly LeaseChange[]): readonly LeaseChange[] {
  return changes.filter((change) => change.kind === 'forget' || change.lease.state !== 'offered');
}

/** The state as of `now`: a bound or offered lease whose time has passed is expired, whether or not a timer saw it. */
export function effectiveLeaseState(lease: Lease, now: number): LeaseState {
  return (lease.state === 'bound' || lease.state === 'offered') && isOver(lease, now)
    ? 'expired'
    : lease.state;
}

/** Whether the time of a lease, an offer or a declined address has passed. */
export function isOver(lease: Lease, now: number): boolean {
  return lease.expiresAt !== undefined && lease.expiresAt <= now;
}
