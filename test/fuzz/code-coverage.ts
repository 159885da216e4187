import { Session } from 'node:inspector';

const SOURCES = /\/src\/[^/]+\/.*\.ts$/;

/** Knows which octets of the sources under src/ have ever been executed, by V8's own count of blocks. */
export class CodeCoverage {
  readonly #session = new Session();
  readonly #executed = new Map<string, Uint8Array>();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** How many octets were executed since the last call that never were before. */
  takeNew(): number {
    let found = 0;
    this.#session.post('Profiler.takePreciseCoverage', (_, { result }) => {
      for (const { url, functions } of result) if (SOURCES.test(url)) found += this.#merge(url, functions);
    });
    return found;
  }

  close(): void {
    this.#session.disconnect();
  }

  #merge(url: string, functions: readonly CoveredFunction[]): number {
    const end = Math.max(0, ...functions.flatMap(({ ranges }) => ranges.map(({ endOffset }) => endOffset)));
    const now = new Uint8Array(end);
    // Outer ranges come before the inner ones, which say it better.
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges)
        now.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    }
    const before = this.#executed.get(url) ?? new Uint8Array(end);
    const all = before.length >= end ? before : Uint8Array.from({ length: end }, (_, at) => before[at] ?? 0);
    let found = 0;
    for (let at = 0; at < end; at += 1) {
      if (now[at] !== 1 || all[at] === 1) continue;
      all[at] = 1;
      found += 1;
    }
    this.#executed.set(url, all);
    return found;
  }
}

interface CoveredFunction {
  readonly ranges: readonly {
    readonly startOffset: number;
    readonly endOffset: number;
    readonly count: number;
  }[];
}
