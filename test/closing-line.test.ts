import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SUMMARY_FILE, type RunSummary } from './closing-line-reporter.ts';

// What never ran must not look as if all were well, so vitest itself is run on files that go wrong in every way.

const FILES: Readonly<Record<string, string>> = {
  'passes.test.ts': `test('one', () => undefined); test('two', () => undefined);`,
  'fails.test.ts': `test('wrong', () => { throw new Error('wrong'); }); test('right', () => undefined);`,
  'skips.test.ts': `test('rightless', (context) => context.skip('needs root'));`,
  'hook.test.ts': `describe('a', () => { beforeAll(() => { throw new Error('hook'); }); test('x', () => 0); test('y', () => 0); });`,
  'late-hook.test.ts': `afterAll(() => { throw new Error('hook'); }); test('fine', () => undefined);`,
  'broken.test.ts': `import './is-not-there.ts'; test('never loaded', () => undefined);`,
  'stray.test.ts': `test('leaves an error behind', async () => { Promise.reject(new Error('stray')); await new Promise((r) => setTimeout(r, 50)); });`,
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bootd-closing-line-'));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function summaryOf(...args: readonly string[]): Promise<RunSummary> {
  const file = join(folder, 'summary.json');
  const top = join(import.meta.dirname, '..');
  const reporter = join(import.meta.dirname, 'closing-line-reporter.ts');
  const options = ['run', '--globals', `--root=${folder}`, `--reporter=${reporter}`, ...args];
  await new Promise<void>((resolve) => {
    // Not the whole environment: it would tell the vitest inside that it is a worker of the one outside.
    const environment = { PATH: process.env['PATH'], [SUMMARY_FILE]: file };
    execFile(
      process.execPath,
      [join(top, 'node_modules/vitest/vitest.mjs'), ...options],
      { env: environment },
      () => resolve(),
    );
  });
  return JSON.parse(await readFile(file, 'utf8')) as RunSummary;
}

test.each([
  ['passes', { passed: 2, failed: 0, skipped: [] }],
  ['fails', { passed: 1, failed: 1, skipped: [] }],
  ['skips', { passed: 0, failed: 0, skipped: [{ test: 'skips.test.ts > rightless', reason: 'needs root' }] }],
  ['hook.test', { passed: 1, failed: 3, skipped: [] }],
  ['broken', { passed: 0, failed: 1, skipped: [] }],
  ['stray', { passed: 1, failed: 1, skipped: [] }],
])('%s', async (name, summary) => {
  expect(await summaryOf(name)).toEqual(summary);
});

test('tests that a name pattern leaves out are not skipped ones', async () => {
  expect(await summaryOf('passes', '--testNamePattern=one')).toEqual({ passed: 1, failed: 0, skipped: [] });
});
