/** Something with a deadline, which it may move at any time without telling the wheel. */
export interface Timed {
  /** Milliseconds on the clock that is given to `advance`; Infinity when the thing needs no timer any more. */
  readonly deadline: number;
}

/**
 * Thousands of timers that are nearly always put off before they fire. Putting off costs nothing: an item stays in
 * its slot, and when the slot comes round the wheel looks at the deadline again. The wheel is small, so every item
 * is looked at once a turn (`tickMs * slots`). A timer never fires early, and at most one tick late; one that was moved
 * to an earlier time, at most one turn late.
 */
export class TimerWheel<T extends Timed> {
  readonly #slots: T[][];
  readonly #tickMs: number;
  /** Number of the last tick that was dealt with. */
  #tick: number;
  #size = 0;

  constructor(now: number, tickMs = 10, slots = 16) {
    this.#tickMs = tickMs;
    this.#tick = Math.floor(now / tickMs);
    this.#slots = Array.from({ length: slots }, () => []);
  }

  /** Items in the wheel, those included whose deadline has become Infinity and whose slot has not come yet. */
  get size(): number {
    return this.#size;
  }

  /** Files an item. It is added once, and stays until a look at it finds the deadline Infinity. */
  add(item: T): void {
    this.#size += 1;
    this.#file(item);
  }

  /** Calls `fire` for every item that is due. One that is still due afterwards fires again a tick later. */
  advance(now: number, fire: (item: T) => void): void {
    const last = Math.floor(now / this.#tickMs);
    // After a long pause one turn of the wheel sees every item.
    for (let tick = Math.max(this.#tick + 1, last - this.#slots.length + 1); tick <= last; tick++) {
      this.#tick = tick;
      const index = tick % this.#slots.length;
      const slot = this.#slots[index];
      if (slot === undefined || slot.length === 0) continue;
      this.#slots[index] = [];
      for (const item of slot) {
        if (item.deadline <= now) fire(item);
        if (item.deadline === Infinity) this.#size -= 1;
        else this.#file(item);
      }
    }
  }

  #file(item: T): void {
    const ahead = Math.ceil(item.deadline / this.#tickMs) - this.#tick;
    const bounded = Math.min(Math.max(ahead, 1), this.#slots.length - 1);
    this.#slots[(this.#tick + bounded) % this.#slots.length]?.push(item);
  }
}
