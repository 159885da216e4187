/**
 * `npm run simulate`: whole controllers with their machines in virtual time, which lose packets, crash and run out of disk, each out of one
 * seed; prints what happened, and how to repeat what went wrong. Exit code 1 when a promise was broken.
 *
 *   npm run simulate -- [--seeds N] [--seed S] [--machines M] [--events 0,4,7] [--plant NAME] [--list]
 *   npm run simulate -- --scenario rack [--machines M] [--seed S]
 *
 * The first seed is 1 and there are 100 of them where nothing is said. `--events` lets only some of a seed's events happen; `--plant` makes
 * the server make a mistake, which has to be found: then exit code 1 is good news.
 */
import { parseArgs } from 'node:util';
import { PLANTED_FAILURES } from './planted-failures.ts';
import { bootRack } from './rack-scenario.ts';
import { scriptOf, shrinkScript, simulate, type SimulationReport } from './simulation.ts';
import type { RackParts } from './simulated-rack.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    machines: { type: 'string' },
    events: { type: 'string' },
    scenario: { type: 'string' },
    plant: { type: 'string' },
    list: { type: 'boolean' },
  },
});

function wholeNumber(name: 'seeds' | 'seed' | 'machines'): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} takes a whole number, not ${text}`);
  return Number(text);
}

function plantedParts(): () => RackParts {
  const name = options.plant;
  if (name === undefined) return () => ({});
  const failure = PLANTED_FAILURES.find((one) => one.name === name);
  if (failure === undefined)
    throw new Error(`--plant takes one of ${PLANTED_FAILURES.map((one) => one.name).join(', ')}`);
  return failure.parts;
}

/** Of the process, in MiB, to be compared between the start and the end of many seeds. */
function memoryMiB(): number {
  return process.memoryUsage().rss / 2 ** 20;
}

function printRow(cells: readonly (string | number)[]): void {
  console.log(
    `| ${cells.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)).join(' | ')} |`,
  );
}

function printTotals(reports: readonly SimulationReport[], seconds: number): void {
  const sum = (read: (report: SimulationReport) => number): number =>
    Math.round(reports.reduce((total, report) => total + read(report), 0));
  const titles = [
    'seeds',
    'machines',
    'virtual hours',
    'crashes',
    'disk troubles',
    'clock steps',
    'ACKs',
    'transfers',
    'seconds',
    'MiB',
    'failures',
  ];
  console.log('');
  printRow(titles);
  printRow(titles.map(() => '---:'));
  printRow([
    reports.length,
    sum(({ machines }) => machines),
    sum(({ virtualMs }) => virtualMs / 3_600_000),
    sum(({ crashes }) => crashes),
    sum(({ diskTroubles }) => diskTroubles),
    sum(({ clockSteps }) => clockSteps),
    sum(({ acks }) => acks),
    sum(({ transfers }) => transfers),
    Math.round(seconds),
    Math.round(memoryMiB()),
    reports.filter(({ broken }) => broken !== undefined).length,
  ]);
}

async function printFailure(
  seed: number,
  { broken, machines }: SimulationReport,
  parts: () => RackParts,
): Promise<void> {
  if (broken === undefined) return;
  console.log(`seed ${seed}: ${broken.what} (event ${broken.event})`);
  const { script, kept } = await shrinkScript(scriptOf(seed, wholeNumber('machines'), keptEvents()), parts());
  const plant = options.plant === undefined ? '' : ` --plant ${options.plant}`;
  console.log(`  as little as is found to show it: ${JSON.stringify(script.events)}`);
  console.log(
    `  again: npm run simulate -- --seeds 1 --seed ${seed} --machines ${machines} --events ${kept.length === 0 ? 'none' : kept.join(',')}${plant}`,
  );
}

function keptEvents(): readonly number[] | undefined {
  return options.events
    ?.split(',')
    .filter((text) => text !== 'none')
    .map(Number);
}

/** Failures that are shrunk and shown; after these the point is made. */
const FAILURES_SHOWN = 3;

async function runSeeds(): Promise<void> {
  const parts = plantedParts();
  const first = wholeNumber('seed') ?? 1;
  const startedAt = performance.now();
  const reports: SimulationReport[] = [];
  let failures = 0;
  for (
    let seed = first;
    seed < first + (wholeNumber('seeds') ?? 100) && failures < FAILURES_SHOWN;
    seed += 1
  ) {
    const report = await simulate(scriptOf(seed, wholeNumber('machines'), keptEvents()), parts());
    reports.push(report);
    if (report.broken === undefined) continue;
    failures += 1;
    await printFailure(seed, report, parts);
  }
  printTotals(reports, (performance.now() - startedAt) / 1000);
  process.exitCode = failures > 0 ? 1 : 0;
}

async function runRack(): Promise<void> {
  const report = await bootRack(wholeNumber('machines') ?? 500, wholeNumber('seed') ?? 1);
  for (const line of report.lines) console.log(line);
  process.exitCode = report.problems.length > 0 ? 1 : 0;
}

if (options.list === true) {
  for (const { name, what } of PLANTED_FAILURES) console.log(`--plant ${name}: ${what}`);
} else if (options.scenario === 'rack') await runRack();
else if (options.scenario === undefined) await runSeeds();
else throw new Error(`--scenario takes rack, not ${options.scenario}`);
