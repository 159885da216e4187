import { describe, expect, it } from 'vitest';
import { BoundedLabels } from '../../../src/telemetry/bounded-labels.ts';

describe('bounded labels', () => {
  it('keep the first values and count the rest together', () => {
    const labels = new BoundedLabels(2, (thing) => thing.toLowerCase());
    expect(['a', 'B', 'c', 'A', 'b', 'D'].map((thing) => labels.choose(thing))).toEqual([
      'a',
      'b',
      'other',
      'a',
      'b',
      'other',
    ]);
  });

  it('stay the same however many things there are', () => {
    const labels = new BoundedLabels(1, (thing) => thing);
    const chosen = new Set(Array.from({ length: 5000 }, (_, index) => labels.choose(String(index))));
    expect([...chosen]).toEqual(['0', 'other']);
    expect(labels.choose('0')).toBe('0');
  });
});
