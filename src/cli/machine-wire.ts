import { BROADCAST_IPV4, formatIpv4, LOOPBACK_IPV4, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import type { BootdSettings } from '../config/settings.ts';
import { openDeviceSocket } from '../io/device-socket.ts';
import { readNetworkInterface, type NetworkInterface } from '../io/network-interfaces.ts';
import { adoptUdpPort, openUdpPort, type NodeUdpPort } from '../io/node-udp-port.ts';
import { UsageError } from './exit-code.ts';

/** How a machine that is played reaches the server. */
export interface MachineWire {
  /** For people. */
  readonly title: string;
  /** Where DHCP requests go. */
  readonly dhcpTo: Ipv4;
  /** Where a RELEASE goes, given the server that is meant. */
  readonly releaseTo: (server: Ipv4) => Ipv4;
  /** The card is not the machine's, so unicast to its hardware address would not be heard. */
  readonly forceBroadcast: boolean;
  /** The socket of the DHCP client. */
  openDhcp(): Promise<NodeUdpPort>;
  /** The host's address there, that files are fetched from where the host does not have the leased one. */
  readonly ownAddress: Ipv4 | undefined;
  /** The address that files are fetched from, given the leased one. Throws UsageError when there is none. */
  transferAddress(leased: Ipv4): Ipv4;
  /** A socket for one file. */
  openTransfer(from: Ipv4): Promise<NodeUdpPort>;
}

const LOOPBACK = 'lo';

/**
 * The wire that configuration and options leave: loopback where the server serves it, or a named interface. Throws
 * UsageError where a probe cannot work, with what to do instead.
 */
export function chooseMachineWire(
  settings: BootdSettings,
  ports: { readonly client: number },
  interfaceName: string | undefined,
): MachineWire {
  if (interfaceName !== undefined && interfaceName !== LOOPBACK) return deviceWire(interfaceName, ports);
  if (settings.interfaces.includes(LOOPBACK)) return loopbackWire(ports);
  const served = settings.interfaces.length === 0 ? 'no interface' : settings.interfaces.join(', ');
  throw new UsageError(
    `this configuration serves ${served}, and a host does not hear its own broadcasts: run the probe on another ` +
      'host of that network, or in a network namespace with a leg in it, with --interface IF ' +
      '(to try bootd without a network: bootd serve --demo)',
  );
}

/**
 * The whole of 127.0.0.0/8 is this host's, so the machine speaks from its leased address and the server sees it as it
 * would see a real one.
 */
function loopbackWire(ports: { readonly client: number }): MachineWire {
  return {
    title: 'loopback',
    dhcpTo: LOOPBACK_IPV4,
    releaseTo: (server) => server,
    forceBroadcast: false,
    ownAddress: undefined,
    openDhcp: () => openUdpPort({ address: UNSPECIFIED_IPV4, port: ports.client }),
    transferAddress: (leased) => {
      if (leased >>> 24 === 127) return leased;
      throw new UsageError(
        `the lease ${formatIpv4(leased)} is not in 127.0.0.0/8, so it cannot be used on loopback`,
      );
    },
    openTransfer: (from) => openUdpPort({ address: from, port: 0 }),
  };
}

function deviceWire(name: string, ports: { readonly client: number }): MachineWire {
  return {
    title: `interface ${name}`,
    dhcpTo: BROADCAST_IPV4,
    // Unicast from 0.0.0.0 would be dropped by the server's kernel as from nowhere; a broadcast from there is taken.
    releaseTo: (server) => (requireInterface(name).addresses.length === 0 ? BROADCAST_IPV4 : server),
    forceBroadcast: true,
    openDhcp: () => adoptUdpPort(openDeviceSocket({ device: name, port: ports.client, broadcast: true })),
    ownAddress: requireInterface(name).addresses[0]?.address,
    transferAddress: (leased) => addressOn(requireInterface(name), leased),
    openTransfer: (from) =>
      adoptUdpPort(openDeviceSocket({ device: name, port: 0, address: from, broadcast: false })),
  };
}

function requireInterface(name: string): NetworkInterface {
  const found = readNetworkInterface(name);
  if (found === undefined) throw new UsageError(`there is no interface ${name} here`);
  if (found.link === 'down') throw new UsageError(`interface ${name} is down: ip link set ${name} up`);
  return found;
}

/** The leased address where the interface has it, else its first one: file names tell the machine, too. */
function addressOn({ name, addresses }: NetworkInterface, leased: Ipv4): Ipv4 {
  const own = addresses.map(({ address }) => address);
  const chosen = own.includes(leased) ? leased : own[0];
  if (chosen !== undefined) return chosen;
  throw new UsageError(
    `interface ${name} has no address to fetch files from: give it the machine's ` +
      `(ip address add ${formatIpv4(leased)}/24 dev ${name}) and probe again`,
  );
}
