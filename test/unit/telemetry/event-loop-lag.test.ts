import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { measureEventLoopLag, type LagMeasurement } from '../../../src/telemetry/event-loop-lag.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

let registry: Registry;
let measurement: LagMeasurement | undefined;

beforeEach(() => {
  registry = new Registry();
});

afterEach(() => {
  measurement?.stop();
  vi.restoreAllMocks();
});

/** Seconds, of one of the gauges. */
async function lag(figure: string): Promise<number> {
  const metric = await registry.getSingleMetric(`bootd_nodejs_eventloop_lag_${figure}`)?.get();
  return metric?.values[0]?.value ?? NaN;
}

function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

const rest = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

it('a loop that is held up is late by that', async () => {
  measurement = measureEventLoopLag(registry);
  await rest(5);
  work(300);
  await rest(50);
  await registry.metrics();
  expect(await lag('max_seconds')).toBeGreaterThan(0.2);
  expect(await lag('p99_seconds')).toBeGreaterThan(0.2);
});

it('a loop that is busy is measured often, and one that rests once a second', async () => {
  const waits: number[] = [];
  const real = globalThis.setTimeout;
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((act: () => void, ms: number) => {
    waits.push(ms);
    return real(act, ms);
  }) as typeof setTimeout);
  measurement = measureEventLoopLag(registry);
  for (let turn = 0; turn < 30; turn += 1) {
    work(8);
    await new Promise((resolve) => real(resolve, 4));
  }
  expect(waits.length).toBeGreaterThan(5);
  expect(new Set(waits)).toEqual(new Set([20]));
  await vi.waitFor(() => expect(waits.at(-1)).toBe(1000), { timeout: 5000, interval: 500 });
});

it('takes the place of what measured a hundred times a second, under the same names', async () => {
  const { registry: all } = createMetrics();
  const text = await all.metrics();
  for (const figure of ['', 'min_', 'max_', 'mean_', 'stddev_', 'p50_', 'p90_', 'p99_']) {
    expect(text).toMatch(new RegExp(`^bootd_nodejs_eventloop_lag_${figure}seconds \\d`, 'm'));
  }
});
