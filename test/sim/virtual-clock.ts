/** Time that passes only when something is due: a whole boot of a rack takes milliseconds, the same every time. */
export class VirtualClock {
  #now = 0;
  #serial = 0;
  /** A binary heap by time, then by order of making. */
  readonly #heap: { readonly at: number; readonly serial: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  at(time: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ at: Math.max(time, this.#now), serial: this.#serial++, run });
    for (let child = heap.length - 1; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!this.#before(child, parent)) break;
      this.#swap(child, parent);
      child = parent;
    }
  }

  after(milliseconds: number, run: () => void): void {
    this.at(this.#now + milliseconds, run);
  }

  /** Runs everything that is due up to `until`; false when there was nothing left before that. */
  runUntil(until: number, done: () => boolean = () => false): boolean {
    while (!done()) {
      const next = this.#heap[0];
      if (next === undefined) return false;
      if (next.at > until) break;
      this.#pop();
      this.#now = next.at;
      next.run();
    }
    this.#now = Math.max(this.#now, Math.min(until, this.#heap[0]?.at ?? until));
    return true;
  }

  /** As `runUntil`, for what waits for promises: after each event, all that they lead to happens before the next one. */
  async runSettled(until: number, done: () => boolean = () => false): Promise<void> {
    while (!done()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.#now = Math.max(this.#now, until);
        return;
      }
      this.#pop();
      this.#now = next.at;
      next.run();
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let parent = 0; ;) {
      const left = 2 * parent + 1;
      let least = parent;
      for (const child of [left, left + 1]) {
        if (child < heap.length && this.#before(child, least)) least = child;
      }
      if (least === parent) return;
      this.#swap(least, parent);
      parent = least;
    }
  }

  #before(left: number, right: number): boolean {
    const a = this.#heap[left]!;
    const b = this.#heap[right]!;
    return a.at === b.at ? a.serial < b.serial : a.at < b.at;
  }

  #swap(left: number, right: number): void {
    const kept = this.#heap[left]!;
    this.#heap[left] = this.#heap[right]!;
    this.#heap[right] = kept;
  }
}

/** A seeded source of numbers in [0, 1): the same seed gives the same run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
