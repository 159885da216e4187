import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { AddressRange } from '../addr/subnet.ts';
import { AddressIndex } from './address-index.ts';
import { AddressPool, AddressSlot, type Standing } from './address-pool.ts';
import { effectiveLeaseState, isOver, type ClientKey, type Lease, type LeaseChange } from './lease.ts';
import { shiftLease } from './lease-times.ts';
import {
  boundLease,
  isDeclined,
  standingOffer,
  type AddressRecord,
  type FreeAddress,
  type LeaseTableView,
} from './lease-table-view.ts';
import { TimeHeap } from './time-heap.ts';

/** How long an address that is kept for somebody is passed over before it is asked about again. */
const SET_ASIDE_MS = 60_000;

/** A step back of the clock that no adjustment of a running clock makes. */
const CLOCK_STEP_MS = 1000;

/** Told when a bound lease ran out; at the next question after that, not at the moment itself. */
export type ExpiryListener = (lease: Lease) => void;

/**
 * All leases and offers, complete in memory; what is on disk are its `durableChanges`. Every operation takes the logarithm of
 * the number of leases at most, whatever the size of the ranges.
 *
 * A lease is over when its time has passed, by the clock of whoever asks; no timer is needed. Once it was seen to be over it
 * stays so, even if the clock then steps back.
 */
export class LeaseTable implements LeaseTableView {
  readonly #slots = new Map<Ipv4, AddressSlot>();
  readonly #byClient = new AddressIndex<ClientKey>();
  readonly #byMac = new AddressIndex<Mac>();
  readonly #offersByOrigin = new Map<string, number>();
  /** Taken slots by when they may become free. */
  readonly #due = new TimeHeap<AddressSlot>();
  readonly #onExpired: ExpiryListener | undefined;
  readonly #lapsed = new Set<Ipv4>();
  /** In the order of addresses; they do not overlap. */
  #pools: readonly AddressPool[] = [];
  #latest = -Infinity;

  constructor(ranges: readonly AddressRange[], onExpired?: ExpiryListener) {
    this.#onExpired = onExpired;
    this.replaceRanges(ranges);
  }

  /**
   * Takes over the ranges of a new configuration. Leases outside of them stay known; an address that nobody has had is as
   * fresh as after a start, whatever was found out about it before.
   */
  replaceRanges(ranges: readonly AddressRange[]): void {
    this.#pools = ranges.toSorted((a, b) => a.first - b.first).map((range) => new AddressPool(range));
    const slots = [...this.#slots.values()].sort((a, b) => a.idleSince - b.idleSince);
    for (const slot of slots) {
      if (slot.lease === undefined && slot.offer === undefined) {
        this.#due.remove(slot);
        this.#slots.delete(slot.address);
        continue;
      }
      // The list of idle slots, and the heap of declined ones, belong to the pool that is gone.
      slot.before = undefined;
      slot.after = undefined;
      if (slot.standing === 'declined') slot.heapIndex = -1;
      slot.pool = this.#poolOf(slot.address);
      slot.pool?.add(slot);
    }
  }

  /** The leases that a store kept, at start. Those that are over are given again in the order in which they ended. */
  restore(leases: readonly Lease[], now: number): void {
    const endOf = (lease: Lease): number => lease.expiresAt ?? Infinity;
    const inOrder = leases.toSorted((a, b) => endOf(a) - endOf(b));
    // What ran out while nobody was here is no news for the listener.
    const asOfNow = inOrder.map((lease) => ({ ...lease, state: effectiveLeaseState(lease, now) }));
    this.apply(
      asOfNow.map((lease) => ({ kind: 'put', lease })),
      now,
    );
  }

  /** Takes over changes in their order. */
  apply(changes: readonly LeaseChange[], now: number): void {
    this.#observe(now);
    for (const change of changes) {
      if (change.kind === 'forget') this.#forget(change.address, now);
      else this.#put(change.lease, now);
    }
  }

  /**
   * The clock was set by so many milliseconds: all times move along, so that each lease, offer and declined address lasts
   * for as long as it would have. `kept` must be made durable again.
   */
  shift(milliseconds: number): void {
    for (const slot of this.#slots.values()) {
      // No index and no order depends on what changes here.
      slot.lease = slot.lease && shiftLease(slot.lease, milliseconds);
      slot.offer = slot.offer && shiftLease(slot.offer, milliseconds);
      slot.dueAt += milliseconds;
      slot.filedAt += milliseconds;
      slot.idleSince += milliseconds;
      slot.asideUntil += milliseconds;
    }
    this.#latest += milliseconds;
  }

  /** What a store keeps: every lease, past ones and declined addresses too, and no offers. */
  *kept(): Iterable<Lease> {
    for (const { lease } of this.#slots.values()) if (lease !== undefined) yield lease;
  }

  /** Addresses that were declined until their time was over: gone from here, while a store may still hold the record. */
  lapsed(): Iterable<Ipv4> {
    return this.#lapsed;
  }

  at(address: Ipv4): AddressRecord | undefined {
    return this.#slots.get(address);
  }

  ofClient(client: ClientKey): readonly AddressRecord[] {
    return this.#slotsAt(this.#byClient.get(client));
  }

  byMac(mac: Mac): readonly Lease[] {
    return this.#slotsAt(this.#byMac.get(mac)).flatMap(({ lease }) => lease ?? []);
  }

  *leases(now: number): Iterable<Lease> {
    for (const slot of this.#slots.values()) {
      const offer = boundLease(slot, now) === undefined ? standingOffer(slot, now) : undefined;
      const lease = offer ?? slot.lease;
      if (lease !== undefined) yield lease;
    }
  }

  findFree(
    ranges: readonly AddressRange[],
    now: number,
    isExcluded: (address: Ipv4) => boolean,
  ): FreeAddress | undefined {
    this.#observe(now);
    const pools = ranges.flatMap((range) => this.#poolOf(range.first) ?? []);
    for (const pool of pools) {
      const address = this.#findFresh(pool, now, isExcluded);
      if (address !== undefined) return { address, declined: false };
    }
    const idle = this.#findFirst(pools, (pool) => pool.longestIdle, 'idleSince', now, isExcluded);
    if (idle !== undefined) return { address: idle.address, declined: false };
    const declined = this.#findFirst(pools, (pool) => pool.oldestDeclined, 'dueAt', now, isExcluded);
    return declined && { address: declined.address, declined: true };
  }

  freeCount(range: AddressRange, now: number): number {
    this.#observe(now);
    return this.#poolOf(range.first)?.freeCount ?? 0;
  }

  offersVia(origin: string, now: number): number {
    this.#observe(now);
    return this.#offersByOrigin.get(origin) ?? 0;
  }

  /** Lets time pass: sees what is over, so that listeners learn of it in time. */
  advance(now: number): void {
    this.#observe(now);
  }

  #slotsAt(addresses: Iterable<Ipv4>): readonly AddressSlot[] {
    const slots: AddressSlot[] = [];
    for (const address of addresses) {
      const slot = this.#slots.get(address);
      if (slot !== undefined) slots.push(slot);
    }
    return slots;
  }

  #findFresh(pool: AddressPool, now: number, isExcluded: (address: Ipv4) => boolean): Ipv4 | undefined {
    for (;;) {
      const address = pool.nextFresh((candidate) => this.#slots.has(candidate));
      if (address === undefined || !isExcluded(address)) return address;
      this.#setAside(this.#slotFor(address), now);
    }
  }

  /** The slot that comes first by `order` among those that `choose` takes from each pool. */
  #findFirst(
    pools: readonly AddressPool[],
    choose: (pool: AddressPool) => AddressSlot | undefined,
    order: 'idleSince' | 'dueAt',
    now: number,
    isExcluded: (address: Ipv4) => boolean,
  ): AddressSlot | undefined {
    for (;;) {
      let first: AddressSlot | undefined;
      for (const pool of pools) {
        const candidate = choose(pool);
        if (candidate !== undefined && (first === undefined || candidate[order] < first[order]))
          first = candidate;
      }
      if (first === undefined || !isExcluded(first.address)) return first;
      this.#setAside(first, now);
    }
  }

  #setAside(slot: AddressSlot, now: number): void {
    slot.asideUntil = now + SET_ASIDE_MS;
    this.#settle(slot, now);
  }

  #slotFor(address: Ipv4): AddressSlot {
    const present = this.#slots.get(address);
    if (present !== undefined) return present;
    const slot = new AddressSlot(address);
    slot.pool = this.#poolOf(address);
    slot.pool?.add(slot);
    this.#slots.set(address, slot);
    return slot;
  }

  #put(lease: Lease, now: number): void {
    const slot = this.#slotFor(lease.address);
    if (lease.state === 'offered') {
      this.#replaceOffer(slot, isOver(lease, now) ? undefined : lease);
      if (slot.offer === undefined) slot.idleSince = now;
    } else {
      this.#replaceOffer(slot, undefined);
      this.#replaceLease(slot, lease);
      slot.idleSince = lease.state === 'released' ? lease.lastSeenAt : (lease.expiresAt ?? now);
    }
    this.#settle(slot, now);
  }

  #forget(address: Ipv4, now: number): void {
    const slot = this.#slots.get(address);
    if (slot === undefined) return;
    this.#replaceOffer(slot, undefined);
    this.#replaceLease(slot, undefined);
    this.#settle(slot, now);
    // A slot of a range stays: its pool will not come by this address again.
    if (slot.pool === undefined) this.#slots.delete(address);
  }

  #replaceOffer(slot: AddressSlot, offer: Lease | undefined): void {
    const before = slot.offer;
    slot.offer = offer;
    this.#countOffer(before, -1);
    this.#countOffer(offer, 1);
    this.#reindexClients(slot, before, slot.lease);
  }

  #replaceLease(slot: AddressSlot, lease: Lease | undefined): void {
    if (lease !== undefined) this.#lapsed.delete(slot.address);
    const before = slot.lease;
    slot.lease = lease;
    if (before?.mac !== undefined && before.mac !== lease?.mac) this.#byMac.remove(before.mac, slot.address);
    if (lease?.mac !== undefined) this.#byMac.add(lease.mac, slot.address);
    this.#reindexClients(slot, before, slot.offer);
  }

  /** After one of a slot's two leases was replaced: `before` is the old one, `other` the one that stayed. */
  #reindexClients(slot: AddressSlot, before: Lease | undefined, other: Lease | undefined): void {
    const { address, lease, offer } = slot;
    if (before?.client !== undefined && before.client !== other?.client) {
      this.#byClient.remove(before.client, address);
    }
    if (lease?.client !== undefined) this.#byClient.add(lease.client, address);
    if (offer?.client !== undefined) this.#byClient.add(offer.client, address);
  }

  #countOffer(offer: Lease | undefined, by: 1 | -1): void {
    if (offer?.offeredVia === undefined) return;
    const count = (this.#offersByOrigin.get(offer.offeredVia) ?? 0) + by;
    if (count > 0) this.#offersByOrigin.set(offer.offeredVia, count);
    else this.#offersByOrigin.delete(offer.offeredVia);
  }

  /** Files a slot anew by what is true of it at `now`. */
  #settle(slot: AddressSlot, now: number): void {
    slot.pool?.remove(slot);
    if (slot.offer !== undefined && standingOffer(slot, now) === undefined) {
      slot.idleSince = slot.offer.expiresAt ?? now;
      this.#replaceOffer(slot, undefined);
    }
    if (slot.lease !== undefined && isOver(slot.lease, now)) this.#end(slot, slot.lease);
    const { standing, dueAt } = standingOf(slot, now);
    slot.standing = standing;
    slot.dueAt = dueAt;
    // Declined slots are kept in their pool, by the same time.
    if (standing === 'taken' && dueAt < Infinity) this.#due.put(slot);
    else this.#due.remove(slot);
    slot.pool?.add(slot);
  }

  /** Puts on record that a lease is over: it is so even if the clock steps back behind its end. */
  #end(slot: AddressSlot, lease: Lease): void {
    if (lease.state === 'bound') {
      this.#replaceLease(slot, { ...lease, state: 'expired' });
      this.#onExpired?.(lease);
    } else if (lease.state === 'declined') {
      this.#replaceLease(slot, undefined);
      this.#lapsed.add(slot.address);
    }
  }

  #observe(now: number): void {
    if (now < this.#latest - CLOCK_STEP_MS) {
      // What was over by the clock as it was stays over, and nobody can tell how old the offers are.
      this.#settleDue(this.#latest);
      this.#withdrawOffers(now);
      this.#latest = now;
    }
    this.#latest = Math.max(this.#latest, now);
    this.#settleDue(this.#latest);
  }

  #settleDue(now: number): void {
    for (;;) {
      const slot = this.#due.earliest();
      if (slot === undefined || slot.dueAt > now) break;
      this.#settle(slot, now);
    }
    for (const pool of this.#pools) {
      for (;;) {
        const slot = pool.oldestDeclined;
        if (slot === undefined || slot.dueAt > now) break;
        this.#settle(slot, now);
      }
    }
  }

  #withdrawOffers(now: number): void {
    for (const slot of this.#slots.values()) {
      if (slot.offer === undefined) continue;
      this.#replaceOffer(slot, undefined);
      this.#settle(slot, now);
    }
  }

  #poolOf(address: Ipv4): AddressPool | undefined {
    let low = 0;
    let high = this.#pools.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const pool = this.#pools[middle];
      if (pool === undefined || address < pool.range.first) high = middle;
      else if (address > pool.range.last) low = middle + 1;
      else return pool;
    }
    return undefined;
  }
}

function standingOf(slot: AddressSlot, now: number): { readonly standing: Standing; readonly dueAt: number } {
  const { lease, offer } = slot;
  if (offer !== undefined) return { standing: 'taken', dueAt: offer.expiresAt ?? Infinity };
  if (lease?.state === 'bound') return { standing: 'taken', dueAt: lease.expiresAt ?? Infinity };
  if (slot.asideUntil > now) return { standing: 'taken', dueAt: slot.asideUntil };
  if (isDeclined(slot, now)) return { standing: 'declined', dueAt: lease?.expiresAt ?? Infinity };
  return { standing: 'idle', dueAt: Infinity };
}
