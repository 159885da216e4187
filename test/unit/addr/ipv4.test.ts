import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BROADCAST_IPV4,
  formatIpv4,
  formatIpv4Hex,
  ipv4FromBytes,
  ipv4FromNumber,
  ipv4ToBytes,
  parseIpv4,
} from '../../../src/addr/ipv4.ts';

describe('parseIpv4', () => {
  it.each([
    ['0.0.0.0', 0],
    ['192.168.0.1', 0xc0a80001],
    ['255.255.255.255', 0xffffffff],
  ])('reads %s', (text, value) => {
    expect(parseIpv4(text)).toBe(value);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.04',
    '1.2.3.-4',
    '0x7f.0.0.1',
    '1..2.3',
  ])('refuses %j', (text) => {
    expect(parseIpv4(text)).toBeUndefined();
  });
});

describe('addresses', () => {
  const anyAddress = fc.integer({ min: 0, max: 0xffffffff }).map(ipv4FromNumber);

  it('survive text and octets', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        expect(parseIpv4(formatIpv4(address))).toBe(address);
        expect(ipv4FromBytes(ipv4ToBytes(address))).toBe(address);
      }),
    );
  });

  it('have the hex form that pxelinux asks for', () => {
    expect(formatIpv4Hex(ipv4FromNumber(0xc0a80082))).toBe('C0A80082');
    expect(formatIpv4Hex(ipv4FromNumber(0x0a000001))).toBe('0A000001');
  });

  it('need four octets', () => {
    expect(ipv4FromBytes(Uint8Array.of(1, 2, 3))).toBeUndefined();
    expect(ipv4FromBytes(Uint8Array.of(1, 2, 3, 4, 5))).toBeUndefined();
    expect(ipv4FromBytes(ipv4ToBytes(BROADCAST_IPV4))).toBe(BROADCAST_IPV4);
  });

  it('are read at their place in a larger buffer', () => {
    expect(ipv4FromBytes(Uint8Array.of(9, 9, 10, 0, 0, 1).subarray(2))).toBe(0x0a000001);
  });
});
