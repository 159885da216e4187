import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EreBudget } from '../../src/tftp/ere-budget.ts';
import { compileMapRegex } from '../../src/tftp/map-regex.ts';
import { junkPattern, richPattern, subject } from './ere-patterns.ts';

const ORACLE_SOURCE = fileURLToPath(new URL('../data/mapfile/ere-oracle.c', import.meta.url));

/** glibc needs minutes for some patterns and never ends for others; what is asked together with one is left out. */
const ORACLE_TIMEOUT_MS = 1000;

interface Question {
  readonly pattern: string;
  readonly ignoreCase: boolean;
  readonly text: string;
}

describe('the regular expressions of this machine’s glibc', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bootd-ere-'));
  const oracle = join(folder, 'ere-oracle');
  let missing: string | undefined;

  beforeAll(() => {
    const compiled = spawnSync('cc', ['-O1', '-o', oracle, ORACLE_SOURCE], { encoding: 'utf8' });
    const libc = spawnSync('getconf', ['GNU_LIBC_VERSION'], { encoding: 'utf8' });
    if (compiled.status !== 0) missing = 'no C compiler (Debian package gcc)';
    else if (!libc.stdout.startsWith('glibc 2.')) missing = 'no glibc';
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach((context) => context.skip(missing !== undefined, missing));

  /** One line a question, or undefined when they took too long. */
  function ask(questions: readonly Question[]): readonly string[] | undefined {
    const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex') || '-';
    const input = questions.map(
      ({ pattern, ignoreCase, text }) => `${ignoreCase ? 'i' : '-'} ${hex(pattern)} ${hex(text)}\n`,
    );
    const run = spawnSync(oracle, {
      input: input.join(''),
      encoding: 'utf8',
      timeout: ORACLE_TIMEOUT_MS,
      env: { LC_ALL: 'C' },
    });
    return run.status === 0 ? run.stdout.split('\n').slice(0, -1) : undefined;
  }

  it.each([
    ['good patterns', richPattern],
    ['odd and bad patterns', junkPattern.filter((pattern) => !/\\[1-9]/.test(pattern))],
  ])('answer as ours do, errors and groups included: %s', (_, patterns) => {
    const question = fc.record({
      pattern: patterns.filter((pattern) => pattern !== ''),
      ignoreCase: fc.boolean(),
      text: subject,
    });
    let compared = 0;
    fc.assert(
      fc.property(fc.array(question, { minLength: 50, maxLength: 50 }), (questions) => {
        const answers = ask(questions);
        if (answers === undefined) return;
        compared += answers.length;
        expect(questions.map((one) => `${JSON.stringify(one)} ${answerOf(one)}`)).toEqual(
          questions.map((one, nth) => `${JSON.stringify(one)} ${answers[nth] ?? ''}`),
        );
      }),
      { numRuns: 40, endOnFailure: true },
    );
    expect(compared).toBeGreaterThan(0);
  });
});

/** Our answer in the words of the oracle. */
function answerOf({ pattern, ignoreCase, text }: Question): string {
  try {
    const outcome = compileMapRegex(pattern, ignoreCase).match(text, new EreBudget(1_000_000));
    if (outcome.kind !== 'match') return outcome.kind === 'none' ? 'N' : outcome.kind;
    const places = Array.from({ length: 10 }, (_, group) => outcome.spans[group] ?? { start: -1, end: -1 });
    return `M ${places.map(({ start, end }) => `${start},${end}`).join(' ')}`;
  } catch (error) {
    return `E ${error instanceof Error ? error.message : String(error)}`;
  }
}
