import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Watchdog } from '../../../src/services/watchdog.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(watchdogTimeoutMs: number | undefined) {
  const fed: number[] = [];
  const log: string[] = [];
  const questions: (() => void)[] = [];
  const start = Date.now();
  const watchdog = new Watchdog({
    notifier: { watchdogTimeoutMs, watchdog: () => fed.push(Date.now() - start) },
    answer: () => new Promise<void>((resolve) => questions.push(resolve)),
    logger: pino({}, { write: (line: string) => log.push((JSON.parse(line) as { event: string }).event) }),
  });
  watchdog.start();
  return { watchdog, fed, log, questions };
}

describe('the watchdog', () => {
  it('is fed three times in its time while everything answers', async () => {
    const { fed, questions, watchdog } = setUp(30_000);
    for (let look = 0; look < 3; look += 1) {
      questions.at(-1)?.();
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(fed).toEqual([0, 10_000, 20_000, 30_000]);
    watchdog.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fed).toHaveLength(4);
  });

  it('is not fed while a thread is silent, which is said once, and again afterwards', async () => {
    const { fed, log, questions } = setUp(30_000);
    await vi.advanceTimersByTimeAsync(25_000);
    expect(fed).toEqual([0]);
    expect(log).toEqual(['daemon.watchdog.unfed']);
    questions.at(-1)?.();
    await vi.advanceTimersByTimeAsync(5000);
    expect(fed).toEqual([0, 30_000]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(log).toEqual(['daemon.watchdog.unfed', 'daemon.watchdog.unfed']);
  });

  it('does nothing where nobody watches', async () => {
    const { fed, questions } = setUp(undefined);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([fed, questions]).toEqual([[], []]);
  });
});
