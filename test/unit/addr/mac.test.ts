import { describe, expect, it } from 'vitest';
import { formatMacDashed, macFromBytes, macToBytes, parseMac } from '../../../src/addr/mac.ts';

describe('MAC addresses', () => {
  it.each([
    ['0c:c4:7a:0e:2b:6b', '0c:c4:7a:0e:2b:6b'],
    ['0C-C4-7A-0E-2B-6B', '0c:c4:7a:0e:2b:6b'],
    ['c:c4:7a:e:2b:6b', '0c:c4:7a:0e:2b:6b'],
  ])('reads %s', (text, mac) => {
    expect(parseMac(text)).toBe(mac);
  });

  it.each([
    '',
    '0c:c4:7a:0e:2b',
    '0c:c4:7a:0e:2b:6b:00',
    '0c:c4-7a:0e:2b:6b',
    '0cc47a0e2b6b',
    'gg:c4:7a:0e:2b:6b',
    '0c:c4:7a:0e:2b:06b',
  ])('refuses %j', (text) => {
    expect(parseMac(text)).toBeUndefined();
  });

  it('survive octets', () => {
    const mac = macFromBytes(Uint8Array.of(0x0c, 0xc4, 0x7a, 0x0e, 0x2b, 0x6b));
    expect(mac).toBe('0c:c4:7a:0e:2b:6b');
    expect(mac && Array.from(macToBytes(mac))).toEqual([0x0c, 0xc4, 0x7a, 0x0e, 0x2b, 0x6b]);
    expect(mac && formatMacDashed(mac)).toBe('0c-c4-7a-0e-2b-6b');
    expect(macFromBytes(new Uint8Array(16))).toBeUndefined();
  });
});
