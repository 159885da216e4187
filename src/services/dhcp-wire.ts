import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { Link } from '../dhcp/link.ts';
import { openConflictProbe, type ConflictProbe } from '../io/conflict-probe.ts';
import { openDeviceSocket } from '../io/device-socket.ts';
import { socketName, type InheritedSocket } from '../io/inherited-sockets.ts';
import { openLinkFrameSender, type LinkFrameSender } from '../io/link-frame.ts';
import { IoError } from '../io/io-error.ts';
import type { NetworkInterface } from '../io/network-interfaces.ts';
import { adoptUdpPort, type AdoptedUdpPort } from '../io/node-udp-port.ts';
import type { SocketKeeper } from '../io/sd-notify.ts';
import type { UdpPort } from '../io/udp-port.ts';

/**
 * One wire that DHCP is served on, and the means to answer there. All but the port may be others at the next look: they
 * follow the interface.
 */
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

/** A wire as its opener has it. */
export interface OpenDhcpWire extends DhcpWire {
  /**
   * The same interface has other addresses, another MAC or another MTU. The socket stays, and what is in its buffer with
   * it; conflict checks that are under way end as `unknown`. `checkConflicts` is as in the options. Throws IoError when no
   * address is left.
   */
  adapt(networkInterface: NetworkInterface, checkConflicts: boolean): void;
  /** Takes in no more requests; replies can still be sent. Those that come now wait for our next process, if it gets the socket. */
  stopHearing(): Promise<void>;
  close(): Promise<void>;
}

/** How a wire is opened. */
export interface DhcpWireOptions {
  readonly networkInterface: NetworkInterface;
  readonly serverPort: number;
  /** What requests on this port are. */
  readonly portKind: Link['port'];
  /** The socket for this wire, where the service manager handed one over. */
  readonly inherited: InheritedSocket | undefined;
  /** Whether any range on the wire wants its addresses checked before they are offered. */
  readonly checkConflicts: boolean;
  /** Keeps the socket for our next process, where it is not the service manager's own. */
  readonly keeper: SocketKeeper;
}

/** A rack that powers on at once sends a few hundred packets within milliseconds; the kernel keeps them for us. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** A wire on an interface of this host: one wildcard socket bound to the interface, and what else our rights allow. */
export class DeviceWire implements OpenDhcpWire {
  readonly port: AdoptedUdpPort;
  readonly #options: DhcpWireOptions;
  readonly #strangers = new Map<Ipv4, Mac | undefined>();
  #link: Link;
  #means: Means;

  private constructor(port: AdoptedUdpPort, link: Link, options: DhcpWireOptions) {
    this.port = port;
    this.#link = link;
    this.#options = options;
    this.#means = this.#openMeans(options.networkInterface, options.checkConflicts);
  }

  /** Rejects with IoError when the socket cannot be had; everything else that is missing is a limitation. */
  static async open(options: DhcpWireOptions): Promise<DeviceWire> {
    const link = describeLink(options.networkInterface, options.portKind);
    const port = await openServerPort(options);
    return new DeviceWire(port, link, options);
  }

  get link(): Link {
    return this.#link;
  }

  get frames(): LinkFrameSender | undefined {
    return this.#means.frames;
  }

  get conflicts(): ConflictProbe | undefined {
    return this.#means.conflicts;
  }

  get limitations(): readonly string[] {
    return this.#means.limitations;
  }

  strangerOn(address: Ipv4): Mac | undefined {
    const mac = this.#strangers.get(address);
    this.#strangers.delete(address);
    return mac;
  }

  adapt(networkInterface: NetworkInterface, checkConflicts: boolean): void {
    this.#link = describeLink(networkInterface, this.#options.portKind);
    closeMeans(this.#means);
    this.#means = this.#openMeans(networkInterface, checkConflicts);
  }

  stopHearing(): Promise<void> {
    return this.port.stopHearing();
  }

  async close(): Promise<void> {
    closeMeans(this.#means);
    await this.port.close();
  }

  #openMeans(networkInterface: NetworkInterface, checkConflicts: boolean): Means {
    // On loopback there is nobody else, and no frame to address.
    if (networkInterface.loopback) return { frames: undefined, conflicts: undefined, limitations: [] };
    const limitations: string[] = [];
    const frames = openLinkFrameSender(networkInterface);
    if (frames.kind === 'unavailable') {
      limitations.push(`replies to machines without an address are broadcast: ${frames.reason}`);
    }
    const probe = checkConflicts
      ? openConflictProbe(networkInterface, ({ address, mac }) => this.#strangers.set(address, mac))
      : undefined;
    if (probe?.kind === 'unavailable') {
      limitations.push(`addresses are offered without a conflict check: ${probe.reason}`);
    } else if (probe?.limitation !== undefined) {
      limitations.push(probe.limitation);
    }
    return {
      frames: frames.kind === 'available' ? frames.sender : undefined,
      conflicts: probe?.kind === 'available' ? probe.probe : undefined,
      limitations,
    };
  }
}

/** What is opened for one state of an interface. */
type Means = Pick<DhcpWire, 'frames' | 'conflicts' | 'limitations'>;

function closeMeans({ frames, conflicts }: Means): void {
  frames?.close();
  conflicts?.close();
}

/** Throws IoError for an interface without an address: there is nothing to answer from. */
export function describeLink({ name, addresses, mtu, loopback }: NetworkInterface, port: Link['port']): Link {
  const [primary] = addresses;
  if (primary === undefined) {
    throw new IoError('unreachable', `interface ${name} has no IPv4 address to answer DHCP from`);
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

function openServerPort(options: DhcpWireOptions): Promise<AdoptedUdpPort> {
  const { networkInterface, serverPort, portKind, inherited, keeper } = options;
  if (inherited !== undefined) return adoptUdpPort(inherited.fd);
  const device = networkInterface.name;
  const fd = openDeviceSocket({
    device,
    port: serverPort,
    broadcast: true,
    receiveBufferBytes: RECEIVE_BUFFER_BYTES,
  });
  keeper.keep(socketName(portKind, device), fd);
  return adoptUdpPort(fd);
}
