import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4FromNumber, parseIpv4 } from '../../../src/addr/ipv4.ts';
import { macFromBytes } from '../../../src/addr/mac.ts';
import type { ClientKey, Lease, LeaseState } from '../../../src/dhcp/lease.ts';
import { leaseCodec, leaseRecordName } from '../../../src/store/lease-record.ts';

const STATES: readonly LeaseState[] = ['offered', 'bound', 'released', 'expired', 'declined'];

const optionalBytes = fc.option(fc.uint8Array({ maxLength: 255 }), { nil: undefined });
const text = fc.string({ unit: 'grapheme', maxLength: 80 });
const optionalText = fc.option(text, { nil: undefined });
const time = fc.integer({ min: 0, max: 8_640_000_000_000_000 });

const anyLease: fc.Arbitrary<Lease> = fc
  .record({
    address: fc.integer({ min: 0, max: 0xffffffff }).map(ipv4FromNumber),
    state: fc.constantFrom(...STATES),
    client: optionalText.map((value) => value as ClientKey | undefined),
    clientId: optionalBytes,
    htype: fc.integer({ min: 0, max: 255 }),
    hardwareAddress: fc.uint8Array({ maxLength: 16 }),
    ethernet: fc.boolean(),
    startsAt: time,
    expiresAt: fc.option(time, { nil: undefined }),
    lastSeenAt: time,
    bootp: fc.boolean(),
    hostname: optionalText,
    vendorClass: optionalText,
    relayAgentInfo: optionalBytes,
  })
  .map(({ ethernet, ...lease }) => ({
    ...lease,
    mac: ethernet ? macFromBytes(lease.hardwareAddress) : undefined,
  }));

describe('lease records', () => {
  it('give back every lease', () => {
    fc.assert(
      fc.property(anyLease, (lease) => {
        expect(leaseCodec.decode(leaseRecordName(lease.address), leaseCodec.encode(lease), 1)).toEqual(lease);
      }),
      { numRuns: 500 },
    );
  });

  it('tell an absent field from an empty one', () => {
    fc.assert(
      fc.property(anyLease, (lease) => {
        const bare: Lease = { ...lease, clientId: undefined, hostname: undefined };
        const empty: Lease = { ...lease, clientId: new Uint8Array(), hostname: '' };
        for (const value of [bare, empty]) {
          const decoded = leaseCodec.decode(leaseRecordName(value.address), leaseCodec.encode(value), 1);
          expect(decoded).toEqual(value);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('keep fields longer than 64 KiB apart: a class of 40,000 two-octet letters', () => {
    const [lease] = fc.sample(anyLease, 1);
    const long: Lease = { ...lease!, vendorClass: 'ü'.repeat(40_000), relayAgentInfo: Uint8Array.of(1, 2) };
    expect(leaseCodec.decode(leaseRecordName(long.address), leaseCodec.encode(long), 1)).toEqual(long);
  });

  it('are named in the order of addresses', () => {
    const addresses = ['10.0.0.9', '10.0.0.10', '10.0.1.0', '192.168.0.1', '255.0.0.0'];
    const names = addresses.map((address) => leaseRecordName(parseIpv4(address)!));
    expect(names).toEqual(['0a000009', '0a00000a', '0a000100', 'c0a80001', 'ff000000']);
    expect(names).toEqual([...names].sort());
  });

  it('throw for content that ends too early, at every length', () => {
    const [lease] = fc.sample(anyLease, 1);
    const whole: Lease = { ...lease!, relayAgentInfo: Uint8Array.of(1, 2, 3) };
    const content = leaseCodec.encode(whole);
    for (let length = 0; length < content.length; length += 1) {
      expect(() => leaseCodec.decode('c0a80001', content.subarray(0, length), 1)).toThrow();
    }
  });

  it('throw for a key that is no address, and for an unknown state', () => {
    const [lease] = fc.sample(anyLease, 1);
    const content = leaseCodec.encode(lease!);
    expect(() => leaseCodec.decode('192.168.0.1', content, 1)).toThrow('its key is no address');
    content[0] = 99;
    expect(() => leaseCodec.decode('c0a80001', content, 1)).toThrow('state 99 is unknown');
  });
});
