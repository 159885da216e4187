import { describe, expect, it } from 'vitest';
import { pythonModulo } from '../../../src/services/python-format.ts';

// Right-hand sides are what Python 3.11 prints.
describe('pythonModulo', () => {
  it.each<[unknown, unknown, unknown]>([
    ['0x%x', 129, '0x81'],
    ['%d of %d', [1, 2], '1 of 2'],
    ['%s', 'word', 'word'],
    ['%.2s', 'word', 'wo'],
    ['%5d|', 42, '   42|'],
    ['%-5d|', 42, '42   |'],
    ['%05d', -42, '-0042'],
    ['%+d', 7, '+7'],
    ['%i', -3.9, '-3'],
    ['%#x %#o', [255, 8], '0xff 0o10'],
    ['%X', 255, 'FF'],
    ['%.1f', 2.75, '2.8'],
    ['100%%', [], '100%'],
    [7, 3, 1],
    [-7, 3, 2],
  ])('%j %% %j is %j', (left, right, result) => {
    expect(pythonModulo(left, right)).toBe(result);
  });

  it('refuses what it does not know', () => {
    expect(() => pythonModulo('%q', 1)).toThrow('%q is no conversion');
    expect(() => pythonModulo('%d %d', 1)).toThrow('not enough values');
  });
});
