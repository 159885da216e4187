import type { Ipv4 } from '../addr/ipv4.ts';
import { rangeSize } from '../addr/subnet.ts';
import { isAvailable, isExcluded, isOwn, judgeClaim, mayHave, ownRecords, reservedAddress } from './claim.ts';
import type { RangeSettings } from './dhcp-settings.ts';
import type { Lease } from './lease.ts';
import { boundLease, standingOffer, type AddressRecord } from './lease-table-view.ts';
import type { SilenceReason } from './outcome.ts';
import { mayUseRange } from './range-permits.ts';
import type { LocatedSituation } from './situation.ts';
import { rangesOf } from './subnet-selection.ts';

/** An address for a client, or why there is none. */
export type AddressChoice =
  /** The client's own: reserved, bound to it, or on offer to it. */
  | { readonly kind: 'own'; readonly address: Ipv4 }
  /** Nobody's so far. */
  | {
      readonly kind: 'new';
      readonly address: Ipv4;
      /** Somebody was found on it once. */
      readonly declined: boolean;
      /** Nothing ties it to this client: it counts as an offer to a newcomer. */
      readonly toNewcomer: boolean;
    }
  | { readonly kind: 'none'; readonly reason: SilenceReason };

/** The share of its ranges that offers to newcomers of one relay, or interface, may fill. */
const NEWCOMERS_SHARE = 0.75;

/** A small range is not worth rationing: a rack of this many machines may start at once. */
const LEAST_NEWCOMERS = 16;

/**
 * Chooses an address in the order of RFC 2131 section 4.3.1: the reservation; the lease that the client has; the offer that
 * stands; the lease that it had last; the address that it asks for; one that nobody ever had; the one that nobody has
 * had for longest; the one that was declined longest ago. A lease that somebody has is never taken away. `ranges` are the
 * open ones.
 */
export function chooseAddress(situation: LocatedSituation, ranges: readonly RangeSettings[]): AddressChoice {
  const reserved = reservedAddress(situation);
  if (reserved !== undefined) {
    const claim = judgeClaim(reserved, situation);
    if (claim === 'reserved-in-use') return { kind: 'none', reason: 'reservation-in-use' };
    return { kind: 'own', address: reserved };
  }
  const own = ownAddress(situation);
  if (own !== undefined) return own;
  if (outstandingOffersFill(situation, ranges)) return { kind: 'none', reason: 'too-many-offers' };
  const { requestedAddress } = situation.request;
  if (requestedAddress !== undefined && isAvailable(requestedAddress, situation)) {
    return { kind: 'new', address: requestedAddress, declined: false, toNewcomer: true };
  }
  const { view } = situation;
  const free = view.leases.findFree(
    ranges.map(({ range }) => range),
    view.now,
    (address) => isExcluded(address, situation),
  );
  if (free === undefined) return { kind: 'none', reason: 'no-free-address' };
  return { kind: 'new', ...free, toNewcomer: true };
}

/** The client's lease, the offer to it, or its last lease, as far as it may have it on this wire. */
function ownAddress(situation: LocatedSituation): AddressChoice | undefined {
  const { now } = situation.view;
  const records = ownRecords(situation).filter(({ address }) => mayHave(address, situation));
  const bound = latest(records, situation, (record) => boundLease(record, now));
  if (bound !== undefined) return { kind: 'own', address: bound };
  const offered = latest(records, situation, (record) => standingOffer(record, now));
  if (offered !== undefined) return { kind: 'own', address: offered };
  const former = latest(
    records.filter(({ address }) => isAvailable(address, situation)),
    situation,
    ({ lease }) => lease,
  );
  return former === undefined
    ? undefined
    : { kind: 'new', address: former, declined: false, toNewcomer: false };
}

/** The address of the client's latest lease among those that `pick` takes from the records. */
function latest(
  records: readonly AddressRecord[],
  situation: LocatedSituation,
  pick: (record: AddressRecord) => Lease | undefined,
): Ipv4 | undefined {
  let best: Lease | undefined;
  for (const record of records) {
    const lease = pick(record);
    if (lease === undefined || !isOwn(lease, situation)) continue;
    if (best === undefined || lease.lastSeenAt > best.lastSeenAt) best = lease;
  }
  return best?.address;
}

/** The ranges of the wire that the client may use. */
export function openRanges(situation: LocatedSituation): readonly RangeSettings[] {
  const ranges = rangesOf(situation.selected.network);
  const isOpen = (range: RangeSettings): boolean => mayUseRange(range, situation);
  return ranges.every(isOpen) ? ranges : ranges.filter(isOpen);
}

/** Where offers are counted: for each relay, or for the interface itself. */
export function offerOrigin({ request }: LocatedSituation): string {
  return request.relayAddress === undefined ? request.link.name : `relay ${request.relayAddress}`;
}

function outstandingOffersFill(situation: LocatedSituation, ranges: readonly RangeSettings[]): boolean {
  const { leases, now } = situation.view;
  return leases.offersVia(offerOrigin(situation), now) >= newcomersMax(ranges);
}

/** How many offers to newcomers may stand for one relay, or interface. */
function newcomersMax(ranges: readonly RangeSettings[]): number {
  const size = ranges.reduce((sum, { range }) => sum + rangeSize(range), 0);
  return Math.max(LEAST_NEWCOMERS, Math.floor(size * NEWCOMERS_SHARE));
}

/** Where less than this share is left, of free addresses or of newcomers' offers, an offer is held for so many seconds. */
const TIGHT_HOLDS = [
  { share: 0.1, seconds: 10 },
  { share: 0.25, seconds: 30 },
] as const;

/**
 * How long an offer is held. A client answers within seconds; when addresses run out, or what newcomers by one relay or
 * interface may have of them, those that it does not answer for must come back soon, so that a flood of DISCOVERs cannot
 * lock a range for long.
 */
export function offerHoldSeconds(situation: LocatedSituation, ranges: readonly RangeSettings[]): number {
  const { leases, now, settings } = situation.view;
  let free = 0;
  let size = 0;
  for (const { range } of ranges) {
    free += leases.freeCount(range, now);
    size += rangeSize(range);
  }
  const newcomers = newcomersMax(ranges);
  const offers = leases.offersVia(offerOrigin(situation), now);
  // What is left when this offer has gone out.
  const left = Math.min((free - 1) / size, (newcomers - offers - 1) / newcomers);
  const tight = TIGHT_HOLDS.find(({ share }) => left < share);
  return Math.min(settings.offerHoldSeconds, tight?.seconds ?? Infinity);
}
