import { describe, expect, it } from 'vitest';
import { didYouMean, nearestName } from '../../../src/config/nearest-name.ts';

const KEYS = [
  'default-lease-time',
  'max-lease-time',
  'min-lease-time',
  'filename',
  'options',
  'subnets',
  'mode',
];

describe('nearestName', () => {
  it.each([
    ['defualt-lease-time', 'default-lease-time'],
    ['default_lease_time', 'default-lease-time'],
    ['Filename', 'filename'],
    ['fileame', 'filename'],
    ['option', 'options'],
    ['subent', 'subnets'],
    ['max-laese-time', 'max-lease-time'],
    ['mdoe', 'mode'],
    ['mode', 'mode'],
    ['moed', 'mode'],
    ['xyzzy', undefined],
    ['m', undefined],
    ['', undefined],
    ['lease', undefined],
  ])('%s', (word, expected) => {
    expect(nearestName(word, KEYS)).toBe(expected);
  });

  it('takes the first of equally near ones', () => {
    expect(nearestName('mxn-lease-time', ['min-lease-time', 'max-lease-time'])).toBe('min-lease-time');
  });

  it('finds nothing among nothing', () => {
    expect(nearestName('mode', [])).toBeUndefined();
  });
});

describe('didYouMean', () => {
  it('ends a sentence, or adds nothing', () => {
    expect(didYouMean('mdoe', KEYS)).toBe("; did you mean 'mode'?");
    expect(didYouMean('xyzzy', KEYS)).toBe('');
  });
});
