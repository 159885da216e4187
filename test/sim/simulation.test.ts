import { describe, expect, it } from 'vitest';
import { PLANTED_FAILURES } from './planted-failures.ts';
import { bootRack } from './rack-scenario.ts';
import { scriptOf, simulate } from './simulation.ts';

/** `npm run simulate` takes more of them. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

/** What simulations found, by the seeds that showed it. */
const FOUND: readonly (readonly [string, number])[] = [
  [
    'a declined address whose time was over stayed on disk in the old time when the clock was set back: at the next start it moved all leases into the past',
    101,
  ],
];

describe('a controller with its machines, whatever happens to wires, disk, clock and process', () => {
  it.each(SEEDS)('keeps every promise (seed %d)', async (seed) => {
    const report = await simulate(scriptOf(seed, undefined, undefined));
    expect(report.broken).toBeUndefined();
    expect(report.acks).toBeGreaterThan(0);
    expect(report.transfers).toBeGreaterThan(0);
  });

  it.each(FOUND)('%s (seed %d)', async (_, seed) => {
    expect((await simulate(scriptOf(seed, undefined, undefined))).broken).toBeUndefined();
  });

  it('does the same again out of the same seed', async () => {
    const script = scriptOf(5, 12, undefined);
    expect(await simulate(script)).toEqual(await simulate(script));
  });
});

describe('a mistake of the server is found', () => {
  it.each(PLANTED_FAILURES.map((failure) => [`${failure.name}: ${failure.what}`, failure] as const))(
    '%s',
    async (_, { parts }) => {
      let found: string | undefined;
      for (let seed = 1; seed <= 10 && found === undefined; seed += 1) {
        found = (await simulate(scriptOf(seed, undefined, undefined), parts())).broken?.what;
      }
      expect(found).toBeDefined();
    },
  );
});

describe('a rack that is switched on at once', () => {
  it('boots: every machine has its kernel and its trace', async () => {
    const { problems } = await bootRack(60, 1);
    expect(problems).toEqual([]);
  });
});
