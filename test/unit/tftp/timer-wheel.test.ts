import { describe, expect, it } from 'vitest';
import { TimerWheel } from '../../../src/tftp/timer-wheel.ts';

interface Item {
  deadline: number;
  readonly name: string;
}

/** Advances in steps of 10 ms and notes when each item fires; a fired item is done with. */
function run(wheel: TimerWheel<Item>, from: number, to: number, step = 10): Map<string, number> {
  const fired = new Map<string, number>();
  for (let now = from; now <= to; now += step) {
    wheel.advance(now, (item) => {
      fired.set(item.name, now);
      item.deadline = Infinity;
    });
  }
  return fired;
}

describe('the timer wheel', () => {
  it.each([1, 9, 10, 11, 150, 160, 161, 1000, 12_345])(
    'fires %d ms after now, never early, at most a tick late',
    (ms) => {
      const wheel = new TimerWheel<Item>(5000);
      wheel.add({ deadline: 5000 + ms, name: 'a' });
      const at = run(wheel, 5000, 20_000).get('a');
      expect(at).toBeGreaterThanOrEqual(5000 + ms);
      expect(at).toBeLessThan(5000 + ms + 20);
      expect(wheel.size).toBe(0);
    },
  );

  it('does not notice a deadline that is put off again and again until it is due', () => {
    const wheel = new TimerWheel<Item>(0);
    const item = { deadline: 100, name: 'a' };
    wheel.add(item);
    for (let now = 0; now < 1000; now += 10) {
      item.deadline = now + 100;
      wheel.advance(now, () => expect.unreachable('too early'));
    }
    expect(run(wheel, 1000, 2000).get('a')).toBe(1090);
  });

  it('sees a deadline that was moved forward within one turn', () => {
    const wheel = new TimerWheel<Item>(0);
    const item = { deadline: 60_000, name: 'a' };
    wheel.add(item);
    run(wheel, 0, 500);
    item.deadline = 510;
    expect(run(wheel, 510, 2000).get('a')).toBeLessThanOrEqual(510 + 160);
  });

  it('lets go of an item whose deadline has become Infinity', () => {
    const wheel = new TimerWheel<Item>(0);
    const item = { deadline: 100, name: 'a' };
    wheel.add(item);
    item.deadline = Infinity;
    expect(run(wheel, 0, 300).size).toBe(0);
    expect(wheel.size).toBe(0);
  });

  it('fires again as long as the item has a deadline', () => {
    const wheel = new TimerWheel<Item>(0);
    const times: number[] = [];
    wheel.add({ deadline: 50, name: 'a' });
    for (let now = 0; now <= 400; now += 10) {
      wheel.advance(now, (item) => {
        times.push(now);
        item.deadline = now + 100;
      });
    }
    expect(times).toEqual([50, 150, 250, 350]);
  });

  it('catches up after a pause of many turns', () => {
    const wheel = new TimerWheel<Item>(0);
    for (let index = 0; index < 100; index++) wheel.add({ deadline: index * 7, name: String(index) });
    const fired: string[] = [];
    wheel.advance(100_000, (item) => {
      fired.push(item.name);
      item.deadline = Infinity;
    });
    expect(fired).toHaveLength(100);
    expect(wheel.size).toBe(0);
  });
});
