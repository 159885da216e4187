import { ipv4FromNumber, type Ipv4 } from '../addr/ipv4.ts';
import { rangeSize, type AddressRange } from '../addr/subnet.ts';
import type { Lease } from './lease.ts';
import { TimeHeap, type Timed } from './time-heap.ts';

/**
 * - `taken`: offered, bound, or set aside
 * - `declined`: somebody else was found on it; given again only when nothing else is left
 * - `idle`: nobody's
 */
export type Standing = 'taken' | 'declined' | 'idle';

/** One address that something is, or was, known of. The lease table alone changes it. */
export class AddressSlot implements Timed {
  readonly address: Ipv4;
  /** What is known of the address; also a lease that is over, so that its client may have it again. */
  lease: Lease | undefined;
  /** The offer that stands besides. */
  offer: Lease | undefined;
  standing: Standing = 'idle';
  /** When the standing has to be looked at again. */
  dueAt = Infinity;
  filedAt = Infinity;
  heapIndex = -1;
  /** Since when nobody has it; the order in which addresses are given again. */
  idleSince = 0;
  /** Until when it is passed over, since it is kept for somebody who has no lease of it. */
  asideUntil = 0;
  pool: AddressPool | undefined;
  /** Neighbours in the pool's list of idle addresses. */
  before: AddressSlot | undefined;
  after: AddressSlot | undefined;

  constructor(address: Ipv4) {
    this.address = address;
  }
}

/**
 * The addresses of one range by how soon they should be given: never used ones from the bottom up, then idle ones, the
 * longest idle first, then declined ones, the oldest first. Nothing here takes longer in a larger range.
 */
export class AddressPool {
  readonly range: AddressRange;
  readonly #declined = new TimeHeap<AddressSlot>();
  #taken = 0;
  /** All addresses below it have, or had, a slot. */
  #nextFresh: number;
  #longestIdle: AddressSlot | undefined;
  #latestIdle: AddressSlot | undefined;

  constructor(range: AddressRange) {
    this.range = range;
    this.#nextFresh = range.first;
  }

  /** Addresses that are neither taken nor declined. */
  get freeCount(): number {
    return rangeSize(this.range) - this.#taken - this.#declined.size;
  }

  /** The next address without a slot; those that have one are passed for good, since slots of a range stay. */
  nextFresh(hasSlot: (address: Ipv4) => boolean): Ipv4 | undefined {
    while (this.#nextFresh <= this.range.last) {
      const address = ipv4FromNumber(this.#nextFresh);
      if (!hasSlot(address)) return address;
      this.#nextFresh += 1;
    }
    return undefined;
  }

  get longestIdle(): AddressSlot | undefined {
    return this.#longestIdle;
  }

  get oldestDeclined(): AddressSlot | undefined {
    return this.#declined.earliest();
  }

  /** Files a slot by its standing. */
  add(slot: AddressSlot): void {
    if (slot.standing === 'taken') this.#taken += 1;
    else if (slot.standing === 'declined') this.#declined.put(slot);
    else this.#appendIdle(slot);
  }

  /** Takes out a slot that was filed; its standing must still be the one that it was filed by. */
  remove(slot: AddressSlot): void {
    if (slot.standing === 'taken') this.#taken -= 1;
    else if (slot.standing === 'declined') this.#declined.remove(slot);
    else this.#unlinkIdle(slot);
  }

  #appendIdle(slot: AddressSlot): void {
    slot.before = this.#latestIdle;
    if (this.#latestIdle === undefined) this.#longestIdle = slot;
    else this.#latestIdle.after = slot;
    this.#latestIdle = slot;
  }

  #unlinkIdle(slot: AddressSlot): void {
    if (slot.before === undefined) this.#longestIdle = slot.after;
    else slot.before.after = slot.after;
    if (slot.after === undefined) this.#latestIdle = slot.before;
    else slot.after.before = slot.before;
    slot.before = undefined;
    slot.after = undefined;
  }
}
