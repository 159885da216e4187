/**
 * `npm test`: runs everything that this machine has the tools and rights for, says what it left out and why, and
 * ends with one line, `N passed, N failed` or `N passed, N failed, N skipped`.
 *
 *   tsx test/run-tests.ts [--project unit|system|judges|long]... [any argument of vitest]
 *
 * Without --project: unit, system, and judges if BOOTD_JUDGES names their folder. With BOOTD_TEST_REQUIRE=all a test
 * that was skipped makes the run fail.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SUMMARY_FILE, type RunSummary } from './closing-line-reporter.ts';
import { removeAbandonedLabs } from './lab/abandoned.ts';

const TOP = fileURLToPath(new URL('..', import.meta.url));
const PROJECTS = ['unit', 'system', 'judges', 'long'] as const;
type Project = (typeof PROJECTS)[number];

/** Reads `--project` out of the arguments; the rest is vitest's. */
function readArguments(all: readonly string[]): { projects: readonly Project[]; rest: readonly string[] } {
  const projects: Project[] = [];
  const rest: string[] = [];
  for (let at = 0; at < all.length; at += 1) {
    const [, inline] = /^--project(?:=(.*))?$/.exec(all[at] ?? '') ?? [];
    if (inline === undefined && all[at] !== '--project') {
      rest.push(all[at] ?? '');
      continue;
    }
    const name = inline ?? all[(at += 1)];
    const project = PROJECTS.find((one) => one === name);
    if (project === undefined)
      throw new Error(`--project takes one of ${PROJECTS.join(', ')}, not ${name ?? ''}`);
    projects.push(project);
  }
  if (projects.length > 0) return { projects, rest };
  const judges = process.env['BOOTD_JUDGES'];
  return { projects: judges === undefined ? ['unit', 'system'] : ['unit', 'system', 'judges'], rest };
}

/** The newest modification time below a file or folder; 0 when it is not there. */
function newest(path: string): number {
  const entry = statSync(path, { throwIfNoEntry: false });
  if (entry === undefined) return 0;
  if (!entry.isDirectory()) return entry.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** System tests run the built program: never one that is older than its sources. */
async function buildIfStale(): Promise<boolean> {
  const made = ['packaging/manual', 'docs/configuration.md'];
  const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package.json', ...made];
  const changedAt = Math.max(...sources.map((source) => newest(join(TOP, source))));
  if (newest(join(TOP, 'dist')) >= changedAt) return true;
  console.log('dist/ is older than its sources: building');
  return (await execute('npm', ['run', '--silent', 'build'])) === 0;
}

/** Runs vitest on the projects and reads back its summary; a run that left none counts as one failure. */
async function runVitest(projects: readonly Project[], rest: readonly string[]): Promise<RunSummary> {
  const scratch = mkdtempSync(join(tmpdir(), 'bootd-test-run-'));
  const file = join(scratch, 'summary.json');
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  try {
    const status = await execute(
      process.execPath,
      [
        ...[vitest, 'run', '--reporter=default', '--reporter=./test/closing-line-reporter.ts'],
        ...projects.flatMap((project) => ['--project', project]),
        // Loops that take longer than CI may come with the features that need them.
        ...(projects.every((project) => project === 'long') ? ['--passWithNoTests'] : []),
        ...rest,
      ],
      { [SUMMARY_FILE]: file },
    );
    const summary = JSON.parse(readFileSync(file, 'utf8')) as RunSummary;
    // vitest may know of a failure that has no test: a broken configuration, a worker that died.
    return status !== 0 && summary.failed === 0 ? { ...summary, failed: 1 } : summary;
  } catch (error) {
    console.error('vitest did not finish:', error instanceof Error ? error.message : error);
    return { passed: 0, failed: 1, skipped: [] };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function execute(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<number> {
  const child = spawn(command, args, { cwd: TOP, stdio: 'inherit', env: { ...process.env, ...environment } });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** One line for each reason, with the tests that gave it. */
function printSkipped(skipped: RunSummary['skipped']): void {
  const byReason = new Map<string, string[]>();
  for (const { test, reason } of skipped) byReason.set(reason, [...(byReason.get(reason) ?? []), test]);
  for (const [reason, tests] of byReason) {
    console.log(`Skipped, ${reason}:`);
    for (const test of tests) console.log(`  ${test}`);
  }
}

async function main(): Promise<void> {
  const { projects, rest } = readArguments(process.argv.slice(2));
  const built = await buildIfStale();
  const summary = built ? await runVitest(projects, rest) : { passed: 0, failed: 1, skipped: [] };
  // A worker that was killed, or timed out, could not remove its lab.
  if (process.getuid?.() === 0) await removeAbandonedLabs();
  const { passed, failed, skipped } = summary;
  printSkipped(skipped);
  const incomplete = process.env['BOOTD_TEST_REQUIRE'] === 'all' && skipped.length > 0;
  if (incomplete) console.log('BOOTD_TEST_REQUIRE=all: a skipped test counts as a failed run');
  process.exitCode = failed > 0 || incomplete ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
}

// Ctrl-C reaches vitest too, which ends its workers; this process stays to clean up and to print the line.
process.on('SIGINT', () => undefined);
await main();
