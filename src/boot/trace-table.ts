import type { Mac } from '../addr/mac.ts';
import { GrowingTrace } from './boot-trace.ts';

/** How many traces are kept. */
export interface TraceLimits {
  /** Boots of machines that are known, or that took an address here. */
  readonly established: number;
  /** Boots of strangers that only asked so far; a flood of them pushes out nothing but each other. */
  readonly fleeting: number;
  /** Boots of one machine. */
  readonly perMachine: number;
}

/** About 40 MB when all are full. */
export const TRACE_LIMITS: TraceLimits = { established: 4096, fleeting: 512, perMachine: 8 };

/**
 * The traces of all machines, newest last. Adding one takes a constant time; when there is no room the oldest goes.
 */
export class TraceTable {
  readonly #limits: TraceLimits;
  readonly #onDropped: (trace: GrowingTrace) => void;
  /** Oldest first, as maps keep their order. */
  readonly #established = new Map<string, GrowingTrace>();
  readonly #fleeting = new Map<string, GrowingTrace>();
  readonly #byMac = new Map<Mac, GrowingTrace[]>();
  #lastNumber = 0;

  constructor(
    limits: TraceLimits = TRACE_LIMITS,
    onDropped: (trace: GrowingTrace) => void = () => undefined,
  ) {
    this.#limits = limits;
    this.#onDropped = onDropped;
  }

  /** Begins the trace of a boot; the machine's earlier one, if it has not ended, ends. */
  begin(
    mac: Mac,
    now: number,
    facts: { readonly isProbe: boolean; readonly isEstablished: boolean },
  ): GrowingTrace {
    const trace = new GrowingTrace(this.#nextId(now), mac, now, facts.isProbe);
    const earlier = this.current(mac);
    if (earlier !== undefined) earlier.endedAt ??= now;
    this.#insert(trace, facts.isEstablished);
    return trace;
  }

  /** Takes over traces that were kept, oldest first, before any other begins. */
  restore(traces: readonly GrowingTrace[]): void {
    for (const trace of traces) {
      const number = Number.parseInt(trace.id, 36);
      if (number > this.#lastNumber) this.#lastNumber = number;
      this.#insert(trace, true);
    }
  }

  /** From now on a flood of strangers cannot push this trace out. */
  establish(trace: GrowingTrace): void {
    if (!this.#fleeting.delete(trace.id)) return;
    this.#established.set(trace.id, trace);
    this.#keepWithin(this.#established, this.#limits.established);
  }

  /** The boot turns out to be that of another card of the machine, whose last one it is from now on. */
  move(trace: GrowingTrace, mac: Mac): void {
    this.#forget(trace);
    trace.mac = mac;
    this.#remember(trace);
  }

  isEstablished({ id }: GrowingTrace): boolean {
    return this.#established.has(id);
  }

  /** The last boot of a machine. */
  current(mac: Mac): GrowingTrace | undefined {
    return this.#byMac.get(mac)?.at(-1);
  }

  /** All boots of a machine, oldest first. */
  ofMachine(mac: Mac): readonly GrowingTrace[] {
    return this.#byMac.get(mac) ?? [];
  }

  byId(id: string): GrowingTrace | undefined {
    return this.#established.get(id) ?? this.#fleeting.get(id);
  }

  /** Every trace, in no particular order. */
  *all(): Generator<GrowingTrace> {
    yield* this.#established.values();
    yield* this.#fleeting.values();
  }

  /** Those that are kept across restarts, oldest first. */
  established(): IterableIterator<GrowingTrace> {
    return this.#established.values();
  }

  get size(): number {
    return this.#established.size + this.#fleeting.size;
  }

  #insert(trace: GrowingTrace, isEstablished: boolean): void {
    this.#remember(trace);
    const map = isEstablished ? this.#established : this.#fleeting;
    map.set(trace.id, trace);
    this.#keepWithin(map, isEstablished ? this.#limits.established : this.#limits.fleeting);
  }

  /** Puts it behind the machine's other boots. */
  #remember(trace: GrowingTrace): void {
    const own = this.#byMac.get(trace.mac) ?? [];
    this.#byMac.set(trace.mac, own);
    own.push(trace);
    const [first] = own;
    if (own.length > this.#limits.perMachine && first !== undefined) this.#drop(first);
  }

  #forget(trace: GrowingTrace): void {
    const own = this.#byMac.get(trace.mac);
    if (own === undefined) return;
    own.splice(own.indexOf(trace), 1);
    if (own.length === 0) this.#byMac.delete(trace.mac);
  }

  #keepWithin(map: ReadonlyMap<string, GrowingTrace>, limit: number): void {
    if (map.size <= limit) return;
    const [oldest] = map.values();
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(trace: GrowingTrace): void {
    this.#established.delete(trace.id);
    this.#fleeting.delete(trace.id);
    this.#forget(trace);
    this.#onDropped(trace);
  }

  /** Short enough to be typed. Not below the seconds since 1970, so that none comes twice across restarts. */
  #nextId(now: number): string {
    this.#lastNumber = Math.max(this.#lastNumber + 1, Math.floor(now / 1000));
    return this.#lastNumber.toString(36);
  }
}
