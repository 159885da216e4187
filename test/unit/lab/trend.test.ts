import { expect, test } from 'vitest';
import { floors, growth, percentile, type Reading } from '../../lab/trend.ts';

function readings(...values: readonly number[]): Reading[] {
  return values.map((value, index) => ({ seconds: 10 * index, value }));
}

test.each([
  ['a straight line', readings(100, 110, 120, 130), 30],
  ['noise around a level', readings(100, 104, 100, 96, 100), -3.2],
  ['one reading', readings(100), 0],
  ['the same moment twice', [readings(1)[0]!, readings(2)[0]!], 0],
])('growth over the time of %s', (_, given, expected) => {
  expect(growth(given)).toBeCloseTo(expected, 6);
});

test('the floors of a sawtooth are its level, and those of a rising one rise', () => {
  const teeth = (rise: number): Reading[] =>
    Array.from({ length: 120 }, (_, index) => ({ seconds: index, value: 50 + (index % 10) + rise * index }));
  expect(growth(floors(teeth(0), 12))).toBe(0);
  expect(growth(floors(teeth(1), 12))).toBeCloseTo(110, 0);
});

test('a percentile is a value that was taken', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([50, 99, 100]);
  expect(percentile([], 0.5)).toBeNaN();
});
