import { StoreError } from './store.ts';

/** How long, and how much, may wait for a flush. */
export interface GroupCommitLimits {
  /** After this long a commit is rejected, whether or not its flush still succeeds later. */
  readonly deadlineMs: number;
  /** Changes waiting beyond this number are refused at once. */
  readonly maxWaiting: number;
}

/**
 * The least time between the beginnings of two flushes. A commit that comes after a pause is flushed at once; under
 * load a flush waits for company, since what it costs (a thread woken, a disk synced, the loop woken again) hardly
 * depends on its size.
 */
const FLUSH_SPACING_MS = 2;

/** Changes of one flush: a batch is written in one piece, so its size bounds memory and the time of one flush. */
const MAX_CHANGES_PER_FLUSH = 10_000;

interface Waiting<Change> {
  readonly changes: readonly Change[];
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
  settled: boolean;
}

/**
 * Lets many commits share a flush: everything handed over while one flush runs goes into the next, in the order in
 * which it was handed over. One flush at a time, so that a slow disk means larger groups and not more of them.
 */
export class GroupCommit<Change> {
  readonly #flush: (changes: readonly Change[]) => Promise<void>;
  readonly #limits: GroupCommitLimits;
  readonly #onSlow: (error: StoreError) => void;
  #waiting: Waiting<Change>[] = [];
  #waitingChanges = 0;
  #inFlight: Waiting<Change>[] = [];
  #running: Promise<void> | undefined;
  #watch: NodeJS.Timeout | undefined;
  #lastFlushAt = -Infinity;

  /** `flush` rejects with StoreError, and may be called again afterwards. `onSlow` is told of missed deadlines. */
  constructor(
    flush: (changes: readonly Change[]) => Promise<void>,
    limits: GroupCommitLimits,
    onSlow: (error: StoreError) => void,
  ) {
    this.#flush = flush;
    this.#limits = limits;
    this.#onSlow = onSlow;
  }

  /** Resolves when the changes were flushed; rejects with StoreError when they were not, or not in time. */
  commit(changes: readonly Change[]): Promise<void> {
    const { deadlineMs, maxWaiting } = this.#limits;
    if (this.#waitingChanges + changes.length > maxWaiting) {
      const message = `more than ${maxWaiting} changes are waiting for the disk`;
      return Promise.reject(new StoreError('overloaded', message));
    }
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + deadlineMs;
      this.#waiting.push({ changes, deadline, resolve, reject, settled: false });
      this.#waitingChanges += changes.length;
      if (this.#watch === undefined) this.#watchAgainIn(deadlineMs);
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is waiting or in flight any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // The datagrams that arrived together are decided one after another in this turn of the event loop: wait for
    // its end at least, so that they share this flush instead of all but the first one waiting for the next.
    await endOfTurn();
    while (this.#waiting.length > 0) {
      const sinceLastMs = performance.now() - this.#lastFlushAt;
      if (sinceLastMs < FLUSH_SPACING_MS) await pause(FLUSH_SPACING_MS - sinceLastMs);
      this.#lastFlushAt = performance.now();
      this.#inFlight = this.#takeGroup();
      // All that waited may have become overdue meanwhile.
      if (this.#inFlight.length === 0) break;
      const error = await this.#flushGroup(this.#inFlight.flatMap(({ changes }) => changes));
      for (const entry of this.#inFlight) settle(entry, error);
      this.#inFlight = [];
    }
    this.#running = undefined;
  }

  #takeGroup(): Waiting<Change>[] {
    let size = 0;
    let count = 0;
    for (const { changes } of this.#waiting) {
      if (count > 0 && size + changes.length > MAX_CHANGES_PER_FLUSH) break;
      size += changes.length;
      count += 1;
    }
    this.#waitingChanges -= size;
    return this.#waiting.splice(0, count);
  }

  async #flushGroup(changes: readonly Change[]): Promise<StoreError | undefined> {
    try {
      await this.#flush(changes);
      return undefined;
    } catch (error) {
      return error instanceof StoreError ? error : new StoreError('failing', String(error), error);
    }
  }

  /** Entries are in the order of their deadlines, so one timer for the oldest is enough. */
  #rejectOverdue(): void {
    this.#watch = undefined;
    const now = performance.now();
    const message = `the disk did not finish a flush within ${this.#limits.deadlineMs} ms`;
    const error = new StoreError('slow', message);
    const overdue = [...this.#inFlight, ...this.#waiting].filter(
      (entry) => !entry.settled && entry.deadline <= now,
    );
    if (overdue.length > 0) this.#onSlow(error);
    for (const entry of overdue) settle(entry, error);
    // What nobody waits for any more need not be written; its owner was told that it is not promised.
    this.#waiting = this.#waiting.filter((entry) => !entry.settled);
    this.#waitingChanges = this.#waiting.reduce((sum, { changes }) => sum + changes.length, 0);
    const next = [...this.#inFlight, ...this.#waiting].find((entry) => !entry.settled);
    if (next !== undefined) this.#watchAgainIn(next.deadline - now);
  }

  #watchAgainIn(milliseconds: number): void {
    this.#watch = setTimeout(() => this.#rejectOverdue(), milliseconds).unref();
  }
}

function settle<Change>(entry: Waiting<Change>, error: StoreError | undefined): void {
  if (entry.settled) return;
  entry.settled = true;
  if (error === undefined) entry.resolve();
  else entry.reject(error);
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
