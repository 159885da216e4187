import { describe, expect, it } from 'vitest';
import { FUZZ_FINDS } from '../fuzz/finds.ts';
import { FuzzRandom } from '../fuzz/fuzz-random.ts';
import { fuzz } from '../fuzz/fuzz-run.ts';
import { FUZZ_TARGETS } from '../fuzz/fuzz-targets.ts';
import { PLANTED_BUGS } from '../fuzz/planted-bugs.ts';

/** `npm run fuzz` takes longer, and another seed each time. */
const SEED = 20_261_122;
const MILLISECONDS = 500;

describe('everything that reads what others wrote keeps its properties', () => {
  it.each(FUZZ_TARGETS.map((target) => [target.name, target] as const))('%s', async (_, target) => {
    const report = await fuzz(target, { seed: SEED, milliseconds: MILLISECONDS });
    expect(report.finding).toBeUndefined();
    expect(report.inputs).toBeGreaterThan(0);
  });
});

describe('what a fuzzer found stays mended', () => {
  it.each(FUZZ_FINDS.map((find) => [find.name, find] as const))('%s', async (_, { target, input }) => {
    const found = FUZZ_TARGETS.find(({ name }) => name === target);
    const open = await found?.open();
    try {
      expect(['taken', 'refused']).toContain(await open?.check(input));
    } finally {
      await open?.close?.();
    }
  });
});

describe('a mistake that somebody makes is found', () => {
  it.each(PLANTED_BUGS.map((bug) => [`${bug.name}: ${bug.what}`, bug] as const))(
    '%s',
    async (_, { target }) => {
      const report = await fuzz(target, { seed: SEED, milliseconds: 20_000 });
      expect(report.finding?.message).toBeDefined();
      // It can be had again alone, and what is left of the input still shows it.
      const again = await fuzz(target, { seed: SEED, from: report.finding?.iteration ?? 0, iterations: 1 });
      expect(again.finding?.iteration).toBe(report.finding?.iteration);
    },
  );
});

describe('an input', () => {
  it.each(FUZZ_TARGETS.map((target) => [target.name, target] as const))(
    'of %s follows from seed and number',
    async (_, target) => {
      const open = await target.open();
      try {
        for (const iteration of [0, 1, 77]) {
          const [one, again] = [1, 2].map(() => open.make(new FuzzRandom(SEED, target.name, iteration)));
          expect(again).toEqual(one);
        }
      } finally {
        await open.close?.();
      }
    },
  );
});
