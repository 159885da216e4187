import { describe, expect, it } from 'vitest';
import { createSettableClock, systemClock } from '../../../src/io/clock.ts';

describe('the system clock', () => {
  it('tells the time of day, and one that only grows', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
    const before = systemClock.monotonic();
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before);
  });
});

describe('the settable clock', () => {
  it('stands still until time passes', () => {
    const clock = createSettableClock(1000);
    expect([clock.now(), clock.monotonic()]).toEqual([1000, 0]);
    clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1250, 250]);
  });

  it('can be set backwards without the monotonic time noticing', () => {
    const clock = createSettableClock(1000);
    clock.advance(10);
    clock.set(5);
    expect([clock.now(), clock.monotonic()]).toEqual([5, 10]);
  });

  it('does not let time pass backwards', () => {
    expect(() => createSettableClock(0).advance(-1)).toThrow(RangeError);
  });
});
