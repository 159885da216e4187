import { describe, expect, it } from 'vitest';
import { parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { parseMac } from '../../../src/addr/mac.ts';
import type { ClientKey, Lease } from '../../../src/dhcp/lease.ts';
import { createLeaseStore } from '../../../src/store/lease-store.ts';
import { encodeRecord } from '../../../src/store/record.ts';
import { MemoryStore } from './memory-store.ts';

const ADDRESS: Ipv4 = parseIpv4('192.168.0.140')!;

function lease(overrides: Partial<Lease> = {}): Lease {
  return {
    address: ADDRESS,
    state: 'bound',
    client: 'hw:1:0cc47a0e2b6b' as ClientKey,
    clientId: undefined,
    htype: 1,
    hardwareAddress: Uint8Array.of(0x0c, 0xc4, 0x7a, 0x0e, 0x2b, 0x6b),
    mac: parseMac('0c:c4:7a:0e:2b:6b'),
    startsAt: 1_700_000_000_000,
    expiresAt: 1_700_000_600_000,
    lastSeenAt: 1_700_000_000_000,
    bootp: false,
    hostname: 'bm1',
    vendorClass: undefined,
    relayAgentInfo: undefined,
    ...overrides,
  };
}

describe('the lease store', () => {
  it('gives back what was committed: bound, declined, released, BOOTP', async () => {
    const records = new MemoryStore();
    const leases = [
      lease(),
      lease({ address: parseIpv4('192.168.0.141')!, state: 'declined', client: undefined }),
      lease({ address: parseIpv4('192.168.0.142')!, state: 'released' }),
      lease({ address: parseIpv4('192.168.0.143')!, bootp: true, expiresAt: undefined }),
    ];
    await createLeaseStore(records).commit(leases.map((value) => ({ kind: 'put', lease: value })));
    expect(await createLeaseStore(records).load()).toEqual({ leases, report: [] });
  });

  it('keeps the last of several changes of one address', async () => {
    const records = new MemoryStore();
    const store = createLeaseStore(records);
    const other = lease({ address: parseIpv4('192.168.0.150')! });
    await store.commit([
      { kind: 'put', lease: lease({ hostname: 'first' }) },
      { kind: 'put', lease: lease({ hostname: 'second' }) },
      { kind: 'put', lease: other },
      { kind: 'forget', address: other.address },
    ]);
    expect((await store.load()).leases).toEqual([lease({ hostname: 'second' })]);
  });

  it('does not write offers, and does not flush for offers alone', async () => {
    const records = new MemoryStore();
    const store = createLeaseStore(records);
    await store.commit([{ kind: 'put', lease: lease({ state: 'offered' }) }]);
    expect(records.commits).toBe(0);
    await store.commit([
      { kind: 'put', lease: lease({ state: 'offered' }) },
      { kind: 'put', lease: lease({ address: parseIpv4('192.168.0.150')! }) },
    ]);
    expect([...records.records.keys()]).toEqual(['lease/c0a80096']);
  });

  describe.each([
    {
      name: 'a record of a later version',
      bytes: encodeRecord('lease/c0a8008c', 2, Uint8Array.of(9, 9)),
      reason: 'a later version of bootd wrote it (version 2, known is 1)',
    },
    { name: 'a damaged record', bytes: Uint8Array.of(1, 2, 3, 4, 5, 6), reason: 'its checksum is wrong' },
    {
      name: 'a record whose content makes no sense',
      bytes: encodeRecord('lease/c0a8008c', 1, Uint8Array.of(2, 0)),
      reason: 'its content makes no sense',
    },
  ])('$name', ({ bytes, reason }) => {
    it('is reported and left out, while the others are read', async () => {
      const records = new MemoryStore();
      await createLeaseStore(records).commit([
        { kind: 'put', lease: lease({ address: parseIpv4('192.168.0.150')! }) },
      ]);
      records.records.set('lease/c0a8008c', bytes);
      const { leases, report } = await createLeaseStore(records).load();
      expect(leases.map(({ address }) => address)).toEqual([parseIpv4('192.168.0.150')]);
      expect(report).toHaveLength(1);
      expect(report[0]).toContain('lease/c0a8008c');
      expect(report[0]).toContain(reason);
      expect(records.records.get('lease/c0a8008c')).toEqual(bytes);
    });

    it.each(['put', 'forget'] as const)('is kept aside by a %s of its address', async (kind) => {
      const records = new MemoryStore();
      records.records.set('lease/c0a8008c', bytes);
      const store = createLeaseStore(records);
      await store.load();
      await store.commit([kind === 'put' ? { kind, lease: lease() } : { kind, address: ADDRESS }]);
      expect(records.records.get('kept/lease/c0a8008c')).toEqual(bytes);
      const { leases } = await store.load();
      expect(leases).toEqual(kind === 'put' ? [lease()] : []);
    });
  });

  it('reports ten unreadable records by name and counts the rest', async () => {
    const records = new MemoryStore();
    for (let index = 0; index < 25; index += 1) {
      records.records.set(`lease/0a0000${index.toString(16).padStart(2, '0')}`, Uint8Array.of(1));
    }
    const { report } = await createLeaseStore(records).load();
    expect(report).toHaveLength(11);
    expect(report[10]).toBe('15 more records below lease/ were left out');
  });
});
