import { describe, expect, it } from 'vitest';
import { parseIpv4 } from '../../../src/addr/ipv4.ts';
import { parseMac } from '../../../src/addr/mac.ts';
import type { BootProfile } from '../../../src/boot/boot-profile.ts';
import { NodeRegistry, type NodeChange } from '../../../src/boot/node-registry.ts';
import { parseNodeUuid, type Node } from '../../../src/boot/node.ts';
import { createNodeStore } from '../../../src/store/node-store.ts';
import { encodeRecord } from '../../../src/store/record.ts';
import { MemoryStore } from './memory-store.ts';

const UUID = parseNodeUuid('8d3b1c2e-0000-4000-8000-0cc47a0e2b6b')!;
const OTHER = parseNodeUuid('9d3b1c2e-0000-4000-8000-0cc47a0e2b6c')!;

const NODE: Node = {
  uuid: UUID,
  name: 'bm1',
  bootMode: 'uefi',
  ports: [
    {
      address: parseMac('0c:c4:7a:0e:2b:6b')!,
      pxeEnabled: true,
      fixedAddress: parseIpv4('192.168.0.20'),
      extra: { 'client-id': 'ff:00', gateway_port: 7, nested: { list: [1, null] } },
    },
    { address: parseMac('0c:c4:7a:0e:2b:6c')!, pxeEnabled: false, fixedAddress: undefined, extra: {} },
  ],
  dhcpOptions: [
    { name: 'tag:ipxe,67', value: 'http://192.168.0.1:8080/boot.ipxe', ipVersion: 4 },
    { name: '59', value: 'tftp://[2001:db8::1]/x', ipVersion: 6 },
  ],
  bmc: {
    ...{ address: '10.0.0.7', port: 623, username: 'admin', password: 'geheim "ü"' },
    ...{ privilege: 'operator', cipherSuite: 17, kg: '00ff' },
  },
  purpose: 'deploy',
  arch: 'aarch64',
  managedBy: 'ironic',
  generation: 12,
};

const BARE: Node = {
  uuid: OTHER,
  name: undefined,
  bootMode: undefined,
  ports: [],
  dhcpOptions: [],
  bmc: undefined,
  purpose: undefined,
  arch: undefined,
  managedBy: undefined,
  generation: 13,
};

const PROFILE: BootProfile = {
  kernelChecksum: { algorithm: 'sha512', digest: 'ab'.repeat(64) },
  purpose: 'deploy',
  kernel: '/images/kernel',
  ramdisk: undefined,
  kernelAppendParams: 'console=ttyS0,115200 "quoted"',
  template: undefined,
  policy: 'once',
};

const CHANGES: readonly NodeChange[] = [
  { kind: 'generation.put', generation: 99 },
  { kind: 'shared-profile.put', shared: { name: 'rescue/ünïcode 🖥', profile: PROFILE, generation: 5 } },
  { kind: 'node.put', node: NODE },
  { kind: 'node.put', node: BARE },
  {
    kind: 'boot-profile.put',
    uuid: UUID,
    boot: { assignment: { kind: 'own', profile: PROFILE }, doneAt: 1_700_000_000_000 },
  },
  {
    kind: 'boot-profile.put',
    uuid: OTHER,
    boot: { assignment: { kind: 'shared', name: 'rescue/ünïcode 🖥' }, doneAt: undefined },
  },
];

describe('the node store', () => {
  it('gives back every kind of change, whole, with shared profiles before their users', async () => {
    const records = new MemoryStore();
    await createNodeStore(records).commit([...CHANGES].reverse());
    const { changes, report } = await createNodeStore(records).load();
    expect(report).toEqual([]);
    expect(changes).toStrictEqual(CHANGES);
  });

  it('makes a registry whole again that answers as before', async () => {
    const records = new MemoryStore();
    const before = new NodeRegistry();
    before.apply(CHANGES);
    await createNodeStore(records).commit(CHANGES);
    const after = new NodeRegistry();
    after.apply((await createNodeStore(records).load()).changes);
    expect(after.nodeByUuid(UUID)).toEqual(before.nodeByUuid(UUID));
    expect(after.listSharedProfiles()).toEqual(before.listSharedProfiles());
  });

  it('forgets what is deleted', async () => {
    const records = new MemoryStore();
    const store = createNodeStore(records);
    await store.commit(CHANGES);
    await store.commit([
      { kind: 'node.delete', uuid: UUID },
      { kind: 'boot-profile.delete', uuid: UUID },
      { kind: 'boot-profile.delete', uuid: OTHER },
      { kind: 'shared-profile.delete', name: 'rescue/ünïcode 🖥' },
    ]);
    expect((await store.load()).changes).toStrictEqual([CHANGES[0], { kind: 'node.put', node: BARE }]);
  });

  it('commits all changes together, and does not flush for nothing', async () => {
    const records = new MemoryStore();
    const store = createNodeStore(records);
    await store.commit([]);
    expect(records.commits).toBe(0);
    await store.commit(CHANGES);
    expect(records.commits).toBe(1);
  });

  it.each([
    ['a list for an object', '[]', 'the record is not an object'],
    [
      'a port without an address',
      '{"ports":[{}],"dhcpOptions":[],"generation":1}',
      'port address is not text',
    ],
    [
      'a MAC that is none',
      '{"ports":[{"address":"x","pxeEnabled":true,"extra":{}}],"dhcpOptions":[],"generation":1}',
      'port address cannot be read',
    ],
    ['an unknown boot mode', '{"bootMode":"coreboot","ports":[]}', 'bootMode is none of bios, uefi'],
    ['text that is no JSON', '{', 'JSON'],
  ])('reports %s', async (_, json, reason) => {
    const records = new MemoryStore();
    const key = `node/${UUID}`;
    records.records.set(key, encodeRecord(key, 1, new TextEncoder().encode(json)));
    const { changes, report } = await createNodeStore(records).load();
    expect(changes).toEqual([]);
    expect(report).toHaveLength(1);
    expect(report[0]).toContain(reason);
  });
});
