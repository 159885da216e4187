/**
 * `npm run fuzz`: gives millions of inputs to everything that reads what comes from the wire or from a disk, and prints a row for each
 * target. Exit code 1 when a property did not hold.
 *
 *   npm run fuzz -- [--minutes N] [--iterations N] [--seed S] [--target NAME] [--from N] [--plant NAME] [--list]
 *
 * The minutes are shared by the targets; 1 minute where nothing is said. The same seed gives the same inputs; without one, the seed is
 * taken from the clock and printed. `--plant` puts a mistake into a parser, which has to be found: then exit code 1 is good news.
 */
import { parseArgs } from 'node:util';
import { fuzz, type FuzzFinding, type FuzzReport } from './fuzz-run.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { FUZZ_TARGETS } from './fuzz-targets.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { Watchdog } from './watchdog.ts';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string' },
    iterations: { type: 'string' },
    seed: { type: 'string' },
    target: { type: 'string' },
    from: { type: 'string' },
    plant: { type: 'string' },
    list: { type: 'boolean' },
  },
});

function numberOf(name: 'minutes' | 'iterations' | 'seed' | 'from'): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} takes a number, not ${text}`);
  return value;
}

function chosenTargets(): readonly FuzzTarget[] {
  if (options.plant !== undefined) {
    const bug = PLANTED_BUGS.find(({ name }) => name === options.plant);
    if (bug === undefined)
      throw new Error(`--plant takes one of ${PLANTED_BUGS.map(({ name }) => name).join(', ')}`);
    return [bug.target];
  }
  const chosen = FUZZ_TARGETS.filter(({ name }) => options.target === undefined || name === options.target);
  if (chosen.length === 0)
    throw new Error(`--target takes one of ${FUZZ_TARGETS.map(({ name }) => name).join(', ')}`);
  return chosen;
}

function printList(): void {
  for (const { name, reads } of FUZZ_TARGETS) console.log(`${name}: ${reads}`);
  for (const { name, target, what } of PLANTED_BUGS)
    console.log(`--plant ${name} (in ${target.name}): ${what}`);
}

const COLUMNS = [
  'target',
  'inputs',
  'per second',
  'taken',
  'slowest, ms',
  'heap grew, MiB',
  'found',
] as const;

function printRow(cells: readonly string[]): void {
  console.log(`| ${cells.join(' | ')} |`);
}

function rowOf({
  target,
  inputs,
  taken,
  milliseconds,
  slowestMs,
  heapGrowthMiB,
  finding,
}: FuzzReport): readonly string[] {
  const share = inputs === 0 ? 0 : (100 * taken) / inputs;
  return [
    target,
    inputs.toLocaleString('en'),
    Math.round((1000 * inputs) / milliseconds).toLocaleString('en'),
    `${share.toFixed(0)} %`,
    slowestMs.toFixed(1),
    heapGrowthMiB.toFixed(1),
    finding === undefined ? 'nothing' : finding.kind,
  ];
}

function repeatCommand(target: string, seed: number, iteration: number | '%d'): string {
  const plant = options.plant === undefined ? `--target ${target}` : `--plant ${options.plant}`;
  return `npm run fuzz -- ${plant} --seed ${seed} --from ${iteration} --iterations 1`;
}

function printFinding(target: string, { seed, iteration, kind, message, input }: FuzzFinding): void {
  const shown = typeof input === 'string' ? JSON.stringify(input) : Buffer.from(input).toString('hex');
  console.log(`\n${target}: ${kind}\n  ${message.replaceAll('\n', '\n  ')}`);
  console.log(
    `  the least input that still shows it: ${shown.slice(0, 2000)}${shown.length > 2000 ? ' …' : ''}`,
  );
  console.log(`  again: ${repeatCommand(target, seed, iteration)}\n`);
}

async function main(): Promise<void> {
  if (options.list === true) {
    printList();
    return;
  }
  const targets = chosenTargets();
  const seed = numberOf('seed') ?? Date.now() % 2 ** 31;
  const iterations = numberOf('iterations');
  const minutes = numberOf('minutes') ?? (iterations === undefined ? 1 : Infinity);
  const milliseconds = (minutes * 60_000) / targets.length;
  console.log(`seed ${seed}\n`);
  printRow(COLUMNS);
  printRow(COLUMNS.map((_, index) => (index === 0 || index === COLUMNS.length - 1 ? '---' : '---:')));
  const reports: FuzzReport[] = [];
  for (const target of targets) {
    const watchdog = new Watchdog(
      `${target.name} never came back: ${repeatCommand(target.name, seed, '%d')}`,
    );
    const limits = {
      seed,
      from: numberOf('from') ?? 0,
      milliseconds,
      ...(iterations === undefined ? {} : { iterations }),
    };
    const report = await fuzz(target, limits, watchdog.progress);
    await watchdog.stop();
    reports.push(report);
    printRow(rowOf(report));
  }
  const inputs = reports.reduce((sum, report) => sum + report.inputs, 0);
  console.log(`\n${inputs.toLocaleString('en')} inputs`);
  for (const { target, finding } of reports) if (finding !== undefined) printFinding(target, finding);
  process.exitCode = reports.some(({ finding }) => finding !== undefined) ? 1 : 0;
}

await main();
