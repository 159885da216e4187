import { createHistogram, performance, type RecordableHistogram } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

/** How often it is measured while the event loop works: that wakes nobody. */
const BUSY_MS = 20;
/** While it rests, each measurement wakes the process. */
const IDLE_MS = 1000;
/** From this share of time at work on, the loop is busy. */
const BUSY_SHARE = 0.05;

const NAME = 'bootd_nodejs_eventloop_lag';

const FIGURES: Readonly<Record<string, (lags: RecordableHistogram) => number>> = {
  min: ({ min }) => min,
  max: ({ max }) => max,
  mean: ({ mean }) => mean,
  stddev: ({ stddev }) => stddev,
  p50: (lags) => lags.percentile(50),
  p90: (lags) => lags.percentile(90),
  p99: (lags) => lags.percentile(99),
};

/** A measurement that can be ended. */
export interface LagMeasurement {
  stop(): void;
}

/**
 * By how much timers come too late, as the gauges `bootd_nodejs_eventloop_lag_*` since they were read last. They take the
 * place of prom-client's of the same names, which are measured a hundred times a second, by day and by night, and say
 * ten milliseconds more than there are.
 */
export function measureEventLoopLag(registry: Registry): LagMeasurement {
  const lags = createHistogram();
  let last = 0;
  const gauges = Object.entries(FIGURES).map(([name, figure]) => {
    const help = `By how much the event loop was late since this was read last: ${name}.`;
    return { gauge: new Gauge({ name: `${NAME}_${name}_seconds`, help, registers: [registry] }), figure };
  });
  new Gauge({
    name: `${NAME}_seconds`,
    help: 'By how much the event loop was late when it was measured last.',
    registers: [registry],
    collect() {
      this.set(last / 1000);
      // An idle loop may not have been measured since: the gauges stay as they were.
      if (lags.count === 0) return;
      for (const { gauge, figure } of gauges) gauge.set(figure(lags) / 1e9);
      lags.reset();
    },
  });

  let used = performance.eventLoopUtilization();
  let timer: NodeJS.Timeout;
  const wait = (ms: number): void => {
    const due = performance.now() + ms;
    timer = setTimeout(() => {
      // Timers come a fraction of a millisecond early at times.
      last = Math.max(performance.now() - due, 0);
      lags.record(Math.max(Math.round(last * 1e6), 1));
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, used);
      used = now;
      wait(utilization < BUSY_SHARE ? IDLE_MS : BUSY_MS);
    }, ms).unref();
  };
  wait(BUSY_MS);
  return { stop: () => clearTimeout(timer) };
}
