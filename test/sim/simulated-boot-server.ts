import type { Ipv4 } from '../../src/addr/ipv4.ts';
import type { NodeRegistry } from '../../src/boot/node-registry.ts';
import type { RenderingContext } from '../../src/boot/boot-files.ts';
import { ReadAhead } from '../../src/io/read-ahead.ts';
import { BootFileService } from '../../src/services/boot-file-service.ts';
import { BootTraceService } from '../../src/services/boot-trace-service.ts';
import { ForeignServers } from '../../src/services/foreign-servers.ts';
import { DataPlane } from '../../src/services/tftp-data-plane.ts';
import type { DataPeer, TransferEnd } from '../../src/services/tftp-messages.ts';
import { TraceKeeper } from '../../src/services/trace-keeper.ts';
import type { FileStarted } from '../../src/boot/boot-observation.ts';
import { parseMapFile } from '../../src/tftp/map-file.ts';
import { applyMapFile } from '../../src/tftp/map-rules.ts';
import { negotiate } from '../../src/tftp/negotiation.ts';
import { checkRequest } from '../../src/tftp/request-policy.ts';
import { TFTP_ERRORS } from '../../src/tftp/tftp-errors.ts';
import { decodeTftpPacket, encodeTftpError, type TftpRequest } from '../../src/wire/tftp/tftp-packet.ts';
import { describeMapPeer } from '../../src/services/tftp-mapping.ts';
import { LOGGER, METRICS, type ServerLife } from './dhcp-site.ts';
import type { LossyNetwork } from './lossy-network.ts';

/** The application note's map-file. */
const MAP_FILE =
  're ^(/tftpboot/) /tftpboot/\\2\nre ^/tftpboot/ /tftpboot/\nre ^(^/) /tftpboot/\\1\nre ^([^/]) /tftpboot/\\1\n';
const { rules: MAP_RULES } = parseMapFile(MAP_FILE);
const ROOT = '/tftpboot';

const TICK_MS = 25;
const LOOK_MS = 1000;

/** What the boot side of a simulated controller serves. */
export interface BootContent {
  readonly registry: NodeRegistry;
  readonly rendering: RenderingContext;
  /** By their paths below the root. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What was wrong with a transfer as the server saw it, and how many there were. */
export interface TransferTotals {
  started: number;
  ended: number;
  refused: number;
}

/**
 * TFTP, boot files and boot traces of one life of the server, in virtual time: the real map-file, checks, rendering,
 * negotiation, data plane and traces; only sockets and files are played.
 */
export class SimulatedBootServer {
  readonly boots: BootTraceService;
  readonly totals: TransferTotals = { started: 0, ended: 0, refused: 0 };
  readonly #network: LossyNetwork;
  readonly #content: BootContent;
  readonly #bootFiles: BootFileService;
  readonly #plane: DataPlane;
  readonly #ports: readonly number[];
  readonly #underWay = new Map<number, { readonly file: FileStarted; readonly startedAt: number }>();
  #nextId = 1;
  #isGone = false;
  #ticks: boolean;

  constructor(parts: {
    readonly network: LossyNetwork;
    readonly content: BootContent;
    readonly life: ServerLife;
    /** Of its two sockets for transfers. */
    readonly firstPort: number;
    /** Whether transfers are timed; only a planted bug says no. */
    readonly hasTimers: boolean;
  }) {
    const { network, content, life, firstPort } = parts;
    this.#network = network;
    this.#ticks = !parts.hasTimers;
    this.#content = content;
    const { leaseService, clock } = life;
    const macOfAddress = (address: Ipv4) => leaseService.macOfAddress(address);
    const common = { clock, logger: LOGGER, metrics: METRICS };
    const probes = { probeOf: () => undefined, machineAt: () => undefined };
    this.boots = new BootTraceService({
      ...common,
      portByMac: (mac) => content.registry.portByMac(mac),
      macOfAddress,
      probes,
      foreignServers: new ForeignServers({ areExpected: false, ...common }),
      keeper: new TraceKeeper(undefined, LOGGER),
      tftpRoot: ROOT,
      unknownMachines: { kind: 'none' },
      servesHttp: false,
    });
    this.#bootFiles = new BootFileService({
      ...common,
      registry: content.registry,
      rendering: () => content.rendering,
      macOfAddress,
      probes,
      unknownMachines: { kind: 'none' },
      completeBoot: () => undefined,
    });
    const now = (): number => network.clock.now();
    const readAhead = new ReadAhead({
      memoryBytes: 1 << 16,
      readsMax: 1,
      beforeReuse: () => this.#plane.flushQueued(),
    });
    this.#plane = new DataPlane(now, readAhead, {
      ended: (end) => this.#ended(end),
      requested: () => undefined,
    });
    this.#ports = [firstPort, firstPort + 1];
    this.#plane.addEndpoint(
      0,
      this.#ports.map((port) => network.bind(port)),
      false,
    );
    this.#look();
  }

  /** Transfers that are under way. */
  get active(): number {
    return this.#plane.active;
  }

  /** The process is gone, and its sockets with it. */
  crash(): void {
    this.#isGone = true;
    for (const port of this.#ports) this.#network.unbind(port);
  }

  /** A datagram at the port for requests. */
  request(bytes: Uint8Array, peer: DataPeer): void {
    if (this.#isGone) return;
    const packet = decodeTftpPacket(bytes);
    if (packet.kind === 'request') this.#answer(packet, peer);
  }

  #answer(request: TftpRequest, peer: DataPeer): void {
    if (typeof peer.address !== 'number') return;
    const mapped = applyMapFile(MAP_RULES, {
      name: request.name,
      direction: request.direction,
      peer: describeMapPeer(peer.address),
    });
    const name = mapped.kind === 'path' ? mapped.name : request.name;
    const checked = checkRequest(name, { root: ROOT, secure: false });
    const found =
      mapped.kind === 'path' && checked.kind === 'allowed'
        ? this.#find(checked.relativePath, peer.address)
        : undefined;
    if (found === undefined) {
      this.#refuse(request.name, name, peer);
      return;
    }
    const limits = {
      mode: 'octet' as const,
      size: found.bytes.length,
      blockSizeMax: 1468,
      windowSizeMax: 16,
      retransmitMs: 1000,
    };
    const negotiation = negotiate(request.options, limits);
    if (negotiation.kind === 'refused') {
      this.#refuse(request.name, name, peer);
      return;
    }
    const { agreed, oack } = negotiation;
    const id = this.#nextId++;
    this.totals.started += 1;
    this.#noteStart(id, request.name, found, peer.address);
    this.#plane.start([
      {
        id,
        endpoint: 0,
        peer,
        name: request.name,
        content: { kind: 'bytes', bytes: found.bytes },
        mode: 'octet',
        agreed,
        oack,
      },
    ]);
    this.#tick();
  }

  #find(path: string, peer: Ipv4): FoundFile | undefined {
    const name = path
      .split('/')
      .filter((part) => part !== '')
      .join('/');
    const rendered = this.#bootFiles.forMachine(name, peer);
    if (rendered !== undefined) return { ...rendered, path: name, source: 'rendered' };
    const bytes = this.#content.files.get(name);
    return bytes && { bytes, path: name, source: 'disk', node: undefined, generation: undefined };
  }

  #refuse(requested: string, mapped: string, peer: DataPeer): void {
    this.totals.refused += 1;
    const { code, message } = TFTP_ERRORS['not-found'];
    this.#plane.send(0, peer, encodeTftpError(code, message));
    if (typeof peer.address !== 'number') return;
    this.boots.observeFile({
      kind: 'refused',
      via: 'tftp',
      peer: peer.address,
      requested,
      mapped,
      rule: undefined,
      reason: 'not-found',
      message,
    });
  }

  #noteStart(id: number, requested: string, found: FoundFile, peer: Ipv4): void {
    const { path, source, bytes, node, generation } = found;
    const transfer = String(id);
    const file: FileStarted = {
      kind: 'started',
      via: 'tftp',
      peer,
      transfer,
      requested,
      path,
      source,
      node,
      generation,
      modifiedAt: undefined,
      size: bytes.length,
    };
    this.#underWay.set(id, { file, startedAt: this.#network.clock.now() });
    this.boots.observeFile(file);
  }

  #ended({ id, result, bytes, retransmissions }: TransferEnd): void {
    const underWay = this.#underWay.get(id);
    if (underWay === undefined) return;
    this.#underWay.delete(id);
    this.totals.ended += 1;
    // A request that came twice is one transfer.
    if (result === 'duplicate') return;
    const durationMs = this.#network.clock.now() - underWay.startedAt;
    this.boots.observeFile({
      ...underWay.file,
      kind: 'ended',
      ending: result,
      bytes,
      durationMs,
      retransmissions,
      detail: undefined,
    });
  }

  /** The plane's timer runs while there is something to time. */
  #tick(): void {
    if (this.#ticks) return;
    this.#ticks = true;
    this.#network.clock.after(TICK_MS, () => {
      this.#ticks = false;
      if (this.#isGone) return;
      this.#plane.tick();
      if (this.#plane.active > 0) this.#tick();
    });
  }

  #look(): void {
    this.#network.clock.after(LOOK_MS, () => {
      if (this.#isGone) return;
      this.boots.look();
      this.#look();
    });
  }
}

interface FoundFile {
  readonly bytes: Uint8Array;
  readonly path: string;
  readonly source: 'disk' | 'rendered';
  readonly node: FileStarted['node'];
  readonly generation: FileStarted['generation'];
}
