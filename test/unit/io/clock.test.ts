import { describe, expect, it } from 'vitest';
import { createSettableClock, createSteadyClock, systemClock } from '../../../src/io/clock.ts';

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

describe('the steady clock', () => {
  it('goes on as if nothing had happened until it is told to follow', () => {
    const host = createSettableClock(1_000_000);
    const clock = createSteadyClock(host);
    host.advance(500);
    expect([clock.now(), clock.follow()]).toEqual([1_000_500, 0]);
    host.set(90_000_000);
    host.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_000_750, 750]);
    expect([clock.follow(), clock.now(), clock.follow()]).toEqual([88_999_500, 90_000_250, 0]);
    host.set(5);
    expect([clock.follow(), clock.now()]).toEqual([-90_000_245, 5]);
  });

  it('follows a leap second, and what NTP makes of it, without calling it a step', () => {
    const host = createSettableClock(1_000_000);
    const clock = createSteadyClock(host);
    host.set(1_001_000);
    expect([clock.follow(), clock.now()]).toEqual([0, 1_001_000]);
    host.set(999_500);
    expect([clock.follow(), clock.now()]).toEqual([0, 999_500]);
  });
});
