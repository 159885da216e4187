import { ConfigError } from '../config/config-error.ts';
import { BootRoot } from '../io/boot-root.ts';
import type { Clock } from '../io/clock.ts';
import type { InheritedSocket } from '../io/inherited-sockets.ts';
import { IoError } from '../io/io-error.ts';
import type { NetworkInterface } from '../io/network-interfaces.ts';
import type { TransferSocket } from '../io/transfer-socket.ts';
import { toNetascii } from '../tftp/netascii.ts';
import { negotiate, parseTransferMode, type TransferMode } from '../tftp/negotiation.ts';
import { collapseLeadingSlashes } from '../tftp/request-policy.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { decodeTftpPacket, encodeTftpError, type TftpRequest } from '../wire/tftp/tftp-packet.ts';
import type { BootFileLookup } from './boot-file-lookup.ts';
import type { Service } from './service.ts';
import { openWorkerDataPlane, type DataPlaneLink, type OpenDataPlane } from './tftp-data-plane-link.ts';
import { chooseTftpEndpoints, type TftpEndpoint } from './tftp-endpoints.ts';
import { TftpFileOpener } from './tftp-file-opener.ts';
import { TftpJournal } from './tftp-journal.ts';
import { TftpMapping } from './tftp-mapping.ts';
import type { DataPeer, FromDataPlane, StartTransfer } from './tftp-messages.ts';
import {
  refusal,
  TftpResolver,
  type MappedName,
  type TftpContent,
  type TftpRefusal,
} from './tftp-resolver.ts';
import type { TftpObserver } from './tftp-served.ts';

/** What the service works with. */
export interface TftpServiceParts {
  readonly settings: TftpSettings;
  /** The interfaces to serve on when the settings name no addresses. */
  readonly interfaces: readonly NetworkInterface[];
  /** Sockets that the service manager handed over. */
  readonly inherited?: readonly InheritedSocket[];
  readonly bootFiles: BootFileLookup;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly observer?: TftpObserver;
  /** Where files are sent from: a thread of its own unless told otherwise. */
  readonly openDataPlane?: OpenDataPlane;
  /** How long running transfers may go on when the service stops. */
  readonly stopGraceMs?: number;
}

/** Requests that are looked into, and transfers under way; beyond them, requests wait for the client's next try. */
const TRANSFERS_MAX = 8192;

/** A data plane that died is started anew after this time, so that one that dies at once does not keep a core busy. */
const REOPEN_AFTER_MS = 1000;

const STOP_GRACE_MS = 2000;

/** A request on its way through the service. */
interface PendingRequest {
  readonly packet: TftpRequest;
  readonly mode: TransferMode;
  readonly peer: DataPeer;
  readonly endpoint: TftpEndpoint;
  readonly receivedAt: number;
  readonly mapped: MappedName;
}

/**
 * Serves boot files over TFTP. This side decides: it reads requests, applies the map-file and the checks, finds and
 * opens what is to be sent. The data plane sends it, in a thread of its own.
 */
export class TftpService implements Service {
  readonly name = 'tftp';
  readonly #parts: TftpServiceParts;
  readonly #mapping: TftpMapping;
  readonly #resolver: TftpResolver;
  readonly #journal: TftpJournal;
  readonly #inFlight = new Set<string>();
  #endpoints: readonly TftpEndpoint[] = [];
  /** Sockets for requests, by endpoint; in single-port mode there are none. */
  readonly #requests = new Map<number, TransferSocket>();
  #link: DataPlaneLink | undefined;
  #outbox: StartTransfer[] = [];
  #nextId = 1;
  #stopping: Promise<void> | undefined;
  #onStopped: () => void = () => undefined;

  constructor(parts: TftpServiceParts) {
    const { settings } = parts;
    this.#parts = parts;
    this.#mapping = new TftpMapping(settings.mapFile);
    const root = new BootRoot({
      root: settings.root,
      followSymlinksTo: settings.followSymlinksTo,
      permissive: settings.permissive,
      chrootLinks: settings.secure,
    });
    this.#resolver = new TftpResolver({
      mapping: this.#mapping,
      policy: settings,
      root,
      opener: new TftpFileOpener(root),
      bootFiles: parts.bootFiles,
    });
    this.#journal = new TftpJournal(parts);
  }

  /** Rejects with ConfigError for a bad map-file and with IoError when a socket cannot be had. */
  async start(): Promise<void> {
    await this.#mapping.load();
    this.#endpoints = chooseTftpEndpoints({
      settings: this.#parts.settings,
      interfaces: this.#parts.interfaces,
      inherited: this.#parts.inherited ?? [],
    });
    // Requests last: nothing is heard before it can be answered.
    await this.#openDataPlane();
    try {
      for (const endpoint of this.#endpoints) await this.#openRequests(endpoint);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Hears no more requests, lets transfers end for a moment, and closes everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /**
   * Reads the map-file again. A bad one leaves the old rules in force, is logged and counted, and its problems are
   * returned.
   */
  async reloadMapFile(): Promise<ConfigError | undefined> {
    try {
      await this.#mapping.load();
      this.#journal.mapLoaded(this.#mapping.size);
      return undefined;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#journal.mapRejected(error);
      return error;
    }
  }

  /** UDP ports of the endpoints that requests are sent to; for tests that let the kernel choose. */
  get requestPorts(): readonly number[] {
    return this.#endpoints.map(({ id }) => this.#requests.get(id)?.localPort ?? this.#parts.settings.port);
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#requests.values()].map((socket) => socket.close()));
    const link = this.#link;
    if (link === undefined) return;
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    this.#post();
    link.post({ kind: 'stop', graceMs: this.#parts.stopGraceMs ?? STOP_GRACE_MS });
    await stopped;
    await link.terminate();
  }

  async #openRequests(endpoint: TftpEndpoint): Promise<void> {
    const socket = await endpoint.openRequests();
    if (socket === undefined) return;
    this.#requests.set(endpoint.id, socket);
    socket.onDatagram(
      (bytes, address, port) => this.#receive(endpoint, bytes, { address, port }),
      () => undefined,
    );
  }

  /** Starts the thread that sends, with sockets of its own. Rejects with IoError. */
  #openDataPlane(): Promise<void> {
    return new Promise((resolve, reject) => {
      const open = this.#parts.openDataPlane ?? openWorkerDataPlane;
      const endpoints = this.#endpoints.map((endpoint) => endpoint.openData());
      const link = open({
        message: (message) => {
          if (message.kind === 'opened') {
            this.#journal.listening(this.#endpoints, message.ports, message.batched);
            resolve();
          } else if (message.kind === 'failed') {
            void link.terminate();
            reject(new IoError('failed', message.message));
          } else {
            this.#hear(message);
          }
        },
        failed: (error) => {
          reject(error);
          this.#dataPlaneDied(error);
        },
      });
      this.#link = link;
      link.post({ kind: 'open', endpoints });
    });
  }

  /** A mistake of ours in the data plane must not take DHCP along: its transfers are lost, and a new one is started. */
  #dataPlaneDied(error: Error): void {
    this.#journal.dataPlaneDied(error);
    this.#link = undefined;
    this.#onStopped();
    if (this.#stopping !== undefined) return;
    setTimeout(() => {
      if (this.#stopping !== undefined) return;
      this.#openDataPlane().catch((failure: unknown) => this.#journal.dataPlaneLost(failure));
    }, REOPEN_AFTER_MS).unref();
  }

  #hear(message: Exclude<FromDataPlane, { kind: 'opened' | 'failed' }>): void {
    switch (message.kind) {
      case 'ended':
        for (const end of message.ends) this.#journal.ended(end);
        return;
      case 'request': {
        const { endpoint: id, peer, bytes } = message.request;
        const endpoint = this.#endpoints[id];
        if (endpoint !== undefined) this.#receive(endpoint, bytes, peer);
        return;
      }
      case 'stopped':
        this.#onStopped();
        return;
      default:
        message satisfies never;
    }
  }

  #receive(endpoint: TftpEndpoint, bytes: Uint8Array, peer: DataPeer): void {
    if (this.#stopping !== undefined) return;
    const packet = decodeTftpPacket(bytes);
    // in.tftpd is silent for everything else that comes to its main port.
    if (packet.kind === 'bad-request') this.#refuse(endpoint, peer, '', [], refusal(packet.reason));
    else if (packet.kind === 'request') this.#answer(endpoint, packet, peer);
  }

  #answer(endpoint: TftpEndpoint, packet: TftpRequest, peer: DataPeer): void {
    const mode = parseTransferMode(packet.mode);
    if (mode === undefined) {
      this.#refuse(endpoint, peer, packet.name, [], refusal('unknown-mode'));
      return;
    }
    const mapped = this.#resolver.map(packet.name, packet.direction, peer.address);
    this.#journal.requested(packet, peer, mapped);
    if (mapped.outcome.kind === 'refused') {
      this.#refuse(endpoint, peer, packet.name, mapped.steps, mapped.outcome);
      return;
    }
    // While the file is looked for, the client may ask again; one answer is enough.
    const key = `${peer.address}/${peer.port}/${packet.name}`;
    if (this.#inFlight.has(key)) return;
    if (this.#inFlight.size + this.#journal.active >= TRANSFERS_MAX || this.#link === undefined) {
      this.#journal.overloaded();
      return;
    }
    this.#inFlight.add(key);
    const request = { packet, mode, peer, endpoint, receivedAt: this.#parts.clock.monotonic(), mapped };
    void this.#lookUp(request, mapped.outcome.path).finally(() => this.#inFlight.delete(key));
  }

  async #lookUp(request: PendingRequest, path: string): Promise<void> {
    const { packet, peer, endpoint, mapped } = request;
    if (packet.direction === 'write') {
      const refused = await this.#resolver.refuseWriting(path);
      this.#refuse(endpoint, peer, packet.name, mapped.steps, refused);
      return;
    }
    const found = await this.#resolver.find(path, peer.address);
    if (found.kind !== 'refused') {
      this.#grant(request, found, false);
      return;
    }
    const rescued = found.reason === 'not-found' ? await this.#findCollapsed(request) : undefined;
    if (rescued === undefined) this.#refuse(endpoint, peer, packet.name, mapped.steps, found);
    else this.#grant(rescued.request, rescued.content, true);
  }

  /** What in.tftpd would not find: pxelinux's `//tftpboot/...`, once more with its leading slashes collapsed. */
  async #findCollapsed(
    request: PendingRequest,
  ): Promise<{ readonly request: PendingRequest; readonly content: TftpContent } | undefined> {
    const { packet, peer } = request;
    const name = this.#parts.settings.collapseDoubledSlashes
      ? collapseLeadingSlashes(packet.name)
      : undefined;
    if (name === undefined) return undefined;
    const mapped = this.#resolver.map(name, packet.direction, peer.address);
    if (mapped.outcome.kind === 'refused') return undefined;
    const content = await this.#resolver.find(mapped.outcome.path, peer.address);
    if (content.kind === 'refused') return undefined;
    this.#journal.collapsed(packet, peer, content.path);
    return { request: { ...request, mapped }, content };
  }

  #grant(request: PendingRequest, content: TftpContent, collapsed: boolean): void {
    const { packet, mode, peer, endpoint, mapped } = request;
    const { settings } = this.#parts;
    const bytes = content.kind === 'rendered' ? content.rendered.bytes : undefined;
    const size = content.kind === 'rendered' ? content.rendered.bytes.length : content.opened.file.size;
    const negotiation = negotiate(packet.options, {
      mode,
      size,
      blockSizeMax: endpoint.blockSizeMax,
      windowSizeMax: settings.windowSizeMax,
      retransmitMs: settings.retransmitMs,
    });
    const refused =
      negotiation.kind === 'refused'
        ? negotiation.reason
        : packet.terminated
          ? undefined
          : ('not-terminated' as const);
    if (negotiation.kind === 'refused' || refused !== undefined || this.#link === undefined) {
      if (content.kind === 'file') content.opened.drop();
      if (refused !== undefined) this.#refuse(endpoint, peer, packet.name, mapped.steps, refusal(refused));
      return;
    }
    const id = this.#nextId++;
    this.#outbox.push({
      id,
      endpoint: endpoint.id,
      peer,
      name: packet.name,
      content: describeContent(content, mode),
      // What was rendered is small, and converted already.
      mode: bytes === undefined ? mode : 'octet',
      agreed: negotiation.agreed,
      oack: negotiation.oack,
    });
    if (this.#outbox.length === 1) setImmediate(() => this.#post());
    this.#journal.granted(id, {
      peer,
      requested: packet.name,
      path: content.path,
      source: content.kind === 'file' ? 'disk' : content.origin === 'machine' ? 'rendered' : 'fallback',
      rendered: content.kind === 'rendered' ? content.rendered : undefined,
      size,
      receivedAt: request.receivedAt,
      steps: mapped.steps,
      collapsed,
    });
  }

  /** Requests that came together go to the data plane together. */
  #post(): void {
    if (this.#outbox.length === 0) return;
    this.#link?.post({ kind: 'start', transfers: this.#outbox });
    this.#outbox = [];
  }

  #refuse(
    endpoint: TftpEndpoint,
    peer: DataPeer,
    requested: string,
    steps: MappedName['steps'],
    refused: TftpRefusal,
  ): void {
    this.#journal.refused(peer, requested, steps, refused);
    const bytes = encodeTftpError(refused.code, refused.message);
    const requests = this.#requests.get(endpoint.id);
    if (requests === undefined) {
      this.#link?.post({ kind: 'send', endpoint: endpoint.id, peer, bytes });
      return;
    }
    requests.queuePacket({ ...peer, segmentable: false }, bytes);
    requests.flush();
  }
}

function describeContent(content: TftpContent, mode: TransferMode): StartTransfer['content'] {
  if (content.kind === 'rendered') {
    const { bytes } = content.rendered;
    return { kind: 'bytes', bytes: mode === 'netascii' ? toNetascii(bytes) : bytes };
  }
  content.opened.handOn();
  const { fd, size, identity } = content.opened.file;
  return { kind: 'file', fd, size, identity };
}
