import { describe, expect, it } from 'vitest';
import {
  addressOrder,
  formatAgo,
  formatCount,
  formatCountdown,
  formatDuration,
  formatOctets,
  formatOffset,
  visible,
} from '../../../status-page/format.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('a countdown', () => {
  it.each([
    [0, 'now'],
    [-5000, 'now'],
    [1, '0:01'],
    [999, '0:01'],
    [59_001, '1:00'],
    [600_000, '10:00'],
    [582_000, '9:42'],
    [HOUR, '1:00:00'],
    [2 * HOUR - 57_000, '1:59:03'],
    [47 * HOUR, '47:00:00'],
    [76 * HOUR, '3 d 4 h'],
  ])('of %d ms is %s', (ms, text) => {
    expect(formatCountdown(ms)).toBe(text);
  });

  it('never goes up while time goes on', () => {
    let before = Infinity;
    for (let ms = 2 * HOUR; ms > 0; ms -= 137) {
      const seconds = formatCountdown(ms)
        .split(':')
        .reduce((sum, part) => sum * 60 + Number(part), 0);
      expect(seconds).toBeLessThanOrEqual(before);
      before = seconds;
    }
  });
});

it.each([
  [-3000, 'just now'],
  [4999, 'just now'],
  [42_000, '42 s ago'],
  [5 * MINUTE, '5 min ago'],
  [3 * HOUR, '3 h ago'],
  [50 * HOUR, '2 d ago'],
])('%d ms ago is "%s"', (ms, text) => {
  expect(formatAgo(ms)).toBe(text);
});

it.each([
  [0.42, '0.4 ms'],
  [371, '371 ms'],
  [4102, '4.1 s'],
  [72_000, '1 min 12 s'],
  [119_700, '2 min 0 s'],
])('%d ms last %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [42_430, '42.4 kB'],
  [999_990, '1.0 MB'],
  [9_434_112, '9.4 MB'],
  [5_000_000_000, '5.0 GB'],
])('%d octets are %s', (octets, text) => {
  expect(formatOctets(octets)).toBe(text);
});

it('writes times since a beginning with three places, and none before it', () => {
  expect(formatOffset(4102)).toBe('4.102 s');
  expect(formatOffset(-5)).toBe('0.000 s');
});

it('parts thousands', () => {
  expect(formatCount(999)).toBe('999');
  expect(formatCount(1_234_567)).toBe('1\u202f234\u202f567');
});

describe('what a stranger wrote', () => {
  it.each([
    ['plain-name', 'plain-name'],
    ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
    ['Zoë 主机', 'Zoë 主机'],
    ['two\nlines\u0000', 'two\\u{a}lines\\u{0}'],
    ['\u202efdp.exe', '\\u{202e}fdp.exe'],
    ['zero\u200bwidth', 'zero\\u{200b}width'],
    ['\u061cfiller\u3164\u{e0041}', '\\u{61c}filler\\u{3164}\\u{e0041}'],
  ])('%j is shown as %j', (text, shown) => {
    expect(visible(text)).toBe(shown);
  });
});

it('puts addresses in the order of their numbers', () => {
  const addresses = ['192.168.0.20', '192.168.0.3', '10.0.0.255', '192.168.1.0'];
  const sorted = [...addresses].sort((a, b) => (addressOrder(a) ?? 0) - (addressOrder(b) ?? 0));
  expect(sorted).toEqual(['10.0.0.255', '192.168.0.3', '192.168.0.20', '192.168.1.0']);
  expect(['', '1.2.3', '1.2.3.256', 'a.b.c.d', null].map(addressOrder)).toEqual(Array(5).fill(undefined));
});
