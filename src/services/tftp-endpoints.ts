import { withoutClaimed, type InheritedSocket } from '../io/inherited-sockets.ts';
import { watchInterfaces, type InterfaceWatch } from '../io/interface-watch.ts';
import { IoError, ioErrorFrom, isAwaitedAddress } from '../io/io-error.ts';
import type { NetworkInterface } from '../io/network-interfaces.ts';
import { NO_KEEPER, type SocketKeeper } from '../io/sd-notify.ts';
import type { TransferSocket } from '../io/transfer-socket.ts';
import { blockSizeForMtu } from '../tftp/negotiation.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';
import { downReason, judgeInterface } from './interface-readiness.ts';
import type { DataPlaneLink, OpenDataPlane } from './tftp-data-plane-link.ts';
import type { DataPeer, FromDataPlane, StartTransfer, TransferEnd } from './tftp-messages.ts';
import { placeOfAddress, placesOfInterface, zonesOf, type TftpPlace } from './tftp-places.ts';
import {
  keptName,
  kernelSockets,
  openDataSources,
  openRequestSocket,
  openRequestSource,
} from './tftp-sockets.ts';

/** One place where requests are heard and files are sent from. */
export interface TftpEndpoint {
  readonly id: number;
  readonly place: TftpPlace;
  /** Octets of a DATA packet at most. */
  readonly blockSizeMax: number;
}

/** What is to be served where, and by which means. */
export interface TftpEndpointsParts {
  readonly settings: TftpSettings;
  /** Names of the interfaces to serve on when the settings name no addresses, whether they are there yet or not. */
  readonly interfaces: readonly string[];
  readonly inherited: readonly InheritedSocket[];
  /** Keeps our own sockets for requests for our next process; unless told otherwise, nobody does. */
  readonly keeper?: SocketKeeper;
  readonly openDataPlane: OpenDataPlane;
  /** How interfaces are watched; tests have a watch of their own. */
  readonly watch?: typeof watchInterfaces;
}

/** Hears what happens at the endpoints. */
export interface TftpEndpointsListener {
  requested(endpoint: TftpEndpoint, bytes: Uint8Array, peer: DataPeer): void;
  ended(ends: readonly TransferEnd[]): void;
  opened(endpoint: TftpEndpoint, ports: readonly number[], batched: boolean): void;
  closed(endpoint: TftpEndpoint): void;
  /** An interface is not there, is down, or cannot be served yet; it is served as soon as it can be. */
  awaited(name: string, reason: string): void;
  /** An interface that was down is up again; its sockets had stayed. */
  resumed(name: string): void;
  /** After the start, a place could not be opened; it is tried again. */
  failed(description: string, error: IoError): void;
  /** The thread that sends files died; its transfers are lost, and another one is started. */
  died(error: Error): void;
}

interface OpenEndpoint extends TftpEndpoint {
  place: TftpPlace;
  blockSizeMax: number;
  requests: TransferSocket | undefined;
}

/** A place, or a thread, that failed is tried again after this time. */
const RETRY_MS = 2000;

/**
 * The sockets of TFTP on both sides: those for requests in this thread, those that files are sent from in the data
 * plane. Follows its interfaces: when one is made anew, or gets or loses an address, sockets are opened and closed.
 */
export class TftpEndpoints {
  readonly #parts: TftpEndpointsParts;
  readonly #listener: TftpEndpointsListener;
  readonly #endpoints = new Map<number, OpenEndpoint>();
  /** By interface, or by the description of a place. */
  readonly #problems = new Map<string, string>();
  readonly #opening = new Map<number, (message: FromDataPlane) => void>();
  #blockSizeMax: number | undefined;
  #inherited: readonly InheritedSocket[];
  #link: DataPlaneLink | undefined;
  #watch: InterfaceWatch | undefined;
  /** The last of the changes, which are made one after another. */
  #changes: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #nextId = 0;
  #closing = false;
  #onStopped: () => void = () => undefined;
  /** Who waits for a sign of life of the data plane. */
  readonly #waiting: (() => void)[] = [];

  constructor(parts: TftpEndpointsParts, listener: TftpEndpointsListener) {
    this.#parts = parts;
    this.#listener = listener;
    this.#inherited = parts.inherited;
    this.#blockSizeMax = parts.settings.blockSizeMax;
  }

  /** Blocks of transfers that begin from now on have so many octets at most. */
  adopt({ blockSizeMax }: Pick<TftpSettings, 'blockSizeMax'>): void {
    this.#blockSizeMax = blockSizeMax;
    for (const endpoint of this.#endpoints.values()) {
      endpoint.blockSizeMax = this.#blockSizeFor(endpoint.place);
    }
  }

  /**
   * Opens everything, or rejects with IoError, which says what is in the way. An address that this host does not have yet is
   * waited for, as interfaces are.
   */
  async open(): Promise<void> {
    const { settings, interfaces, watch = watchInterfaces } = this.#parts;
    this.#link = this.#openLink();
    const watched = settings.listen === undefined ? interfaces : zonesOf(settings.listen);
    if (watched.length > 0) this.#watch = watch(watched, () => this.#followInterfaces());
    for (const place of this.#choosePlaces(this.#usableInterfaces())) {
      try {
        await this.#openPlace(place);
      } catch (error) {
        if (!isAwaitedAddress(error)) throw error;
        this.#fail(place.description, error);
        this.#retryLater();
      }
    }
  }

  /** Where TFTP is not served although it should be, and why; empty when all is well. */
  get problems(): readonly string[] {
    const thread = this.#link === undefined && !this.#closing ? ['the thread that sends files failed'] : [];
    return [...thread, ...this.#problems.values()];
  }

  /** UDP ports that requests are sent to, by endpoint. */
  get requestPorts(): readonly number[] {
    const { port } = this.#parts.settings;
    return [...this.#endpoints.values()].map(({ requests }) => requests?.localPort ?? port);
  }

  /** Resolves when the data plane has answered; at once where it failed, since a new one is on its way. */
  answer(): Promise<void> {
    const link = this.#link;
    if (link === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      link.post({ kind: 'ping' });
    });
  }

  /** Hands transfers to the data plane; false when there is none at the moment. */
  start(transfers: readonly StartTransfer[]): boolean {
    this.#link?.post({ kind: 'start', transfers });
    return this.#link !== undefined;
  }

  /** Sends one packet outside any transfer. */
  reply(endpoint: TftpEndpoint, peer: DataPeer, bytes: Uint8Array): void {
    const open = this.#endpoints.get(endpoint.id);
    if (open?.requests === undefined) {
      this.#link?.post({ kind: 'send', endpoint: endpoint.id, peer, bytes });
      return;
    }
    open.requests.queuePacket({ ...peer, segmentable: false }, bytes);
    open.requests.flush();
  }

  /** Hears no more requests from now on; replies go out from the sockets that files are sent from. */
  async stopHearing(): Promise<void> {
    this.#closing = true;
    const closing: Promise<void>[] = [];
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.requests !== undefined) closing.push(endpoint.requests.close());
      endpoint.requests = undefined;
    }
    await Promise.all(closing);
  }

  /** Hears no more requests, lets transfers go on for so long, and closes everything. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#watch?.stop();
    clearTimeout(this.#retry);
    await this.#changes;
    await this.stopHearing();
    const link = this.#link;
    if (link === undefined) return;
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    link.post({ kind: 'stop', graceMs });
    await stopped;
    await link.terminate();
  }

  #choosePlaces(interfaces: readonly NetworkInterface[]): TftpPlace[] {
    const { listen } = this.#parts.settings;
    if (listen !== undefined) return listen.map(placeOfAddress);
    const tiesSockets = kernelSockets() !== undefined;
    return interfaces.flatMap((one) =>
      placesOfInterface(one, this.#inherited, tiesSockets, this.#parts.settings.port),
    );
  }

  #blockSizeFor({ mtu, family }: TftpPlace): number {
    return this.#blockSizeMax ?? blockSizeForMtu(mtu, family);
  }

  /** Data first: no request is heard before it can be answered. */
  async #openPlace(place: TftpPlace): Promise<void> {
    const { port, singlePort } = this.#parts.settings;
    const { keeper = NO_KEEPER } = this.#parts;
    const endpoint: OpenEndpoint = {
      id: this.#nextId++,
      place,
      blockSizeMax: this.#blockSizeFor(place),
      requests: undefined,
    };
    // What was handed over is ours once, and gone when the socket is closed.
    this.#inherited = withoutClaimed(this.#inherited, place.inherited, keeper);
    await this.#openData(endpoint);
    this.#endpoints.set(endpoint.id, endpoint);
    if (singlePort) return;
    try {
      const socket = await openRequestSocket(place, port, keeper);
      endpoint.requests = socket;
      socket.onDatagram(
        (bytes, address, peerPort) => this.#listener.requested(endpoint, bytes, { address, port: peerPort }),
        () => undefined,
        () => 0,
      );
    } catch (error) {
      await this.#closePlace(endpoint);
      throw error;
    }
  }

  #openData(endpoint: OpenEndpoint): Promise<void> {
    const { id, place } = endpoint;
    const { port, portRange, singlePort } = this.#parts.settings;
    const { keeper = NO_KEEPER } = this.#parts;
    const sockets = singlePort ? [openRequestSource(place, port, keeper)] : openDataSources(place, portRange);
    return new Promise((resolve, reject) => {
      this.#opening.set(id, (message) => {
        this.#opening.delete(id);
        if (message.kind === 'opened') {
          this.#listener.opened(endpoint, message.ports, message.batched);
          resolve();
        } else {
          reject(
            message.kind === 'failed'
              ? new IoError(message.code, message.message, message.osCode)
              : new IoError('failed', 'the TFTP thread ended'),
          );
        }
      });
      this.#link?.post({ kind: 'open', endpoint: { id, mtu: place.mtu, sockets } });
    });
  }

  async #closePlace(endpoint: OpenEndpoint): Promise<void> {
    this.#endpoints.delete(endpoint.id);
    this.#link?.post({ kind: 'close', endpoint: endpoint.id });
    await endpoint.requests?.close();
    const name = keptName(endpoint.place);
    if (name !== undefined) this.#parts.keeper?.forget(name);
  }

  #openLink(): DataPlaneLink {
    return this.#parts.openDataPlane({
      message: (message) => this.#hear(message),
      failed: (error) => this.#linkFailed(error),
    });
  }

  #hear(message: FromDataPlane): void {
    switch (message.kind) {
      case 'opened':
      case 'failed':
        this.#opening.get(message.endpoint)?.(message);
        return;
      case 'ended':
        this.#listener.ended(message.ends);
        return;
      case 'request': {
        const { endpoint: id, peer, bytes } = message.request;
        const endpoint = this.#endpoints.get(id);
        if (endpoint !== undefined && !this.#closing) this.#listener.requested(endpoint, bytes, peer);
        return;
      }
      case 'alive':
        this.#answered();
        return;
      case 'stopped':
        this.#onStopped();
        return;
      default:
        message satisfies never;
    }
  }

  /** A mistake of ours in the data plane must not take DHCP along: a new one takes its place. */
  #linkFailed(error: Error): void {
    this.#link = undefined;
    this.#answered();
    for (const fail of [...this.#opening.values()]) fail({ kind: 'stopped' });
    this.#listener.died(error);
    this.#onStopped();
    this.#retryLater();
  }

  #answered(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #retryLater(): void {
    if (this.#closing) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#followInterfaces(), RETRY_MS);
    this.#retry.unref();
  }

  #followInterfaces(): void {
    this.#changes = this.#changes.then(async () => {
      // Addresses of the host cannot be asked for while no file descriptor is left.
      if (!this.#closing) await this.#trying('the interfaces of this host', () => this.#adapt());
    });
  }

  /** Makes the endpoints those that are wanted now. Never rejects: what cannot be done is told and tried again. */
  async #adapt(): Promise<void> {
    if (this.#link === undefined) {
      this.#link = this.#openLink();
      for (const endpoint of [...this.#endpoints.values()]) {
        await this.#trying(endpoint.place.description, () => this.#openData(endpoint));
      }
    }
    const places = this.#wantedPlaces();
    const wanted = new Map(places.map((place) => [place.key, place]));
    const concerned = new Set([...this.#parts.interfaces, ...places.map(({ description }) => description)]);
    for (const about of this.#problems.keys()) if (!concerned.has(about)) this.#problems.delete(about);
    for (const endpoint of [...this.#endpoints.values()]) {
      const place = wanted.get(endpoint.place.key);
      if (place === undefined) {
        this.#listener.closed(endpoint);
        await this.#closePlace(endpoint);
        continue;
      }
      wanted.delete(place.key);
      endpoint.place = place;
      endpoint.blockSizeMax = this.#blockSizeFor(place);
    }
    for (const place of wanted.values()) {
      await this.#trying(place.description, () => this.#openPlace(place));
    }
  }

  /** The interfaces that can be served now; of the others it is told, once, what they are waited for. */
  #usableInterfaces(): readonly NetworkInterface[] {
    if (this.#parts.settings.listen !== undefined) return [];
    const needsAddress = kernelSockets() === undefined;
    return this.#parts.interfaces.flatMap((name) => {
      const readiness = judgeInterface(name, this.#watch?.current(name), { needsAddress });
      if (readiness.kind === 'awaited') {
        this.#await(name, readiness.reason);
        return [];
      }
      const { facts } = readiness;
      const isDown = this.#problems.get(name) === downReason(name);
      if (facts.link === 'down') this.#await(name, downReason(name));
      else if (this.#problems.delete(name) && isDown) this.#listener.resumed(name);
      return [facts];
    });
  }

  #await(name: string, reason: string): void {
    if (this.#problems.get(name) !== reason) this.#listener.awaited(name, reason);
    this.#problems.set(name, reason);
  }

  /** One interface after another, so that one that cannot be served does not keep the others from it. */
  #wantedPlaces(): readonly TftpPlace[] {
    if (this.#parts.settings.listen !== undefined) return this.#choosePlaces([]);
    return this.#usableInterfaces().flatMap((current) => {
      try {
        return this.#choosePlaces([current]);
      } catch (error) {
        this.#fail(current.name, error);
        return [];
      }
    });
  }

  async #trying(description: string, open: () => Promise<void>): Promise<void> {
    try {
      await open();
      this.#problems.delete(description);
    } catch (error) {
      this.#fail(description, error);
      this.#retryLater();
    }
  }

  #fail(description: string, error: unknown): void {
    const failure = ioErrorFrom('cannot serve TFTP', error);
    // It is tried again every few seconds, and told once.
    if (this.#problems.get(description) === failure.message) return;
    this.#problems.set(description, failure.message);
    this.#listener.failed(description, failure);
  }
}
