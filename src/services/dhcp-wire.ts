import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { DhcpSettings } from '../dhcp/dhcp-settings.ts';
import type { Link } from '../dhcp/link.ts';
import { openConflictProbe, type ConflictProbe } from '../io/conflict-probe.ts';
import { openDeviceSocket } from '../io/device-socket.ts';
import { findInheritedSocket, type InheritedSocket } from '../io/inherited-sockets.ts';
import { openLinkFrameSender, type LinkFrameSender } from '../io/link-frame.ts';
import { IoError } from '../io/io-error.ts';
import type { NetworkInterface } from '../io/network-interfaces.ts';
import { adoptUdpPort } from '../io/node-udp-port.ts';
import type { UdpPort } from '../io/udp-port.ts';
import { PXE_BOOT_SERVER_PORT } from '../wire/dhcp/pxe-options.ts';

/** One wire that DHCP is served on, and the means to answer there. */
export interface DhcpWire {
  readonly link: Link;
  readonly port: UdpPort;
  /** Reaches a machine that has no address yet; undefined: such a reply is broadcast. */
  readonly frames: LinkFrameSender | undefined;
  /** Finds strangers on an address before it is offered; undefined: addresses are offered unchecked. */
  readonly conflicts: ConflictProbe | undefined;
  /** The card that answered when an address was last found in use; undefined where the answer did not tell. */
  readonly strangerOn: (address: Ipv4) => Mac | undefined;
  /** What this wire has to do without, and why: for the log. */
  readonly limitations: readonly string[];
}

/** How a wire is opened. */
export interface DhcpWireOptions {
  readonly networkInterface: NetworkInterface;
  readonly serverPort: number;
  /** What requests on this port are. */
  readonly portKind: Link['port'];
  /** Sockets that the service manager handed over; one that is meant for this wire is used. */
  readonly inherited: readonly InheritedSocket[];
  /** Whether any range on the wire wants its addresses checked before they are offered. */
  readonly checkConflicts: boolean;
}

/** A rack that powers on at once sends a few hundred packets within milliseconds; the kernel keeps them for us. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Opens one wildcard socket that is bound to the interface, and what else its rights allow. Rejects with IoError when
 * the socket cannot be had; everything else that is missing is a limitation.
 */
export async function openDhcpWire(options: DhcpWireOptions): Promise<DhcpWire> {
  const { networkInterface, serverPort } = options;
  const link = describeLink(networkInterface, options.portKind);
  const port = await openServerPort(networkInterface.name, serverPort, options.inherited);
  const limitations: string[] = [];
  // On loopback there is nobody else, and no frame to address.
  if (networkInterface.loopback) {
    return { link, port, frames: undefined, conflicts: undefined, strangerOn: () => undefined, limitations };
  }
  const frames = openLinkFrameSender(networkInterface);
  if (frames.kind === 'unavailable') {
    limitations.push(`replies to machines without an address are broadcast: ${frames.reason}`);
  }
  const strangers = new Map<Ipv4, Mac | undefined>();
  const probe = options.checkConflicts
    ? openConflictProbe(networkInterface, ({ address, mac }) => strangers.set(address, mac))
    : undefined;
  if (probe?.kind === 'unavailable') {
    limitations.push(`addresses are offered without a conflict check: ${probe.reason}`);
  } else if (probe?.limitation !== undefined) {
    limitations.push(probe.limitation);
  }
  return {
    link,
    port,
    frames: frames.kind === 'available' ? frames.sender : undefined,
    conflicts: probe?.kind === 'available' ? probe.probe : undefined,
    strangerOn: (address) => {
      const mac = strangers.get(address);
      strangers.delete(address);
      return mac;
    },
    limitations,
  };
}

/** The wires of every interface: all of them, or none and the reason. */
export async function openDhcpWires(
  settings: DhcpSettings,
  interfaces: readonly NetworkInterface[],
  inherited: readonly InheritedSocket[],
): Promise<readonly DhcpWire[]> {
  const wires: DhcpWire[] = [];
  try {
    for (const networkInterface of interfaces) {
      for (const { port, kind } of portsOf(settings)) {
        wires.push(
          await openDhcpWire({
            networkInterface,
            serverPort: port,
            portKind: kind,
            inherited: kind === 'dhcp' ? inherited : [],
            checkConflicts: checksConflicts(settings),
          }),
        );
      }
    }
    return wires;
  } catch (error) {
    await Promise.all(wires.map(closeDhcpWire));
    throw error;
  }
}

/** Beside another DHCP server, PXE clients also ask on the boot server's port (PXE 2.1 section 2.2.3). */
function portsOf(settings: DhcpSettings): readonly { readonly port: number; readonly kind: Link['port'] }[] {
  const dhcp = { port: settings.serverPort, kind: 'dhcp' } as const;
  return settings.mode === 'proxy' ? [dhcp, { port: PXE_BOOT_SERVER_PORT, kind: 'boot-server' }] : [dhcp];
}

/** Whether any scope wants addresses checked before they are offered; dhcpd does unless it is told not to. */
function checksConflicts({ mode, parameters, sharedNetworks }: DhcpSettings): boolean {
  const scopes = sharedNetworks.flatMap((network) => [
    network.parameters,
    ...network.subnets.flatMap((subnet) => [
      subnet.parameters,
      ...subnet.ranges.map((range) => range.parameters),
    ]),
  ]);
  const isWanted = parameters.pingCheck ?? true;
  return mode === 'server' && (isWanted || scopes.some(({ pingCheck }) => pingCheck === true));
}

/** Throws IoError for an interface without an address: there is nothing to answer from. */
function describeLink({ name, addresses, mtu, loopback }: NetworkInterface, port: Link['port']): Link {
  const [primary] = addresses;
  if (primary === undefined) {
    throw new IoError('unreachable', `interface ${name} has no IPv4 address to answer DHCP from, or is down`);
  }
  return {
    name,
    serverAddress: primary.address,
    addresses: addresses.map(({ address }) => address),
    mtu,
    isLoopback: loopback,
    port,
  };
}

/** Gives back everything that openDhcpWire opened. */
export async function closeDhcpWire(wire: DhcpWire): Promise<void> {
  wire.frames?.close();
  wire.conflicts?.close();
  await wire.port.close();
}

function openServerPort(
  device: string,
  port: number,
  inherited: readonly InheritedSocket[],
): Promise<UdpPort> {
  const handedOver = findInheritedSocket(inherited, 'dhcp', device);
  if (handedOver !== undefined) return adoptUdpPort(handedOver.fd);
  return adoptUdpPort(
    openDeviceSocket({ device, port, broadcast: true, receiveBufferBytes: RECEIVE_BUFFER_BYTES }),
  );
}
