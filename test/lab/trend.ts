/** One reading, and when it was taken. */
export interface Reading {
  readonly seconds: number;
  readonly value: number;
}

/**
 * How much the readings grow over the time that they cover, by the straight line that fits best (least squares). 0 for
 * fewer than two moments.
 */
export function growth(readings: readonly Reading[]): number {
  const count = readings.length;
  const meanTime = mean(readings.map(({ seconds }) => seconds));
  const meanValue = mean(readings.map(({ value }) => value));
  let covariance = 0;
  let variance = 0;
  for (const { seconds, value } of readings) {
    covariance += (seconds - meanTime) * (value - meanValue);
    variance += (seconds - meanTime) ** 2;
  }
  if (count < 2 || variance === 0) return 0;
  const times = readings.map(({ seconds }) => seconds);
  return (covariance / variance) * (Math.max(...times) - Math.min(...times));
}

/**
 * The least of each of so many equal stretches of time: what a heap holds after its collections, without the teeth between
 * them.
 */
export function floors(readings: readonly Reading[], stretches: number): readonly Reading[] {
  const start = Math.min(...readings.map(({ seconds }) => seconds));
  const end = Math.max(...readings.map(({ seconds }) => seconds));
  const length = (end - start) / stretches || 1;
  const least = new Map<number, Reading>();
  for (const reading of readings) {
    const stretch = Math.min(Math.floor((reading.seconds - start) / length), stretches - 1);
    const before = least.get(stretch);
    if (before === undefined || reading.value < before.value) least.set(stretch, reading);
  }
  return [...least.values()];
}

/** The value that this share of all values does not exceed; NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
