import { readFileSync, readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { parseMac, type Mac } from '../addr/mac.ts';
import { subnetContains } from '../addr/subnet.ts';
import { interfaceAddress, readPrimaryAddress, type InterfaceAddress } from './interface-address.ts';

/** What the kernel says about one interface. */
export interface NetworkInterface {
  readonly name: string;
  /** Changes when the interface is removed and made again: sockets bound to the old one stay deaf for ever. */
  readonly index: number;
  /** Undefined for what has no six-octet hardware address (tunnels, InfiniBand). */
  readonly mac: Mac | undefined;
  /** In the kernel's order, the primary one first. While the link is not up, only that one. */
  readonly addresses: readonly InterfaceAddress[];
  /** The largest IP datagram, in octets. */
  readonly mtu: number;
  /** `no-carrier`: switched on, but no cable, no switch behind it, or a bridge without a live port. */
  readonly link: 'up' | 'no-carrier' | 'down';
  readonly loopback: boolean;
  /** Whether frames on it are Ethernet frames. */
  readonly ethernet: boolean;
}

/** IFF_UP and IFF_LOOPBACK of <net/if.h>. */
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
/** ARPHRD_ETHER of <net/if_arp.h>. */
const ETHERNET_TYPE = 1;

/** Where the facts come from; tests put their own folder and list here. */
export interface InterfaceSources {
  readonly folder: string;
  /** All addresses of the links that are up. */
  readonly addresses: () => ReturnType<typeof networkInterfaces>;
  /** The first address of any link. */
  readonly primaryAddress: (name: string) => InterfaceAddress | undefined;
}

const KERNEL: InterfaceSources = {
  folder: '/sys/class/net',
  addresses: networkInterfaces,
  primaryAddress: readPrimaryAddress,
};

/** The names of all interfaces of this network namespace. */
export function listNetworkInterfaces(sources: InterfaceSources = KERNEL): readonly string[] {
  return readdirSync(sources.folder);
}

/**
 * The facts of one interface as of now; undefined when there is none of that name. Throws when the kernel cannot be asked,
 * for want of a file descriptor: that says nothing of the interface.
 */
export function readNetworkInterface(
  name: string,
  sources: InterfaceSources = KERNEL,
): NetworkInterface | undefined {
  // The name comes from a configuration file and becomes part of a path.
  if (name.includes('/') || name === '.' || name === '..') return undefined;
  const read = (fact: string): string | undefined => readFact(`${sources.folder}/${name}/${fact}`);
  const index = Number(read('ifindex'));
  const flags = Number(read('flags'));
  if (!Number.isInteger(index) || !Number.isInteger(flags)) return undefined;
  const hardwareAddress = parseMac(read('address') ?? '');
  return {
    name,
    index,
    mac: (flags & IFF_LOOPBACK) === 0 ? hardwareAddress : undefined,
    addresses: readAddresses(name, sources),
    mtu: Number(read('mtu')),
    link: (flags & IFF_UP) === 0 ? 'down' : read('carrier') === '0' ? 'no-carrier' : 'up',
    loopback: (flags & IFF_LOOPBACK) !== 0,
    ethernet: Number(read('type')) === ETHERNET_TYPE,
  };
}

/** The interface's own address in the network that the address belongs to; undefined when it is not on this wire. */
export function onLinkAddress({ addresses }: NetworkInterface, address: Ipv4): InterfaceAddress | undefined {
  return addresses.find(({ subnet }) => subnetContains(subnet, address));
}

function readAddresses(name: string, sources: InterfaceSources): readonly InterfaceAddress[] {
  const found: InterfaceAddress[] = [];
  for (const { family, address, netmask } of sources.addresses()[name] ?? []) {
    if (family !== 'IPv4') continue;
    const parsed = parseIpv4(address);
    const mask = parseIpv4(netmask);
    const described = parsed === undefined || mask === undefined ? undefined : interfaceAddress(parsed, mask);
    if (described !== undefined) found.push(described);
  }
  if (found.length > 0) return found;
  const primary = sources.primaryAddress(name);
  return primary === undefined ? [] : [primary];
}

/** What sysfs answers where there is nothing to tell: no such interface, gone meanwhile, `carrier` of a link that is down. */
const NOTHING_TO_TELL: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ENODEV',
  'EINVAL',
  'EOPNOTSUPP',
]);

/** Undefined when the interface, or this fact of it, is not there. Throws when the kernel cannot be asked. */
function readFact(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && NOTHING_TO_TELL.has(error.code)) return undefined;
    throw error;
  }
}
