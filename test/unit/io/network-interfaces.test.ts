import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, type networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatIpv4, parseIpv4 } from '../../../src/addr/ipv4.ts';
import { formatSubnet } from '../../../src/addr/subnet.ts';
import { interfaceAddress, type InterfaceAddress } from '../../../src/io/interface-address.ts';
import {
  listNetworkInterfaces,
  onLinkAddress,
  readNetworkInterface,
  type InterfaceSources,
} from '../../../src/io/network-interfaces.ts';

type Addresses = ReturnType<typeof networkInterfaces>;

let folder: string;
let addresses: Addresses;
let primary: InterfaceAddress | undefined;
let sources: InterfaceSources;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-net-'));
  addresses = {};
  primary = undefined;
  sources = { folder, addresses: () => addresses, primaryAddress: () => primary };
});

afterEach(() => rmSync(folder, { recursive: true }));

function device(name: string, facts: Readonly<Record<string, string>> = {}): void {
  mkdirSync(join(folder, name), { recursive: true });
  const all = {
    ifindex: '7',
    address: '52:54:00:00:00:01',
    mtu: '1500',
    flags: '0x1003',
    carrier: '1',
    type: '1',
    ...facts,
  };
  for (const [fact, value] of Object.entries(all)) writeFileSync(join(folder, name, fact), `${value}\n`);
}

function ipv4(address: string, netmask: string): NonNullable<Addresses[string]>[number] {
  return { address, netmask, family: 'IPv4', mac: '52:54:00:00:00:01', internal: false, cidr: null };
}

/** A device that differs from an ordinary one in these facts. */
interface Row {
  readonly name: string;
  readonly facts: Readonly<Record<string, string>>;
}

describe('readNetworkInterface', () => {
  it('gathers the facts of an Ethernet', () => {
    device('br-prov', { mtu: '9000' });
    addresses['br-prov'] = [
      ipv4('192.168.0.1', '255.255.255.0'),
      { ...ipv4('x', 'x'), address: 'fe80::1', netmask: 'ffff::', family: 'IPv6', scopeid: 7 },
      ipv4('10.1.2.3', '255.255.0.0'),
    ];
    const facts = readNetworkInterface('br-prov', sources);
    expect(facts).toMatchObject({
      name: 'br-prov',
      index: 7,
      mac: '52:54:00:00:00:01',
      mtu: 9000,
      link: 'up',
      loopback: false,
      ethernet: true,
    });
    expect(
      facts?.addresses.map(({ address, subnet }) => [formatIpv4(address), formatSubnet(subnet)]),
    ).toEqual([
      ['192.168.0.1', '192.168.0.0/24'],
      ['10.1.2.3', '10.1.0.0/16'],
    ]);
  });

  it.each<Row & { link: string }>([
    { name: 'switched off', facts: { flags: '0x1002' }, link: 'down' },
    { name: 'without a cable', facts: { carrier: '0' }, link: 'no-carrier' },
    { name: 'on', facts: {}, link: 'up' },
  ])('tells a link that is $name', ({ facts, link }) => {
    device('eth0', facts);
    expect(readNetworkInterface('eth0', sources)?.link).toBe(link);
  });

  it.each<Row & { loopback: boolean }>([
    { name: 'loopback', facts: { flags: '0x9', type: '772', address: '00:00:00:00:00:00' }, loopback: true },
    { name: 'InfiniBand', facts: { type: '32', address: '80:00:00:00:00:00:00:00:01' }, loopback: false },
    { name: 'a tunnel', facts: { type: '65534', address: '' }, loopback: false },
  ])('knows no MAC of $name', ({ facts, loopback }) => {
    device('x0', facts);
    expect(readNetworkInterface('x0', sources)).toMatchObject({ mac: undefined, ethernet: false, loopback });
  });

  it('asks for the first address of a link that is not up, since Node lists none then', () => {
    device('eth0', { carrier: '0' });
    primary = interfaceAddress(parseIpv4('192.168.0.1')!, parseIpv4('255.255.255.0')!);
    expect(readNetworkInterface('eth0', sources)).toMatchObject({ link: 'no-carrier', addresses: [primary] });
    primary = undefined;
    expect(readNetworkInterface('eth0', sources)?.addresses).toEqual([]);
  });

  it.each(['eth1', '', '.', '..', '../eth0', 'eth0/statistics'])('knows no interface "%s"', (name) => {
    device('eth0');
    expect(readNetworkInterface(name, sources)).toBeUndefined();
  });

  it('throws when the kernel cannot be asked, which says nothing of the interface', () => {
    device('eth0');
    rmSync(join(folder, 'eth0', 'mtu'));
    // Reading a folder fails with an error of its own, as reading a file does when no descriptor is left.
    mkdirSync(join(folder, 'eth0', 'mtu'));
    expect(() => readNetworkInterface('eth0', sources)).toThrow('EISDIR');
    expect(readNetworkInterface('eth1', sources)).toBeUndefined();
  });

  it('reads the loopback of this host', () => {
    expect(listNetworkInterfaces()).toContain('lo');
    expect(readNetworkInterface('lo')).toMatchObject({
      name: 'lo',
      index: 1,
      loopback: true,
      ethernet: false,
    });
  });
});

describe('onLinkAddress', () => {
  it('is the address in the same network', () => {
    device('eth0');
    addresses['eth0'] = [ipv4('192.168.0.1', '255.255.255.0'), ipv4('10.0.0.1', '255.0.0.0')];
    const facts = readNetworkInterface('eth0', sources)!;
    expect(onLinkAddress(facts, parseIpv4('10.9.9.9')!)?.address).toBe(parseIpv4('10.0.0.1'));
    expect(onLinkAddress(facts, parseIpv4('192.168.1.1')!)).toBeUndefined();
  });
});
