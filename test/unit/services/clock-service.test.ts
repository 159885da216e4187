import { afterEach, expect, it, vi } from 'vitest';
import { createSettableClock, createSteadyClock } from '../../../src/io/clock.ts';
import { ClockService } from '../../../src/services/clock-service.ts';

afterEach(() => {
  vi.useRealTimers();
});

it('tells of each time that the clock was set, once, and no more after it was stopped', async () => {
  vi.useFakeTimers();
  const host = createSettableClock(1_000_000);
  const clock = createSteadyClock(host);
  const steps: number[] = [];
  const service = new ClockService({ clock, onStep: (ms) => steps.push(ms) });
  await service.start();
  await vi.advanceTimersByTimeAsync(3000);
  expect(steps).toEqual([]);
  host.set(5_000_000);
  await vi.advanceTimersByTimeAsync(3000);
  host.set(4_000_000);
  await vi.advanceTimersByTimeAsync(3000);
  expect(steps).toEqual([4_000_000, -1_000_000]);
  await service.stop();
  host.set(0);
  await vi.advanceTimersByTimeAsync(3000);
  expect(steps).toHaveLength(2);
});

it('takes a clock that stands still, or runs slow, for no step: what is promised neither ends nor jumps', async () => {
  vi.useFakeTimers();
  let passed = 0;
  // The wall clock stands; the monotonic one goes on, as it does in a guest whose host does not keep the time.
  const host = { now: () => 1_000_000, monotonic: () => passed };
  const clock = createSteadyClock(host);
  const steps: number[] = [];
  const service = new ClockService({ clock, onStep: (ms) => steps.push(ms) });
  await service.start();
  for (let second = 0; second < 3600; second += 1) {
    passed += 1000;
    await vi.advanceTimersByTimeAsync(1000);
    expect(Math.abs(clock.now() - host.now())).toBeLessThanOrEqual(1000);
  }
  expect(steps).toEqual([]);
  await service.stop();
});
