import { formatIpv4 } from '../addr/ipv4.ts';
import type { DhcpSettings } from '../dhcp/dhcp-settings.ts';
import type { Link } from '../dhcp/link.ts';
import {
  findInheritedSocket,
  socketName,
  withoutClaimed,
  type InheritedSocket,
} from '../io/inherited-sockets.ts';
import { compareInterface, watchInterfaces, type InterfaceWatch } from '../io/interface-watch.ts';
import { ioErrorFrom } from '../io/io-error.ts';
import type { NetworkInterface } from '../io/network-interfaces.ts';
import { NO_KEEPER, type SocketKeeper } from '../io/sd-notify.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { carriesPxeMenu } from '../dhcp/reply-options.ts';
import { PXE_BOOT_SERVER_PORT } from '../wire/dhcp/pxe-options.ts';
import { DeviceWire, type DhcpWire, type DhcpWireOptions, type OpenDhcpWire } from './dhcp-wire.ts';
import { downReason, judgeInterface } from './interface-readiness.ts';

/** Hears a datagram that came in on a wire. */
export type DhcpReceiver = (wire: DhcpWire, bytes: Uint8Array, sourcePort: number) => void;

/** The wires of a service; which ones there are may change while it runs. */
export interface DhcpWireSource {
  /** Rejects with IoError when a socket that could be had is held by somebody else; then nothing is open. */
  open(receive: DhcpReceiver): Promise<void>;
  /** Takes in no more requests, while replies can still be sent. */
  stopHearing(): Promise<void>;
  close(): Promise<void>;
  /** Where DHCP is not served although it should be, and why; empty when all is well. */
  readonly problems: readonly string[];
}

/** What is to be served where. */
export interface DhcpWiresParts {
  /** Those of the start; see `adopt`. */
  readonly settings: DhcpSettings;
  /** Names of interfaces, whether they are there yet or not. */
  readonly interfaces: readonly string[];
  readonly inherited: readonly InheritedSocket[];
  /** Keeps our own sockets for our next process; unless told otherwise, nobody does. */
  readonly keeper?: SocketKeeper;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How interfaces are watched, and wires opened; tests have their own. */
  readonly watch?: typeof watchInterfaces;
  readonly openWire?: (options: DhcpWireOptions) => Promise<OpenDhcpWire>;
}

/** One interface that is served. */
interface ServedInterface {
  facts: NetworkInterface;
  readonly wires: OpenDhcpWire[];
  checksConflicts: boolean;
  /** False while it has lost its address: it is heard and not answered, since there is no address to answer from. */
  hasAddress: boolean;
}

/** A socket that could not be opened is tried again after this time. */
const RETRY_MS = 2000;

/**
 * The wires of every configured interface, which they follow: one that is missing, or has no address, is waited
 * for; one that is made anew gets new sockets; one whose facts change keeps its sockets and is described anew.
 */
export class DhcpWires implements DhcpWireSource {
  readonly #parts: DhcpWiresParts;
  readonly #served = new Map<string, ServedInterface>();
  readonly #problems = new Map<string, string>();
  #settings: DhcpSettings;
  #receive: DhcpReceiver = () => undefined;
  #inherited: readonly InheritedSocket[];
  #watch: InterfaceWatch | undefined;
  /** The last of the changes, which are made one after another. */
  #changes: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(parts: DhcpWiresParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
    this.#inherited = parts.inherited;
  }

  get problems(): readonly string[] {
    return [...this.#problems.values()];
  }

  async open(receive: DhcpReceiver): Promise<void> {
    const { interfaces, watch = watchInterfaces } = this.#parts;
    this.#receive = receive;
    this.#watch = watch(interfaces, () => this.#follow());
    try {
      for (const name of interfaces) {
        const readiness = judgeInterface(name, this.#watch.current(name), { needsAddress: true });
        if (readiness.kind === 'awaited') this.#awaitAddress(name, readiness.reason);
        else {
          await this.#serve(readiness.facts);
          if (readiness.facts.link === 'down') this.#await(name, downReason(name));
        }
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Other settings may ask for conflict checks, or for the boot server's port: what is missing is opened soon after. */
  adopt(settings: DhcpSettings): void {
    this.#settings = settings;
    this.#follow();
  }

  async stopHearing(): Promise<void> {
    this.#closing = true;
    this.#watch?.stop();
    clearTimeout(this.#retry);
    const wires = [...this.#served.values()].flatMap((served) => served.wires);
    await Promise.all(wires.map((wire) => wire.stopHearing()));
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#watch?.stop();
    clearTimeout(this.#retry);
    await this.#changes;
    await Promise.all([...this.#served.keys()].map((name) => this.#leave(name)));
  }

  #follow(): void {
    this.#changes = this.#changes.then(() => this.#adaptAll());
  }

  /** Never rejects: what cannot be done is told and tried again. One interface does not keep another from being served. */
  async #adaptAll(): Promise<void> {
    for (const name of this.#parts.interfaces) {
      if (this.#closing) return;
      try {
        await this.#adapt(name, this.#watch?.current(name));
      } catch (error) {
        const { message } = ioErrorFrom(`cannot serve DHCP on ${name}`, error);
        // It is tried again every few seconds, and told once.
        if (this.#problems.get(name) !== message) {
          this.#parts.logger.error(
            { event: EVENTS.dhcpClosed, interface: name },
            `${message}; it is tried again`,
          );
        }
        this.#problems.set(name, message);
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.#follow(), RETRY_MS).unref();
      }
    }
  }

  async #adapt(name: string, current: NetworkInterface | undefined): Promise<void> {
    const served = this.#served.get(name);
    if (served !== undefined && served.facts.index !== current?.index) {
      await this.#leave(name);
      for (const { kind } of portsOf(this.#parts.settings)) {
        this.#parts.keeper?.forget(socketName(kind, name));
      }
      this.#parts.logger.warn(
        { event: EVENTS.dhcpClosed, interface: name },
        `DHCP is no longer served on ${name}, which is gone`,
      );
    }
    const readiness = judgeInterface(name, current, { needsAddress: true });
    if (readiness.kind === 'awaited') {
      this.#awaitAddress(name, readiness.reason);
      return;
    }
    const { facts } = readiness;
    const still = this.#served.get(name);
    if (still === undefined) await this.#serve(facts);
    else {
      this.#describeAnew(still, facts);
      await this.#fitPorts(still);
    }
    if (facts.link === 'down') this.#await(name, downReason(name));
    else this.#problems.delete(name);
  }

  #awaitAddress(name: string, reason: string): void {
    const served = this.#served.get(name);
    if (served !== undefined) served.hasAddress = false;
    this.#await(name, reason);
  }

  #await(name: string, reason: string): void {
    if (this.#problems.get(name) === reason) return;
    this.#problems.set(name, reason);
    this.#parts.logger.warn({ event: EVENTS.dhcpAwaited, interface: name }, `DHCP waits: ${reason}`);
  }

  async #serve(facts: NetworkInterface): Promise<void> {
    const served: ServedInterface = {
      facts,
      wires: [],
      checksConflicts: checksConflicts(this.#settings),
      hasAddress: true,
    };
    try {
      await this.#fitPorts(served);
    } catch (error) {
      await Promise.all(served.wires.map((wire) => wire.close()));
      throw error;
    }
    this.#served.set(facts.name, served);
  }

  /** Opens the ports that the settings ask for and that are not open yet, and closes those that they no longer do. */
  async #fitPorts(served: ServedInterface): Promise<void> {
    const { keeper = NO_KEEPER, openWire = openDeviceWire } = this.#parts;
    const wanted = portsOf(this.#settings);
    for (const wire of served.wires.filter(({ link }) => !wanted.some(({ kind }) => kind === link.port))) {
      served.wires.splice(served.wires.indexOf(wire), 1);
      await wire.close();
    }
    for (const { port, kind } of wanted) {
      if (served.wires.some(({ link }) => link.port === kind)) continue;
      const wire = await openWire({
        networkInterface: served.facts,
        serverPort: port,
        portKind: kind,
        inherited: this.#takeInherited(kind, served.facts.name, port),
        checkConflicts: served.checksConflicts,
        keeper,
      });
      served.wires.push(wire);
      this.#hear(wire, served);
      this.#tellOpened(wire);
    }
  }

  /** What was handed over is ours once, and gone when the socket is closed. */
  #takeInherited(purpose: Link['port'], device: string, port: number): InheritedSocket | undefined {
    const handedOver = findInheritedSocket(this.#inherited, { purpose, device, port });
    this.#inherited = withoutClaimed(this.#inherited, handedOver, this.#parts.keeper ?? NO_KEEPER);
    return handedOver;
  }

  #hear(wire: OpenDhcpWire, served: ServedInterface): void {
    const { logger, metrics } = this.#parts;
    wire.port.onDatagram((bytes, peer) => {
      if (served.hasAddress) this.#receive(wire, bytes, peer.port);
      else metrics.dhcpPacketsDropped.inc({ reason: 'no-server-address' });
    });
    wire.port.onError((error) => {
      logger.error(
        { event: EVENTS.dhcpReplyFailed, interface: wire.link.name, err: error },
        'the DHCP socket failed',
      );
    });
  }

  #describeAnew(served: ServedInterface, current: NetworkInterface): void {
    const change = compareInterface({ ...served.facts, link: current.link }, current);
    const wantsChecks = checksConflicts(this.#settings);
    // A probe that nobody needs any more stays: closing it would end the checks that are under way.
    const needsProbe = wantsChecks && !served.checksConflicts;
    const isUpAgain =
      current.link !== 'down' && this.#problems.get(current.name) === downReason(current.name);
    if (change === undefined && served.hasAddress && !needsProbe && !isUpAgain) return;
    served.checksConflicts = wantsChecks;
    for (const wire of served.wires) {
      wire.adapt(current, wantsChecks);
      this.#tellOpened(wire);
    }
    served.facts = current;
    served.hasAddress = true;
  }

  #tellOpened({ link, limitations }: DhcpWire): void {
    this.#parts.logger.info(
      {
        event: EVENTS.dhcpListening,
        interface: link.name,
        address: formatIpv4(link.serverAddress),
        limitations,
      },
      `DHCP is served on ${link.name}`,
    );
  }

  async #leave(name: string): Promise<void> {
    const served = this.#served.get(name);
    this.#served.delete(name);
    await Promise.all((served?.wires ?? []).map((wire) => wire.close()));
  }
}

function openDeviceWire(options: DhcpWireOptions): Promise<OpenDhcpWire> {
  return DeviceWire.open(options);
}

/** Beside another DHCP server, or to get what was chosen from a menu, PXE clients ask on the boot server's port (PXE 2.1 section 2.2.3). */
function portsOf(settings: DhcpSettings): readonly { readonly port: number; readonly kind: Link['port'] }[] {
  const dhcp = { port: settings.serverPort, kind: 'dhcp' } as const;
  const isBootServer = settings.mode === 'proxy' || carriesPxeMenu(settings.spaceCarriers);
  return isBootServer ? [dhcp, { port: PXE_BOOT_SERVER_PORT, kind: 'boot-server' }] : [dhcp];
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
