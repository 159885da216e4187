import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { AddressRange } from '../addr/subnet.ts';
import { isOver, type ClientKey, type Lease } from './lease.ts';

/** What is known of an address. Judge it by the functions below, which know the time. */
export interface AddressRecord {
  readonly address: Ipv4;
  /** Bound, released, expired or declined; undefined: never given to anybody. */
  readonly lease: Lease | undefined;
  /** State `offered`. */
  readonly offer: Lease | undefined;
}

/** An address that nobody has. */
export interface FreeAddress {
  readonly address: Ipv4;
  /** Somebody else was found on it once; it is given since nothing else is left, and after a check. */
  readonly declined: boolean;
}

/** Read-only view of the leases; times are milliseconds since 1970. */
export interface LeaseTableView {
  /** Undefined when nothing is known of the address. */
  at(address: Ipv4): AddressRecord | undefined;
  /** Addresses that the client has, had, or is offered. */
  ofClient(client: ClientKey): readonly AddressRecord[];
  /** Leases, past ones too, that were made for a network card. */
  byMac(mac: Mac): readonly Lease[];
  /** Each address once: its standing offer, where its lease is no longer bound, else its lease. In no order. */
  leases(now: number): Iterable<Lease>;
  /**
   * The best address of the ranges that nobody has: a never used one, else the one idle longest, else the one that was
   * declined longest ago. Addresses for which `isExcluded` holds are passed over, and not asked about again for
   * a minute.
   */
  findFree(
    ranges: readonly AddressRange[],
    now: number,
    isExcluded: (address: Ipv4) => boolean,
  ): FreeAddress | undefined;
  /** How many addresses of the range are neither bound, offered nor declined. */
  freeCount(range: AddressRange, now: number): number;
  /** How many offers stand that went out by one relay or interface. */
  offersVia(origin: string, now: number): number;
}

/** The offer that stands at `now`. */
export function standingOffer(record: AddressRecord | undefined, now: number): Lease | undefined {
  const offer = record?.offer;
  return offer !== undefined && !isOver(offer, now) ? offer : undefined;
}

/** The lease that is bound at `now`. */
export function boundLease(record: AddressRecord | undefined, now: number): Lease | undefined {
  const lease = record?.lease;
  return lease?.state === 'bound' && !isOver(lease, now) ? lease : undefined;
}

/** Whether the address was declined and is to be left alone at `now`. */
export function isDeclined(record: AddressRecord | undefined, now: number): boolean {
  const lease = record?.lease;
  return lease?.state === 'declined' && !isOver(lease, now);
}

/** Whether nobody has the address at `now`, nor was anybody found on it. */
export function isFree(record: AddressRecord | undefined, now: number): boolean {
  return (
    boundLease(record, now) === undefined &&
    standingOffer(record, now) === undefined &&
    !isDeclined(record, now)
  );
}
