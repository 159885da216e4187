import { describe, expect, it } from 'vitest';
import { parseSuiteRecords } from '../../../src/ipmi/cipher-suite.ts';
import { formatCompletionCode, formatRmcpStatus } from '../../../src/ipmi/completion-code.ts';
import { waitMs } from '../../../src/ipmi/ipmi-settings.ts';
import { convertReading, parseSensorRecord } from '../../../src/ipmi/sensor-record.ts';
import { SequenceWindow } from '../../../src/ipmi/sequence-window.ts';

describe('completion codes', () => {
  it.each([
    [0xc1, 0, 4, 'the controller does not know this command (completion code 0xc1)'],
    [0x80, 0, 8, 'the controller does not have this boot parameter (completion code 0x80)'],
    [0x80, 6, 0x48, 'serial over LAN is in use by another console (completion code 0x80)'],
    [0x55, 0, 0, 'a code of its maker (completion code 0x55)'],
    [0xe0, 0, 0, 'a code without a meaning that is known (completion code 0xe0)'],
  ])('0x%s of %i/%i', (code, netFn, command, words) => {
    expect(formatCompletionCode(code, netFn, command)).toBe(words);
  });

  it('have cousins in the key exchange', () => {
    expect(formatRmcpStatus(0x0d)).toBe('the user name is not allowed (RMCP+ status 0x0d)');
    expect(formatRmcpStatus(0x77)).toBe('an unknown status (RMCP+ status 0x77)');
  });
});

describe('lists of cipher suites', () => {
  it('are read as ipmi_sim writes them, with suites whose algorithms are zero', () => {
    const text = 'c000004080c001014080c002014180c003014181c004014182c005014183c00602';
    expect(parseSuiteRecords(Buffer.from(text, 'hex'))).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('leave out what is a maker´s own, and end where they stop short', () => {
    expect(parseSuiteRecords(Buffer.from('c180570100014181c003014181c0', 'hex'))).toEqual([3]);
    expect(parseSuiteRecords(new Uint8Array())).toEqual([]);
  });
});

describe('waiting', () => {
  it('backs off, and ends', () => {
    const policy = { attempts: 4, firstTimeoutMs: 1000 };
    expect([1, 2, 3, 4].map((attempt) => waitMs(policy, attempt))).toEqual([1000, 1500, 2250, 3375]);
  });
});

describe('the window of sequence numbers', () => {
  it('takes each number once, late ones within sixteen', () => {
    const window = new SequenceWindow();
    const taken = [1, 1, 3, 2, 2, 20, 5, 4, 4, 0, 1000, 985, 984, 985].map((number) => window.take(number));
    expect(taken).toEqual([
      ...[true, false, true, true, false, true, true],
      ...[false, false, false, true, true, false, false],
    ]);
  });
});

describe('readings', () => {
  const linear = {
    multiplier: 1,
    offset: 0,
    offsetExponent: 0,
    resultExponent: 0,
    linearization: 0,
    format: 'unsigned',
  } as const;

  it.each([
    ['a temperature below zero', 0xf6, { ...linear, format: 'twos-complement' }, -10],
    ['ones´ complement', 0xf6, { ...linear, format: 'ones-complement' }, -9],
    ['a voltage', 193, { ...linear, multiplier: 63, resultExponent: -3 }, 12.159],
    ['an offset', 10, { ...linear, multiplier: 2, offset: -5, offsetExponent: 1, resultExponent: 0 }, -30],
    ['an inverse', 4, { ...linear, linearization: 7 }, 0.25],
    ['a square', 5, { ...linear, linearization: 8 }, 25],
  ] as const)('%s', (_what, raw, conversion, value) => {
    expect(convertReading(raw, conversion)).toBe(value);
  });

  it('have no value where the function is a maker´s own, or there is no number', () => {
    expect(convertReading(1, { ...linear, linearization: 0x71 })).toBeUndefined();
    expect(convertReading(0, { ...linear, linearization: 7 })).toBeUndefined();
  });

  it('of records that are no sensor, or stop short, there are none', () => {
    expect(parseSensorRecord(new Uint8Array(60))).toBeUndefined();
    expect(parseSensorRecord(Uint8Array.of(0, 0, 0x51, 1, 40, 0x20))).toBeUndefined();
  });

  it('have names in packed 6-bit ASCII too', () => {
    const record = new Uint8Array(40);
    record.set([0, 0, 0x51, 2, 30, 0x20, 0, 5]);
    // "IPMI" is 29 DC A6 (IPMI 2.0 section 43.15).
    record.set([0x83, 0x29, 0xdc, 0xa6], 31);
    expect(parseSensorRecord(record)).toMatchObject({ number: 5, name: 'IPMI', unit: '' });
  });
});
