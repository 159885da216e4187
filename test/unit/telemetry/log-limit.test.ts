import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LogLimit } from '../../../src/telemetry/log-limit.ts';
import { createLogger, type Logger } from '../../../src/telemetry/logger.ts';

let lines: Record<string, unknown>[];
let now: number;
let logger: Logger;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  now = 0;
  const limit = new LogLimit({ burst: 3, perSecond: 2, summaryMs: 10_000 }, () => now);
  const keep = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  logger = createLogger('info', { write: keep }, limit);
});

afterEach(() => {
  vi.useRealTimers();
});

function flood(count: number, event = 'dhcp.packet.dropped'): void {
  for (let number = 0; number < count; number += 1) logger.info({ event, number }, 'a line');
}

function numbers(): unknown[] {
  return lines.map(({ number }) => number);
}

describe('a flood of lines about what strangers send', () => {
  it('is written up to its limit, and goes on as time passes', () => {
    flood(10);
    expect(numbers()).toEqual([0, 1, 2]);
    now = 1000;
    flood(10);
    expect(numbers()).toEqual([0, 1, 2, 0, 1]);
  });

  it('never saves up more than a burst', () => {
    now = 86_400_000;
    flood(10);
    expect(lines).toHaveLength(3);
  });

  it('is told of afterwards, once for each event', () => {
    flood(10);
    flood(5, 'tftp.request.refused');
    vi.advanceTimersByTime(10_000);
    expect(lines.slice(6)).toMatchObject([
      { level: 'warn', event: 'log.lines.omitted', of: 'dhcp.packet.dropped', lines: 7, seconds: 10 },
      { level: 'warn', event: 'log.lines.omitted', of: 'tftp.request.refused', lines: 2, seconds: 10 },
    ]);
    vi.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(8);
  });

  it('hides no other event, and no graver line of its own', () => {
    flood(10);
    logger.warn({ event: 'dhcp.packet.dropped' }, 'graver');
    logger.info({ event: 'tftp.transfer.done' }, 'another');
    expect(lines.slice(3)).toMatchObject([{ message: 'graver' }, { message: 'another' }]);
  });

  it('comes to the same through a child of the logger', () => {
    flood(2);
    logger = logger.child({ service: 'dhcp' });
    flood(10);
    expect(lines).toHaveLength(3);
  });
});

it.each(['lease.granted', 'store.failing', 'boot.stuck', undefined])('%s is never left out', (event) => {
  for (let number = 0; number < 50; number += 1) logger.info({ event }, 'a line');
  logger.info('a line without fields');
  expect(lines).toHaveLength(51);
});
