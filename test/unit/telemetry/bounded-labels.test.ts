import { describe, expect, it } from 'vitest';
import { BoundedLabels } from '../../../src/telemetry/bounded-labels.ts';

describe('bounded labels', () => {
  it('keep the first values and count the rest together', () => {
    const labels = new BoundedLabels(2);
    expect(['a', 'b', 'c', 'a', 'd'].map((value) => labels.choose(value))).toEqual([
      'a',
      'b',
      'other',
      'a',
      'other',
    ]);
  });
});
