import { expect, it } from 'vitest';
import { playHostileControllers } from '../../lab/bmc/bmc-fuzz.ts';

// Ten times as many are played by test/long/hostile-bmc.test.ts.

it('100,000 answers of hostile controllers: nothing is thrown, nothing hangs, nothing grows', async () => {
  const report = await playHostileControllers(20_261_122, 100_000);
  const [early, late] = report.heap;
  expect(late - early).toBeLessThan(16 * 1024 * 1024);
  // The hostility must not be such that nothing is ever reached.
  expect(report.opened).toBeGreaterThan(report.sessions / 10);
  expect(report.finished).toBeGreaterThan(500);
  expect(report.failed).toBeGreaterThan(500);
}, 300_000);
