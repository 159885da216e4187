import { expect, it } from 'vitest';
import { parseNodeUuid, type NodeUuid } from '../../../src/boot/node.ts';
import { PollSchedule } from '../../../src/services/poll-schedule.ts';

const INTERVAL_MS = 30_000;

function uuidOf(number: number): NodeUuid {
  const uuid = parseNodeUuid(`00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`);
  if (uuid === undefined) throw new Error('no UUID');
  return uuid;
}

/** Lets what was resolved be heard of. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('a rack without power takes no place of the BMCs that answer, and is asked more and more seldom', async () => {
  const silent = Array.from({ length: 100 }, (_, index) => uuidOf(index + 1));
  const good = uuidOf(1000);
  let now = 0;
  let asked: NodeUuid[] = [];
  let giveUp: (() => void)[] = [];
  const schedule = new PollSchedule({
    intervalMs: INTERVAL_MS,
    clock: { now: () => now, monotonic: () => now },
    nodes: () => [...silent, good],
    poll: (uuid) => {
      asked.push(uuid);
      return uuid === good
        ? Promise.resolve(true)
        : new Promise((resolve) => giveUp.push(() => resolve(false)));
    },
  });
  /** Ticks until nobody is due any more; the silent ones are given up between the ticks. */
  const round = async (): Promise<void> => {
    asked = [];
    for (let tick = 0; tick < 10; tick += 1) {
      schedule.tick();
      for (const end of giveUp.splice(0)) end();
      await settle();
    }
  };
  schedule.tick();
  now += INTERVAL_MS;
  await round();
  expect(new Set(asked).size).toBe(101);

  // All are due again, the good one as the last of the list: it is asked in the first tick all the same.
  now += 2 * INTERVAL_MS;
  [asked, giveUp] = [[], []];
  schedule.tick();
  await settle();
  expect(asked).toContain(good);
  expect(asked.length).toBeLessThanOrEqual(33);
  for (const end of giveUp.splice(0)) end();
  await settle();
  await round();

  // Twice in a row they were silent: after one interval only the good one is asked, after four all of them.
  now += INTERVAL_MS;
  await round();
  expect(asked).toEqual([good]);
  now += 3 * INTERVAL_MS;
  await round();
  expect(new Set(asked).size).toBe(101);
});
