import { describe, expect, it } from 'vitest';
import { formatIpv4, parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import {
  formatAddressRange,
  formatSubnet,
  parseAddressRange,
  parseSubnet,
  prefixLengthOfMask,
  rangeContains,
  rangeSize,
  subnetBroadcast,
  subnetContains,
  subnetMask,
} from '../../../src/addr/subnet.ts';

const address = (text: string): Ipv4 => {
  const value = parseIpv4(text);
  if (value === undefined) throw new Error(text);
  return value;
};

describe('subnets', () => {
  it.each([
    ['192.168.0.0/24', '255.255.255.0', '192.168.0.255', '192.168.0.200', '192.168.1.0'],
    ['10.0.0.0/8', '255.0.0.0', '10.255.255.255', '10.1.2.3', '11.0.0.0'],
    ['192.168.0.4/30', '255.255.255.252', '192.168.0.7', '192.168.0.6', '192.168.0.8'],
    ['192.168.0.9/32', '255.255.255.255', '192.168.0.9', '192.168.0.9', '192.168.0.8'],
  ])('%s has mask %s and broadcast address %s', (text, mask, broadcast, inside, outside) => {
    const subnet = parseSubnet(text);
    expect(subnet).toBeDefined();
    if (subnet === undefined) return;
    expect(formatSubnet(subnet)).toBe(text);
    expect(formatIpv4(subnetMask(subnet))).toBe(mask);
    expect(formatIpv4(subnetBroadcast(subnet))).toBe(broadcast);
    expect(subnetContains(subnet, address(inside))).toBe(true);
    expect(subnetContains(subnet, address(outside))).toBe(false);
  });

  it('may be everything', () => {
    const all = parseSubnet('0.0.0.0/0');
    expect(all && subnetMask(all)).toBe(0);
    expect(all && subnetContains(all, address('255.255.255.255'))).toBe(true);
  });

  it.each(['192.168.0.1/24', '192.168.0.0', '192.168.0.0/33', '192.168.0.0/24/1', '192.168.0.0/', 'x/24'])(
    'refuses %j',
    (text) => {
      expect(parseSubnet(text)).toBeUndefined();
    },
  );

  it('have netmasks with all ones in front', () => {
    expect(prefixLengthOfMask(address('255.255.255.0'))).toBe(24);
    expect(prefixLengthOfMask(address('255.255.255.255'))).toBe(32);
    expect(prefixLengthOfMask(address('0.0.0.0'))).toBe(0);
    expect(prefixLengthOfMask(address('255.0.255.0'))).toBeUndefined();
  });
});

describe('ranges', () => {
  it('include both ends', () => {
    const range = parseAddressRange('192.168.0.128-192.168.0.254');
    expect(range && formatAddressRange(range)).toBe('192.168.0.128-192.168.0.254');
    expect(range && rangeSize(range)).toBe(127);
    expect(
      range && [127, 128, 254, 255].map((host) => rangeContains(range, address(`192.168.0.${host}`))),
    ).toEqual([false, true, true, false]);
  });

  it('may be one address', () => {
    const range = parseAddressRange('192.168.0.9');
    expect(range && rangeSize(range)).toBe(1);
  });

  it.each(['', '192.168.0.9-192.168.0.8', '192.168.0.1-2', '192.168.0.1-192.168.0.2-192.168.0.3'])(
    'refuse %j',
    (text) => {
      expect(parseAddressRange(text)).toBeUndefined();
    },
  );
});
