import type { Ipv4 } from '../addr/ipv4.ts';
import { clientKeyOf, ethernetAddress, type ClientKey, type Lease, type LeaseState } from '../dhcp/lease.ts';
import { encodeEncapsulated } from '../wire/dhcp/encapsulated-options.ts';
import type { SourcePlace } from './source-place.ts';

/** The binding states of dhcpd.leases(5). */
export const BINDING_STATES = [
  'active',
  'free',
  'abandoned',
  'expired',
  'released',
  'reset',
  'backup',
] as const;

export type BindingState = (typeof BINDING_STATES)[number];

/** A lease declaration of dhcpd.leases, the last one of its address. Times are milliseconds since 1970. */
export interface LeaseFileRecord {
  readonly address: Ipv4;
  readonly place: SourcePlace;
  readonly state: BindingState;
  readonly startsAt: number | undefined;
  /** `never`: without end; undefined: not said. */
  readonly endsAt: number | 'never' | undefined;
  /** `cltt`: the client's last transaction. */
  readonly lastSeenAt: number | undefined;
  readonly htype: number;
  /** Undefined on abandoned addresses as a rule. */
  readonly hardwareAddress: Uint8Array | undefined;
  readonly uid: Uint8Array | undefined;
  readonly hostname: string | undefined;
  readonly vendorClass: string | undefined;
  /** Sub-options of option 82 by code. */
  readonly agentOptions: ReadonlyMap<number, Uint8Array>;
  /** `bootp` or `dynamic-bootp`. */
  readonly bootp: boolean;
  /** dhcpd keeps the address for this client even when it is free. */
  readonly reserved: boolean;
}

/** How long an abandoned address is left alone when the file does not say: dhcpd's `abandon-lease-time`. */
const ABANDONED_MS = 86_400_000;

/**
 * The lease that a record stands for as of `now`: undefined for an address that is free and that nobody is remembered for.
 *
 * What was free or has run out keeps the memory of its last holder, who gets the address again if nobody took it.
 */
export function leaseOfRecord(record: LeaseFileRecord, now: number): Lease | undefined {
  const { address, uid, htype, hardwareAddress = new Uint8Array(0), agentOptions } = record;
  const startsAt = record.startsAt ?? record.lastSeenAt ?? now;
  const isAbandoned = record.state === 'abandoned';
  const client = isAbandoned ? undefined : clientOf(record);
  if (client === undefined && !isAbandoned) return undefined;
  return {
    address,
    state: stateOf(record, now),
    client,
    clientId: isAbandoned ? undefined : uid,
    htype,
    hardwareAddress,
    mac: ethernetAddress(htype, hardwareAddress),
    startsAt,
    expiresAt: endOf(record, startsAt),
    lastSeenAt: record.lastSeenAt ?? startsAt,
    bootp: record.bootp,
    hostname: record.hostname,
    vendorClass: record.vendorClass,
    relayAgentInfo: agentOptions.size === 0 ? undefined : encodeEncapsulated(agentOptions, 'no-end'),
  };
}

function clientOf({ uid, htype, hardwareAddress }: LeaseFileRecord): ClientKey | undefined {
  if (uid === undefined && hardwareAddress === undefined) return undefined;
  return clientKeyOf(uid, htype, hardwareAddress ?? new Uint8Array(0));
}

function stateOf({ state, endsAt }: LeaseFileRecord, now: number): LeaseState {
  switch (state) {
    case 'active':
      return typeof endsAt === 'number' && endsAt <= now ? 'expired' : 'bound';
    case 'abandoned':
      return 'declined';
    case 'released':
      return 'released';
    case 'free':
    case 'expired':
    case 'reset':
    case 'backup':
      return 'expired';
  }
}

/** Only an active lease may be without end. */
function endOf({ state, endsAt }: LeaseFileRecord, startsAt: number): number | undefined {
  if (typeof endsAt === 'number') return endsAt;
  if (state === 'active') return endsAt === 'never' ? undefined : startsAt;
  return state === 'abandoned' ? startsAt + ABANDONED_MS : startsAt;
}
