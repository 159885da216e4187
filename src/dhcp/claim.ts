import type { Ipv4 } from '../addr/ipv4.ts';
import { subnetBroadcast } from '../addr/subnet.ts';
import type { Lease } from './lease.ts';
import { boundLease, isDeclined, isFree, standingOffer, type AddressRecord } from './lease-table-view.ts';
import { mayUseRange } from './range-permits.ts';
import { isLeaseOfMachine, isReservedForOther } from './reservation.ts';
import type { LocatedSituation, Situation } from './situation.ts';
import { findRange, findSubnet } from './subnet-selection.ts';

/**
 * What an address is to a client:
 * - `offered`: on offer to it
 * - `reserved`: reserved for it on this wire, and nobody else has it
 * - `reserved-in-use`: reserved for it, but another machine still has it
 * - `not-reserved`: the client has a reservation on this wire, and this is another address
 * - `held`: its lease, and it may keep it
 * - `former`: it had it last, it is free, and the client may have it again
 * - `free`: nobody's, and the client may have it
 * - `taken`: somebody else's, or somebody else was found on it
 * - `unavailable`: an address of this wire that the client cannot be given
 * - `elsewhere`: no address of this wire
 */
export type Claim =
  | 'offered'
  | 'reserved'
  | 'reserved-in-use'
  | 'not-reserved'
  | 'held'
  | 'former'
  | 'free'
  | 'taken'
  | 'unavailable'
  | 'elsewhere';

/** Judges an address. A standing offer comes first: what was promised is kept, whatever changed since. */
export function judgeClaim(address: Ipv4, situation: LocatedSituation): Claim {
  const { view, selected, machine } = situation;
  const record = view.leases.at(address);
  const offer = standingOffer(record, view.now);
  if (offer !== undefined && isOwn(offer, situation)) return 'offered';
  if (findSubnet(address, selected.network) === undefined) return 'elsewhere';
  const reserved = reservedAddress(situation);
  if (reserved !== undefined) {
    if (!machine.fixedAddresses.includes(address)) return 'not-reserved';
    return isHeldByOther(record, situation) ? 'reserved-in-use' : 'reserved';
  }
  if (isHeldByOther(record, situation) || isDeclined(record, view.now)) return 'taken';
  if (!mayHave(address, situation)) return 'unavailable';
  const lease = record?.lease;
  if (lease === undefined || !isOwn(lease, situation)) return 'free';
  return boundLease(record, view.now) === undefined ? 'former' : 'held';
}

/** The first of the machine's reserved addresses that lies on its wire. */
export function reservedAddress({ machine, selected }: LocatedSituation): Ipv4 | undefined {
  return machine.fixedAddresses.find((address) => findSubnet(address, selected.network) !== undefined);
}

/**
 * Whether a lease, or offer, was made for this client. One that was made without client identifier is also that of the same
 * card with one: the system takes over from its boot ROM (dhcpd does so too).
 */
export function isOwn(lease: Lease, { client, request }: Situation): boolean {
  if (lease.client === client) return true;
  return lease.clientId === undefined && lease.client === request.cardKey;
}

/** Records of the addresses that the client has, had, or is offered, under each of its names. */
export function ownRecords({ client, request, view }: Situation): readonly AddressRecord[] {
  const records = view.leases.ofClient(client);
  const { cardKey } = request;
  return cardKey === client ? records : [...records, ...view.leases.ofClient(cardKey)];
}

function isHeldByOther(record: AddressRecord | undefined, situation: LocatedSituation): boolean {
  const { view, machine } = situation;
  const holders = [standingOffer(record, view.now), boundLease(record, view.now)];
  return holders.some(
    (lease) => lease !== undefined && !isOwn(lease, situation) && !isReservedLease(lease, machine),
  );
}

/** A reservation covers every program of its machine, whatever client identifier each of them sends. */
function isReservedLease(lease: Lease, machine: Situation['machine']): boolean {
  return machine.fixedAddresses.includes(lease.address) && isLeaseOfMachine(lease, machine);
}

/** Whether the address is one that the client may be given at all: of a range that is open to it, and kept for nobody. */
export function mayHave(address: Ipv4, situation: LocatedSituation): boolean {
  const range = findRange(address, situation.selected.network);
  return range !== undefined && mayUseRange(range, situation) && !isExcluded(address, situation);
}

/** Whether the address is nobody's and the client may be given it. */
export function isAvailable(address: Ipv4, situation: LocatedSituation): boolean {
  const { view } = situation;
  return isFree(view.leases.at(address), view.now) && mayHave(address, situation);
}

/** Addresses of a range that are never given away: others' reservations, the server's own, the relay's, the ends of the net. */
export function isExcluded(address: Ipv4, { request, view, machine, selected }: LocatedSituation): boolean {
  const { settings, nodes } = view;
  if (request.link.addresses.includes(address) || request.relayAddress === address) return true;
  const subnet = findSubnet(address, selected.network)?.subnet;
  if (subnet === undefined) return true;
  const hasEnds = subnet.prefixLength < 31;
  if (hasEnds && (address === subnet.network || address === subnetBroadcast(subnet))) return true;
  return isReservedForOther(address, machine, settings, nodes);
}
