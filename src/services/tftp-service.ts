import type { Ipv4 } from '../addr/ipv4.ts';
import { ConfigError, formatConfigProblem } from '../config/config-error.ts';
import { whyNoFileIsServed } from '../io/boot-root.ts';
import type { Clock } from '../io/clock.ts';
import type { InheritedSocket } from '../io/inherited-sockets.ts';
import type { SocketKeeper } from '../io/sd-notify.ts';
import { closeSurplus } from '../io/read-ahead.ts';
import { toNetascii } from '../tftp/netascii.ts';
import { negotiate, parseTransferMode, type Negotiation, type TransferMode } from '../tftp/negotiation.ts';
import { collapseLeadingSlashes } from '../tftp/request-policy.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { decodeTftpPacket, encodeTftpError, type TftpRequest } from '../wire/tftp/tftp-packet.ts';
import type { BootFileLookup } from './boot-file-lookup.ts';
import type { ImageFiles } from './boot-tree.ts';
import { watchFile } from './file-watch.ts';
import type { FolderWatch } from './folder-watch.ts';
import type { Service } from './service.ts';
import { openWorkerDataPlane, type OpenDataPlane } from './tftp-data-plane-link.ts';
import { TftpEndpoints, type TftpEndpoint } from './tftp-endpoints.ts';
import { TftpJournal } from './tftp-journal.ts';
import type { DataPeer, StartTransfer } from './tftp-messages.ts';
import { refusal, type MappedName, type TftpContent, type TftpRefusal } from './tftp-resolver.ts';
import type { TftpGranted, TftpObserver } from './tftp-served.ts';
import { createTftpView, type TftpView } from './tftp-view.ts';

/** What the service works with. */
export interface TftpServiceParts {
  /** Those of the start; see `prepare`. */
  readonly settings: TftpSettings;
  /** Names of the interfaces to serve on when the settings name no addresses, whether they are there yet or not. */
  readonly interfaces: readonly string[];
  /** Sockets that the service manager handed over. */
  readonly inherited?: readonly InheritedSocket[];
  /** Keeps our own sockets for our next process. */
  readonly keeper?: SocketKeeper;
  readonly bootFiles: BootFileLookup;
  /** Images by URL; undefined: there are none. */
  readonly images?: ImageFiles;
  readonly logger: Logger;
  /** How many `-v` there were on the command line; see `TftpLog`. */
  readonly verbosity?: number;
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

const STOP_GRACE_MS = 2000;

/** A request on its way through the service. */
interface PendingRequest {
  readonly packet: TftpRequest;
  readonly mode: TransferMode;
  readonly peer: DataPeer;
  readonly endpoint: TftpEndpoint;
  readonly receivedAt: number;
  readonly mapped: MappedName;
  /** What it is looked at with, whatever is reloaded meanwhile. */
  readonly view: TftpView;
}

/**
 * Serves boot files over TFTP. This side decides: it reads requests, applies the map-file and the checks, finds and
 * opens what is to be sent. The data plane sends it, in a thread of its own.
 */
export class TftpService implements Service {
  readonly name = 'tftp';
  readonly #parts: TftpServiceParts;
  #view: TftpView;
  readonly #journal: TftpJournal;
  readonly #endpoints: TftpEndpoints;
  readonly #inFlight = new Map<string, Promise<void>>();
  #outbox: StartTransfer[] = [];
  #nextId = 1;
  #stopping: Promise<void> | undefined;
  #mapWatch: FolderWatch | undefined;
  /** The last reading of the map-file; one follows another. */
  #mapLoading: Promise<unknown> = Promise.resolve();

  constructor(parts: TftpServiceParts) {
    this.#parts = parts;
    this.#view = createTftpView(parts.settings, parts);
    this.#journal = new TftpJournal(parts);
    const { inherited = [], openDataPlane = openWorkerDataPlane } = parts;
    this.#endpoints = new TftpEndpoints(
      { ...parts, inherited, openDataPlane },
      {
        requested: (endpoint, bytes, peer) => this.#receive(endpoint, bytes, peer),
        ended: (ends) => {
          for (const end of ends) this.#journal.ended(end);
        },
        opened: (endpoint, ports, batched) => this.#journal.opened(endpoint, ports, batched),
        closed: (endpoint) => this.#journal.closed(endpoint),
        awaited: (name, reason) => this.#journal.awaited(name, reason),
        resumed: (name) => this.#journal.resumed(name),
        failed: (description, error) => this.#journal.notOpened(description, error),
        died: (error) => this.#journal.dataPlaneDied(error),
      },
    );
  }

  /** Rejects with ConfigError for a bad map-file and with IoError when a socket cannot be had. */
  async start(): Promise<void> {
    await this.#view.mapping.load();
    try {
      await this.#endpoints.open();
      await this.#watchMapFile();
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
   * Reads the map-file of other settings without using any of them yet: the function that it resolves with does, for
   * requests from then on. Rejects with ConfigError for a bad map-file. Ports and addresses stay those of the start.
   */
  async prepare(settings: TftpSettings): Promise<() => Promise<void>> {
    const view = createTftpView(settings, this.#parts);
    await view.mapping.load();
    return async () => {
      const watched = this.#view.settings.mapFile;
      this.#view = view;
      this.#endpoints.adopt(settings);
      if (settings.mapFile !== undefined) this.#journal.mapLoaded(view.mapping.size);
      if (settings.mapFile === watched) return;
      await this.#mapWatch?.stop();
      this.#mapWatch = undefined;
      await this.#watchMapFile();
    };
  }

  /** Resolves when the thread that sends files has given a sign of life. */
  answer(): Promise<void> {
    return this.#endpoints.answer();
  }

  /** What keeps it from doing its work as configured, for readiness; empty when all is well. */
  get problems(): readonly string[] {
    const unservable = whyNoFileIsServed();
    return [
      ...this.#endpoints.problems,
      ...this.#view.mapping.problems.map(formatConfigProblem),
      ...(unservable === undefined ? [] : [unservable]),
    ];
  }

  /**
   * What a read request for this name from this address is answered with now. Nothing is sent, counted or logged; a file
   * that is found must be dropped. Never rejects.
   */
  inquire(name: string, peer: Ipv4): Promise<TftpContent | TftpRefusal> {
    const { resolver, settings } = this.#view;
    return resolver.inquire(name, peer, settings.collapseDoubledSlashes);
  }

  /** UDP ports that requests are sent to, by endpoint; for tests that let the kernel choose. */
  get requestPorts(): readonly number[] {
    return this.#endpoints.requestPorts;
  }

  async #watchMapFile(): Promise<void> {
    const { mapFile } = this.#view.settings;
    if (mapFile === undefined) return;
    this.#mapWatch = await watchFile(mapFile, {
      changed: () => void this.#loadMapAgain().catch((error: unknown) => this.#journal.mapNotWatched(error)),
      failed: (error) => this.#journal.mapNotWatched(error),
    });
  }

  #loadMapAgain(): Promise<void> {
    const load = async (): Promise<void> => {
      const { mapping } = this.#view;
      try {
        if ((await mapping.load()) === 'changed') this.#journal.mapLoaded(mapping.size);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        this.#journal.mapRejected(error);
      }
    };
    const loading = this.#mapLoading.then(load);
    this.#mapLoading = loading.catch(() => undefined);
    return loading;
  }

  async #stop(): Promise<void> {
    const { stopGraceMs = STOP_GRACE_MS } = this.#parts;
    // At once: what comes from now on waits for our next process, where the service manager keeps the sockets.
    await this.#endpoints.stopHearing();
    await this.#mapWatch?.stop();
    const tooLate = new Promise((resolve) => setTimeout(resolve, stopGraceMs).unref());
    await Promise.race([Promise.all(this.#inFlight.values()), tooLate]);
    this.#post();
    await this.#endpoints.close(stopGraceMs);
  }

  #receive(endpoint: TftpEndpoint, bytes: Uint8Array, peer: DataPeer): void {
    if (this.#stopping !== undefined) return;
    const packet = decodeTftpPacket(bytes);
    try {
      // in.tftpd is silent for everything else that comes to its main port.
      if (packet.kind === 'bad-request') this.#refuse(endpoint, peer, '', undefined, refusal(packet.reason));
      else if (packet.kind === 'request') this.#answer(endpoint, packet, peer);
    } catch (error) {
      // A mistake of ours that a datagram brings to light must not end the daemon.
      this.#journal.failed(peer, packet.kind === 'request' ? packet.name : '', error);
    }
  }

  #answer(endpoint: TftpEndpoint, packet: TftpRequest, peer: DataPeer): void {
    const mode = parseTransferMode(packet.mode);
    if (mode === undefined) {
      this.#refuse(endpoint, peer, packet.name, undefined, refusal('unknown-mode'));
      return;
    }
    const view = this.#view;
    const mapped = view.resolver.map(packet.name, packet.direction, peer.address);
    this.#journal.requested(packet, peer, mapped);
    if (mapped.outcome.kind === 'refused') {
      this.#refuse(endpoint, peer, packet.name, mapped, mapped.outcome);
      return;
    }
    // While the file is looked for, the client may ask again; one answer is enough.
    const key = `${peer.address}/${peer.port}/${packet.name}`;
    if (this.#inFlight.has(key)) return;
    if (this.#inFlight.size + this.#journal.active >= TRANSFERS_MAX) {
      this.#journal.overloaded();
      return;
    }
    const receivedAt = this.#parts.clock.monotonic();
    const request = { packet, mode, peer, endpoint, receivedAt, mapped, view };
    const lookingUp = this.#lookUp(request, mapped.outcome.path)
      .catch((error: unknown) => this.#journal.failed(peer, packet.name, error))
      .finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, lookingUp);
  }

  async #lookUp(request: PendingRequest, path: string): Promise<void> {
    const { packet, peer, endpoint, mapped, view } = request;
    if (packet.direction === 'write') {
      const refused = await view.resolver.refuseWriting(path);
      this.#refuse(endpoint, peer, packet.name, mapped, refused);
      return;
    }
    const found = await view.resolver.find(path, peer.address);
    if (found.kind !== 'refused') {
      this.#grant(request, found, false);
      return;
    }
    const rescued = found.reason === 'not-found' ? await this.#findCollapsed(request) : undefined;
    if (rescued === undefined) this.#refuse(endpoint, peer, packet.name, mapped, found);
    else this.#grant(rescued.request, rescued.content, true);
  }

  /** What in.tftpd would not find: pxelinux's `//tftpboot/...`, once more with its leading slashes collapsed. */
  async #findCollapsed(
    request: PendingRequest,
  ): Promise<{ readonly request: PendingRequest; readonly content: TftpContent } | undefined> {
    const { packet, peer } = request;
    const { resolver, settings } = request.view;
    const name = settings.collapseDoubledSlashes ? collapseLeadingSlashes(packet.name) : undefined;
    if (name === undefined) return undefined;
    const mapped = resolver.map(name, packet.direction, peer.address);
    if (mapped.outcome.kind === 'refused') return undefined;
    const content = await resolver.find(mapped.outcome.path, peer.address);
    if (content.kind === 'refused') return undefined;
    this.#journal.collapsed(packet.name, peer, content.path);
    return { request: { ...request, mapped }, content };
  }

  #grant(request: PendingRequest, content: TftpContent, collapsed: boolean): void {
    const { packet, peer, endpoint, mapped } = request;
    const { windowSizeMax, retransmitMs } = request.view.settings;
    const negotiation = negotiate(packet.options, {
      mode: request.mode,
      size: sizeOf(content),
      blockSizeMax: endpoint.blockSizeMax,
      windowSizeMax,
      retransmitMs,
    });
    if (negotiation.kind === 'agreed' && packet.terminated) {
      this.#begin(request, content, collapsed, negotiation);
      return;
    }
    if (content.kind === 'file') content.opened.drop();
    const reason = negotiation.kind === 'refused' ? negotiation.reason : 'not-terminated';
    this.#refuse(endpoint, peer, packet.name, mapped, refusal(reason));
  }

  #begin(
    { packet, mode, peer, endpoint, mapped, receivedAt }: PendingRequest,
    content: TftpContent,
    collapsed: boolean,
    { agreed, oack }: Negotiation & { readonly kind: 'agreed' },
  ): void {
    const id = this.#nextId++;
    const { name } = packet;
    const sent = describeContent(content, mode);
    this.#outbox.push({
      id,
      endpoint: endpoint.id,
      peer,
      name,
      content: sent.content,
      mode: sent.mode,
      agreed,
      oack,
    });
    if (this.#outbox.length === 1) setImmediate(() => this.#post());
    const { blockSize, windowSize } = agreed;
    const { source, node, generation, modifiedAt } = originOf(content);
    const grant: TftpGranted = {
      id,
      peer,
      requested: name,
      mapped: mapped.mapped ?? name,
      path: content.path,
      source,
      node,
      generation,
      modifiedAt,
      size: sizeOf(content),
      blockSize,
      windowSize,
      steps: mapped.steps,
      collapsed,
    };
    this.#journal.granted(grant, receivedAt);
  }

  /** Requests that came together go to the data plane together. */
  #post(): void {
    const transfers = this.#outbox;
    this.#outbox = [];
    if (transfers.length === 0 || this.#endpoints.start(transfers)) return;
    // No data plane at the moment: the clients will ask again.
    const descriptors = new Set(
      transfers.map(({ content }) => (content.kind === 'file' ? content.fd : undefined)),
    );
    for (const fd of descriptors) if (fd !== undefined) closeSurplus(fd);
    for (const { id } of transfers) this.#journal.lost(id);
  }

  #refuse(
    endpoint: TftpEndpoint,
    peer: DataPeer,
    requested: string,
    mapped: MappedName | undefined,
    refused: TftpRefusal,
  ): void {
    this.#journal.refused(peer, requested, mapped, refused);
    this.#endpoints.reply(endpoint, peer, encodeTftpError(refused.code, refused.message));
  }
}

/** Octets as octet mode sends them. */
function sizeOf(content: TftpContent): number {
  return content.kind === 'rendered' ? content.rendered.bytes.length : content.opened.file.size;
}

/** Where the octets come from, and which version of them they are. */
function originOf(content: TftpContent): Pick<TftpGranted, 'source' | 'node' | 'generation' | 'modifiedAt'> {
  if (content.kind === 'file') {
    const { modifiedAt } = content.opened.file;
    return { source: 'disk', node: undefined, generation: 0, modifiedAt };
  }
  const { node, generation } = content.rendered;
  const source = content.origin === 'machine' ? 'rendered' : 'fallback';
  return { source, node, generation, modifiedAt: undefined };
}

/** What was rendered is small, so it is converted to netascii here and sent as it is. */
function describeContent(content: TftpContent, mode: TransferMode): Pick<StartTransfer, 'content' | 'mode'> {
  if (content.kind === 'rendered') {
    const { bytes } = content.rendered;
    return {
      content: { kind: 'bytes', bytes: mode === 'netascii' ? toNetascii(bytes) : bytes },
      mode: 'octet',
    };
  }
  content.opened.handOn();
  const { fd, size, identity } = content.opened.file;
  return { content: { kind: 'file', fd, size, identity }, mode };
}
