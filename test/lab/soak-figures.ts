import type { SoakResult, SoakSample, TimedWait } from './soak.ts';
import { floors, growth, percentile } from './trend.ts';

/** What became of a quantity after the warm-up. */
export interface Drift {
  readonly first: number;
  readonly last: number;
  readonly most: number;
  /** Over the whole time after the warm-up, by the line through the floors of its stretches. */
  readonly grown: number;
}

/** The 99th percentile of waits in the first and in the last third of a run. */
export interface WaitDrift {
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

/** What a run comes to. */
export interface SoakFigures {
  readonly resident: Drift;
  readonly heap: Drift;
  readonly descriptors: Drift;
  readonly store: Drift;
  readonly traces: Drift;
  readonly dhcp: WaitDrift;
  readonly tftp: WaitDrift;
  readonly control: WaitDrift;
  readonly echo: WaitDrift;
  readonly disk: WaitDrift;
}

/** Tables of traces and leases fill until then, and V8 compiles. */
const WARM_UP_SHARE = 1 / 3;
const STRETCHES = 20;
/** Work of the test, and none for the daemon. */
const OF_OUR_OWN: ReadonlySet<string> = new Set(['reports', 'samples', 'flushes of our own']);

export function figuresOf(result: SoakResult): SoakFigures {
  const { samples, seconds } = result;
  const warm = samples.filter((sample) => sample.seconds > seconds * WARM_UP_SHARE);
  const drift = (read: (sample: SoakSample) => number): Drift => {
    const low = floors(
      warm.map((sample) => ({ seconds: sample.seconds, value: read(sample) })),
      STRETCHES,
    );
    return {
      first: low[0]?.value ?? NaN,
      last: low.at(-1)?.value ?? NaN,
      most: Math.max(...samples.map(read)),
      grown: growth(low),
    };
  };
  const waits = (all: readonly TimedWait[]): WaitDrift => {
    const p99 = (part: readonly TimedWait[]): number =>
      percentile(
        part.map(({ ms }) => ms),
        0.99,
      );
    return {
      first: p99(all.filter((wait) => wait.seconds < seconds / 3)),
      last: p99(all.filter((wait) => wait.seconds > (seconds * 2) / 3)),
      count: all.length,
    };
  };
  return {
    resident: drift(({ residentMiB }) => residentMiB),
    heap: drift(({ heapMiB }) => heapMiB),
    descriptors: drift(({ descriptors }) => descriptors),
    store: drift(({ storeMiB }) => storeMiB),
    traces: drift(({ tracesMiB }) => tracesMiB),
    dhcp: waits(result.dhcp),
    tftp: waits(result.tftp),
    control: waits(result.control),
    echo: waits(result.echo),
    disk: waits(result.disk),
  };
}

/** The table of docs/reliability.md. */
export function soakTable(result: SoakResult, figures: SoakFigures): string {
  const { done, seconds, mebibytes } = result;
  const sizes = (name: string, unit: string, { first, last, most, grown }: Drift): string =>
    `| ${name} | ${round(first)} ${unit} | ${round(last)} ${unit} | ${round(most)} ${unit} | ${grown >= 0 ? '+' : ''}${round(grown)} ${unit} |`;
  const waits = (name: string, { first, last, count }: WaitDrift): string =>
    `| ${name} | ${round(first)} ms | ${round(last)} ms | ${count.toLocaleString('en')} |`;
  const work = Object.entries(done)
    .filter(([kind]) => !OF_OUR_OWN.has(kind))
    .map(([kind, count]) => `${count.toLocaleString('en')} ${kind}`);
  return [
    `In ${Math.round(seconds / 60)} minutes: ${work.join(', ')}; ${Math.round(mebibytes).toLocaleString('en')} MiB sent. ` +
      `Failures: ${result.failures.length}. Error lines in the log: ${result.errors.length}.`,
    '',
    '| daemon | after the warm-up | at the end | most | grown by |',
    '|---|---|---|---|---|',
    sizes('resident memory', 'MiB', figures.resident),
    sizes('JavaScript heap', 'MiB', figures.heap),
    sizes('file descriptors', '', figures.descriptors),
    sizes('store', 'MiB', figures.store),
    sizes('boots that are remembered', 'MiB', figures.traces),
    '',
    '| p99 of the wait for | first third | last third | waits |',
    '|---|---|---|---|',
    waits('OFFER, ACK', figures.dhcp),
    waits('the first packet of a file', figures.tftp),
    waits('the answer to a PUT or DELETE', figures.control),
    waits('a program that only answers', figures.echo),
    waits('the disk, to flush a few octets', figures.disk),
  ]
    .join('\n')
    .replaceAll(/ +\|/g, ' |');
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
