import { expect, it } from 'vitest';
import { playHostileControllers } from '../lab/bmc/bmc-fuzz.ts';

it('a million answers of hostile controllers: nothing is thrown, nothing hangs, nothing grows', async () => {
  const report = await playHostileControllers(7, 1_000_000);
  const [early, late] = report.heap;
  expect(late - early).toBeLessThan(16 * 1024 * 1024);
  expect(report.finished).toBeGreaterThan(5000);
  expect(report.failed).toBeGreaterThan(5000);
});
