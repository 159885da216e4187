import { StoreError, type RecordChange, type RecordStore } from '../../src/store/store.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** How a disk behaves. */
export interface DiskHabits {
  /** Milliseconds that a flush takes at least, and up to which more it may take at random. */
  readonly flushMs: number;
  readonly jitterMs: number;
}

interface Waiting {
  readonly changes: readonly RecordChange[];
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
}

/**
 * Stable storage in virtual time, with group commit as the real store has it: what comes while a flush runs shares the
 * next one. It loses in a crash what was not flushed, and of the flush
 * that was under way any part of its end.
 */
export class SimulatedDisk {
  /** While it is set, every flush fails: nothing is written, or, after an I/O error, nobody knows what was. */
  failing: boolean | 'io-error' = false;
  /** Milliseconds that every flush takes besides. */
  slowMs = 0;
  readonly #clock: VirtualClock;
  readonly #random: () => number;
  readonly #habits: DiskHabits;
  readonly #records = new Map<string, Uint8Array>();
  #waiting: Waiting[] = [];
  #underWay: readonly Waiting[] = [];
  /** Counts the crashes: a flush from before one has nobody to tell. */
  #life = 0;

  constructor(clock: VirtualClock, random: () => number, habits: DiskHabits) {
    this.#clock = clock;
    this.#random = random;
    this.#habits = habits;
  }

  /** What a power cut at this moment would leave. */
  durable(key: string): Uint8Array | undefined {
    return this.#records.get(key);
  }

  /** Records that are there. */
  get size(): number {
    return this.#records.size;
  }

  /** Power is cut. Those who wait for a flush never hear of it, and it may be torn between any two of them. */
  crash(): void {
    this.#life += 1;
    this.#keep(this.#underWay.slice(0, Math.floor(this.#random() * (this.#underWay.length + 1))));
    this.#underWay = [];
    this.#waiting = [];
  }

  /** The store as one life of a server sees it. */
  open(): RecordStore {
    const records = this.#records;
    const life = this.#life;
    return {
      async *load(prefix) {
        const found = [...records].filter(([key]) => key.startsWith(prefix));
        yield* await Promise.resolve(found.sort(([a], [b]) => (a < b ? -1 : 1)));
      },
      commit: (changes) =>
        new Promise((resolve, reject) => {
          // What a process that is dead would still have written is not.
          if (life !== this.#life) return;
          this.#waiting.push({ changes, resolve, reject });
          if (this.#underWay.length === 0) this.#flush();
        }),
      close: () => Promise.resolve(),
    };
  }

  #flush(): void {
    this.#underWay = this.#waiting;
    this.#waiting = [];
    const { flushMs, jitterMs } = this.#habits;
    const life = this.#life;
    this.#clock.after(flushMs + this.#random() * jitterMs + this.slowMs, () => {
      if (life !== this.#life) return;
      const done = this.#underWay;
      this.#underWay = [];
      if (this.failing !== false) {
        if (this.failing === 'io-error' && this.#random() < 0.5) this.#keep(done);
        const error = new StoreError('failing', 'the simulated disk is full');
        for (const { reject } of done) reject(error);
      } else {
        this.#keep(done);
        for (const { resolve } of done) resolve();
      }
      if (this.#waiting.length > 0) this.#flush();
    });
  }

  #keep(flush: readonly Waiting[]): void {
    for (const change of flush.flatMap(({ changes }) => changes)) {
      if (change.kind === 'put') this.#records.set(change.key, change.value);
      else this.#records.delete(change.key);
    }
  }
}
