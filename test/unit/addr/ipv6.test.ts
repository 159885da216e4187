import { describe, expect, it } from 'vitest';
import { ipv4FromNumber, parseIpv4 } from '../../../src/addr/ipv4.ts';
import {
  formatIpv6,
  formatPeerAddress,
  ipv4OfMapped,
  mappedIpv6,
  parseIpv6,
} from '../../../src/addr/ipv6.ts';

describe('IPv6 addresses', () => {
  it.each([
    ['::', '0'.repeat(32), '::'],
    ['::1', `${'0'.repeat(31)}1`, '::1'],
    ['2001:db8::5', '20010db8000000000000000000000005', '2001:db8::5'],
    ['2001:DB8:0:0:1:0:0:1', '20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001', 'fe80::1'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008', '1:2:3:4:5:6:7:8'],
    ['1:0:3:4:5:6:7:8', '00010000000300040005000600070008', '1:0:3:4:5:6:7:8'],
    ['1::', '00010000000000000000000000000000', '1::'],
    ['10:0:0:20::', '00100000000000200000000000000000', '10:0:0:20::'],
    ['::ffff:192.168.0.130', '00000000000000000000ffffc0a80082', '::ffff:c0a8:82'],
  ])('reads %s', (text, digits, canonical) => {
    const address = parseIpv6(text);
    expect(address).toBe(digits);
    expect(address === undefined ? '' : formatIpv6(address)).toBe(canonical);
  });

  it.each([
    '',
    ':',
    '1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '1.2.3.4::',
    '1:2:3:4:5:6:7:8::',
  ])('refuses %j', (text) => {
    expect(parseIpv6(text)).toBeUndefined();
  });

  it('shows a mapped IPv4 address as IPv4', () => {
    const address = mappedIpv6(ipv4FromNumber(0xc0a80082));
    expect(ipv4OfMapped(address)).toBe(parseIpv4('192.168.0.130'));
    expect(formatPeerAddress(address)).toBe('192.168.0.130');
  });
});
