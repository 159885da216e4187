import { describe, expect, it } from 'vitest';
import { parseOptionNumber } from '../../../../src/wire/tftp/tftp-options.ts';

describe('the number of an option, as strtoumax reads it', () => {
  it.each([
    ['1432', 1432n],
    ['0', 0n],
    ['01000', 1000n],
    [' +1000', 1000n],
    ['\t\n\v\f\r 7', 7n],
    ['-1', 18_446_744_073_709_551_615n],
    ['-0', 0n],
    ['18446744073709551615', 18_446_744_073_709_551_615n],
  ])('%j is %d', (text, number) => {
    expect(parseOptionNumber(text)).toBe(number);
  });

  it.each(['', ' ', '+', '0x10', '1432 ', '1e3', '12a', '1.5', '--1', '\xa01', '18446744073709551616'])(
    '%j is none',
    (text) => {
      expect(parseOptionNumber(text)).toBeUndefined();
    },
  );
});
