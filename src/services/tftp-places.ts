import { networkInterfaces } from 'node:os';
import { formatIpv4, parseIpv4, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import { parseIpv6, zoneOfIpv6 } from '../addr/ipv6.ts';
import { findInheritedSocket, type InheritedSocket } from '../io/inherited-sockets.ts';
import { IoError } from '../io/io-error.ts';
import { readNetworkInterface, type NetworkInterface } from '../io/network-interfaces.ts';

/** Where TFTP is served. */
export interface TftpPlace {
  /** The same for the same place at another time; differs when its sockets must be opened anew. */
  readonly key: string;
  /** For the log: `br-prov`, `br-prov (192.168.0.5)`, `192.168.0.1`. */
  readonly description: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly address: Ipv4 | string;
  /** The interface that its sockets are tied to. */
  readonly device: string | undefined;
  readonly mtu: number;
  /** The socket for requests, where the service manager handed one over. */
  readonly inherited: InheritedSocket | undefined;
  /** Whether the port is shared with another place of the same interface, which is opened before this one. */
  readonly sharesPort: boolean;
  /** What it has to do without, and why. */
  readonly limitations: readonly string[];
}

/** Of Ethernet, for an address that is on no interface. */
const ETHERNET_MTU = 1500;

const NO_KOFFI_ON_INTERFACE =
  'sockets are bound to the addresses of the interface, not to the interface itself, and send one packet a system call';

/** The place of an address that the settings name. Throws IoError when it is none. */
export function placeOfAddress(text: string): TftpPlace {
  const ipv4 = parseIpv4(text);
  if (ipv4 === undefined && parseIpv6(text) === undefined) {
    throw new IoError('failed', `cannot listen on "${text}": it is no IPv4 or IPv6 address`);
  }
  const zone = zoneOfIpv6(text);
  return {
    // Sockets of a link-local address stay with the interface that was there when they were bound.
    key: zone === undefined ? text : `${text}/${readNetworkInterface(zone)?.index ?? ''}`,
    description: text,
    family: ipv4 === undefined ? 'ipv6' : 'ipv4',
    address: ipv4 ?? text,
    device: undefined,
    mtu: mtuOfAddress(text),
    inherited: undefined,
    sharesPort: false,
    limitations: [],
  };
}

/** The interfaces that IPv6 addresses of the settings are on (`%br-prov`), each once. */
export function zonesOf(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses.flatMap((text) => zoneOfIpv6(text) ?? []))];
}

/**
 * The places of an interface: one for any address, tied to the interface, so that bootd is deaf and mute on other
 * wires. Where there are several addresses, one more for each: replies must come from the address that was asked
 * (UEFI drops others), and a controller that holds a virtual address has two on one wire.
 *
 * Without koffi there are only those of the addresses. Throws IoError when there is no address then.
 */
export function placesOfInterface(
  { name, index, mtu, addresses }: NetworkInterface,
  inherited: readonly InheritedSocket[],
  tiesSockets: boolean,
  port: number,
): TftpPlace[] {
  const key = `${name}/${index}`;
  const common = { family: 'ipv4', mtu, inherited: undefined, limitations: [] } as const;
  const handedOver = findInheritedSocket(inherited, { purpose: 'tftp', device: name, port });
  const perAddress = addresses.map(({ address }) => ({
    ...common,
    key: `${key}/${address}`,
    description: `${name} (${formatIpv4(address)})`,
    address,
    device: tiesSockets ? name : undefined,
    sharesPort: tiesSockets,
    inherited: tiesSockets
      ? findInheritedSocket(inherited, {
          purpose: 'tftp',
          device: name,
          address: formatIpv4(address),
          port,
        })
      : undefined,
  }));
  if (tiesSockets || handedOver !== undefined) {
    const any = { ...common, key, description: name, address: UNSPECIFIED_IPV4, device: name };
    const wildcard = { ...any, inherited: handedOver, sharesPort: false };
    return tiesSockets && addresses.length > 1 ? [wildcard, ...perAddress] : [wildcard];
  }
  if (addresses.length === 0) {
    const message = `cannot serve TFTP on ${name}: it has no address, and koffi is not there`;
    throw new IoError('unsupported', message);
  }
  return perAddress.map((place) => ({ ...place, limitations: [NO_KOFFI_ON_INTERFACE] }));
}

/** The smallest MTU of the interfaces that have the address; for a wildcard address, of all that face the network. */
function mtuOfAddress(text: string): number {
  const zone = zoneOfIpv6(text);
  if (zone !== undefined) return readNetworkInterface(zone)?.mtu ?? ETHERNET_MTU;
  const wanted = parseIpv4(text) ?? parseIpv6(text);
  const wildcard = wanted === UNSPECIFIED_IPV4 || wanted === parseIpv6('::');
  const mtus = Object.entries(networkInterfaces())
    .filter(([, addresses = []]) =>
      addresses.some(({ address, internal }) =>
        wildcard ? !internal : (parseIpv4(address) ?? parseIpv6(address)) === wanted,
      ),
    )
    .map(([name]) => readNetworkInterface(name)?.mtu ?? ETHERNET_MTU);
  return mtus.length === 0 ? ETHERNET_MTU : Math.min(...mtus);
}
