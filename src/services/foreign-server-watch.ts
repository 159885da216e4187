import { ipv4FromBytes, type Ipv4 } from '../addr/ipv4.ts';
import type { BootObserver, ForeignReply } from '../boot/boot-observation.ts';
import { MESSAGE_TYPE } from '../dhcp/dhcp-request.ts';
import type { DhcpSettings } from '../dhcp/dhcp-settings.ts';
import { ethernetAddress } from '../dhcp/lease.ts';
import { readNetworkInterface, type NetworkInterface } from '../io/network-interfaces.ts';
import { overhearDatagrams, type OverheardDatagram, type Overhearing } from '../io/overheard-datagrams.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import { BOOTREPLY, decodeDhcpMessage, type DhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import { WireError } from '../wire/wire-error.ts';
import type { Service } from './service.ts';

/** What the watch works with. */
export interface ForeignServerWatchParts {
  /** Names of the interfaces that DHCP is served on. */
  readonly interfaces: readonly string[];
  readonly clientPort: number;
  /** Addresses by which this server calls itself, besides those of its interfaces. */
  readonly ownIdentifiers: readonly Ipv4[];
  readonly boots: Pick<BootObserver, 'observeForeignReply'>;
  readonly logger: Logger;
}

interface Ear {
  readonly facts: NetworkInterface;
  readonly overhearing: Overhearing;
}

/** A packet socket wakes nobody in Node, so it is looked at: two calls a second for each interface. */
const LOOK_INTERVAL_MS = 500;

/** Interfaces come and go. */
const REOPEN_INTERVAL_MS = 10_000;

/**
 * Overhears answers of other DHCP servers that are broadcast on our wires. Those that a switch brings only to their machine
 * are not heard here; a machine that takes one says so in its REQUEST, which is broadcast (RFC 2131 section 4.4.1).
 */
export class ForeignServerWatch implements Service {
  readonly name = 'foreign-servers';
  #parts: ForeignServerWatchParts;
  readonly #ears = new Map<string, Ear>();
  readonly #deaf = new Set<string>();
  #lookTimer: NodeJS.Timeout | undefined;
  #reopenTimer: NodeJS.Timeout | undefined;

  constructor(parts: ForeignServerWatchParts) {
    this.#parts = parts;
  }

  /** This server calls itself by other addresses from now on. */
  adopt(settings: Pick<ForeignServerWatchParts, 'ownIdentifiers'>): void {
    this.#parts = { ...this.#parts, ...settings };
  }

  /** Never rejects: where the wire cannot be listened to, a warning says so. */
  start(): Promise<void> {
    this.#open();
    this.#reopenTimer = setInterval(() => this.#open(), REOPEN_INTERVAL_MS).unref();
    this.#lookTimer = setInterval(() => this.#look(), LOOK_INTERVAL_MS).unref();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    clearInterval(this.#lookTimer);
    clearInterval(this.#reopenTimer);
    for (const { overhearing } of this.#ears.values()) overhearing.close();
    this.#ears.clear();
    return Promise.resolve();
  }

  /** An interface that was made anew gets a new socket, and its addresses are read again. */
  #open(): void {
    const { interfaces, clientPort, logger } = this.#parts;
    for (const name of interfaces) {
      const facts = lookAt(name);
      const ear = this.#ears.get(name);
      if (facts === undefined || facts.loopback) continue;
      if (ear?.facts.index === facts.index) {
        this.#ears.set(name, { ...ear, facts });
        continue;
      }
      ear?.overhearing.close();
      this.#ears.delete(name);
      const access = overhearDatagrams(facts, clientPort);
      if (access.kind === 'available') {
        this.#ears.set(name, { facts, overhearing: access.overhearing });
      } else if (!this.#deaf.has(name)) {
        this.#deaf.add(name);
        logger.warn(
          { event: EVENTS.dhcpListening, interface: name },
          `other DHCP servers on ${name} are noticed only when a machine takes their offer: ${access.reason}`,
        );
      }
    }
  }

  #look(): void {
    for (const { facts, overhearing } of this.#ears.values()) {
      for (const datagram of overhearing.take()) {
        const reply = describeForeignReply(datagram, facts, this.#parts.ownIdentifiers);
        if (reply !== undefined) this.#parts.boots.observeForeignReply(reply);
      }
    }
  }
}

/** Undefined too when the kernel cannot be asked now, for want of a file descriptor: the next look will tell. */
function lookAt(name: string): NetworkInterface | undefined {
  try {
    return readNetworkInterface(name);
  } catch {
    return undefined;
  }
}

/** Every `server-identifier` of the configuration, whichever scope it stands in. */
export function serverIdentifiersOf(settings: DhcpSettings): readonly Ipv4[] {
  const { parameters, sharedNetworks, classes, reservations } = settings;
  const scopes = [
    parameters,
    ...sharedNetworks.flatMap((network) => [
      network.parameters,
      ...network.subnets.flatMap((subnet) => [
        subnet.parameters,
        ...subnet.ranges.map((range) => range.parameters),
      ]),
    ]),
    ...[...classes, ...reservations].map((scope) => scope.parameters),
  ];
  return scopes.map(({ serverIdentifier }) => serverIdentifier).filter((address) => address !== undefined);
}

const MESSAGES: ReadonlyMap<number | undefined, ForeignReply['message']> = new Map([
  [MESSAGE_TYPE.offer, 'offer'],
  [MESSAGE_TYPE.ack, 'ack'],
  [MESSAGE_TYPE.nak, 'nak'],
]);

/** What another DHCP server said to an Ethernet card; undefined for everything else. */
export function describeForeignReply(
  { source, payload }: OverheardDatagram,
  { name, addresses }: Pick<NetworkInterface, 'name' | 'addresses'>,
  ownIdentifiers: readonly Ipv4[],
): ForeignReply | undefined {
  const reply = tryDecode(payload);
  if (reply?.op !== BOOTREPLY) return undefined;
  const message = MESSAGES.get(reply.options.get(OPTION.messageType)?.[0]);
  const mac = ethernetAddress(reply.htype, reply.chaddr.subarray(0, reply.hlen));
  const identifier = reply.options.get(OPTION.serverIdentifier);
  const server = (identifier && ipv4FromBytes(identifier)) ?? source;
  const own = [...ownIdentifiers, ...addresses.map(({ address }) => address)];
  if (message === undefined || mac === undefined || own.includes(server)) return undefined;
  return {
    mac,
    server,
    message,
    address: message === 'nak' || reply.yiaddr === 0 ? undefined : reply.yiaddr,
    interfaceName: name,
  };
}

function tryDecode(payload: Uint8Array): DhcpMessage | undefined {
  try {
    return decodeDhcpMessage(payload);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
