import { expect, it } from 'vitest';
import { bootRack } from '../sim/rack-scenario.ts';
import { scriptOf, simulate } from '../sim/simulation.ts';

it('a thousand seeds that nobody has seen before: no promise is broken', async () => {
  const first = Date.now() % 2 ** 30;
  console.log(`seeds from ${first}`);
  for (let seed = first; seed < first + 1000; seed += 1) {
    const { broken } = await simulate(scriptOf(seed, undefined, undefined));
    expect(broken, `npm run simulate -- --seeds 1 --seed ${seed}`).toBeUndefined();
  }
});

it('five hundred machines are switched on at once: all of them boot', async () => {
  const { lines, problems } = await bootRack(500, Date.now() % 2 ** 30);
  console.log(lines.join('\n'));
  expect(problems).toEqual([]);
});
