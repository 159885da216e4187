import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FuzzRandom } from './fuzz-random.ts';
import type { FuzzInput, FuzzTarget, OpenTarget } from './fuzz-target.ts';
import { shrinkInput } from './shrink-input.ts';

/** How long a target is worked on: until either is reached. */
export interface FuzzLimits {
  readonly seed: number;
  /** The first input's number; others than 0 are for finding one again. */
  readonly from?: number;
  readonly iterations?: number;
  readonly milliseconds?: number;
}

/** A property that did not hold. */
export interface FuzzFinding {
  readonly seed: number;
  readonly iteration: number;
  readonly kind: 'failure' | 'too-slow' | 'memory-grows';
  readonly message: string;
  /** The input, made as small as it gets while it still fails. */
  readonly input: FuzzInput;
}

/** What became of one target. */
export interface FuzzReport {
  readonly target: string;
  readonly inputs: number;
  readonly taken: number;
  readonly milliseconds: number;
  readonly slowestMs: number;
  /** Of the heap between a tenth of the run and its end, each after a collection. */
  readonly heapGrowthMiB: number;
  readonly finding: FuzzFinding | undefined;
}

/** Told before each input, so that one that never ends can be named. */
export type FuzzProgress = (iteration: number) => void;

const HEAP_GROWTH_MAX_MIB = 24;
/** Shorter runs say nothing about memory. */
const HEAP_JUDGED_AFTER_MS = 10_000;
/** How often the clock is looked at, and waiting work gets its turn. */
const TURN = 64;

/** Gives inputs to a target until the limits are reached, or a property does not hold. */
export async function fuzz(
  target: FuzzTarget,
  limits: FuzzLimits,
  progress: FuzzProgress = () => undefined,
): Promise<FuzzReport> {
  const open = await target.open();
  try {
    return await new FuzzRun(target.name, open, limits, progress).run();
  } finally {
    await open.close?.();
  }
}

class FuzzRun {
  readonly #name: string;
  readonly #target: OpenTarget;
  readonly #limits: FuzzLimits;
  readonly #progress: FuzzProgress;
  #inputs = 0;
  #taken = 0;
  #slowestMs = 0;
  #finding: FuzzFinding | undefined;

  constructor(name: string, target: OpenTarget, limits: FuzzLimits, progress: FuzzProgress) {
    this.#name = name;
    this.#target = target;
    this.#limits = limits;
    this.#progress = progress;
  }

  async run(): Promise<FuzzReport> {
    const { from = 0, iterations = Infinity, milliseconds = Infinity } = this.#limits;
    const startedAt = performance.now();
    let early: number | undefined;
    let [iteration, elapsed] = [from, 0];
    while (this.#finding === undefined && iteration < from + iterations && elapsed < milliseconds) {
      await this.#give(iteration);
      iteration += 1;
      if (iteration % TURN !== 0 && elapsed < milliseconds) continue;
      await new Promise((resolve) => setImmediate(resolve));
      elapsed = performance.now() - startedAt;
      const share = Math.max(elapsed / milliseconds, (iteration - from) / iterations);
      if (early === undefined && share > 0.1) early = heapAfterCollection();
    }
    elapsed = performance.now() - startedAt;
    const heapGrowthMiB = (heapAfterCollection() - (early ?? Infinity)) / 2 ** 20;
    if (heapGrowthMiB > HEAP_GROWTH_MAX_MIB && elapsed > HEAP_JUDGED_AFTER_MS) {
      this.#finding ??= this.#findingOf(iteration, 'memory-grows', `by ${heapGrowthMiB.toFixed(1)} MiB`, '');
    }
    return {
      target: this.#name,
      inputs: this.#inputs,
      taken: this.#taken,
      milliseconds: elapsed,
      slowestMs: this.#slowestMs,
      heapGrowthMiB: Math.max(0, heapGrowthMiB),
      finding: this.#finding,
    };
  }

  async #give(iteration: number): Promise<void> {
    this.#progress(iteration);
    const input = this.#target.make(new FuzzRandom(this.#limits.seed, this.#name, iteration));
    this.#inputs += 1;
    const startedAt = performance.now();
    try {
      const verdict = this.#target.check(input);
      if ((typeof verdict === 'string' ? verdict : await verdict) === 'taken') this.#taken += 1;
    } catch (error) {
      const smaller = await shrinkInput(this.#target, input);
      this.#finding = this.#findingOf(iteration, 'failure', describeError(error), smaller);
      return;
    }
    const took = performance.now() - startedAt;
    if (took > this.#slowestMs) await this.#noteSlow(iteration, input, took);
  }

  /**
   * One measurement proves little beside a collection of garbage or other processes: of a few more, in processor time, the least one
   * counts.
   */
  async #noteSlow(iteration: number, input: FuzzInput, firstMs: number): Promise<void> {
    const { limitMs } = this.#target;
    let least = firstMs;
    for (let more = 0; more < 3 && least > Math.max(limitMs / 4, this.#slowestMs); more += 1) {
      const before = process.cpuUsage();
      await this.#target.check(input);
      const { user, system } = process.cpuUsage(before);
      least = Math.min(least, (user + system) / 1000);
    }
    this.#slowestMs = Math.max(this.#slowestMs, least);
    if (least <= limitMs) return;
    const message = `${least.toFixed(0)} ms of the processor, ${limitMs} are allowed`;
    this.#finding = this.#findingOf(iteration, 'too-slow', message, input);
  }

  #findingOf(iteration: number, kind: FuzzFinding['kind'], message: string, input: FuzzInput): FuzzFinding {
    return { seed: this.#limits.seed, iteration, kind, message, input };
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

let collect: (() => void) | undefined;

function heapAfterCollection(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
