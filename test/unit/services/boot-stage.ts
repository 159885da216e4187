import { NO_RELOADS, NO_WATCHES } from '../control/api.ts';
import { POWER_DEFAULTS } from '../../../src/ipmi/power-settings.ts';
import { PowerService } from '../../../src/services/power-service.ts';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { expect, vi } from 'vitest';
import { stringify } from 'yaml';
import { formatIpv4, ipv4FromNumber, ipv4ToBytes, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { macToBytes, type Mac } from '../../../src/addr/mac.ts';
import { NodeRegistry } from '../../../src/boot/node-registry.ts';
import { TemplateError, type TemplateSet } from '../../../src/boot/template.ts';
import { readConfiguration } from '../../../src/cli/read-configuration.ts';
import { createControlServer, type ControlServer } from '../../../src/control/http-server.ts';
import { allRanges } from '../../../src/dhcp/subnet-selection.ts';
import { LeaseTable } from '../../../src/dhcp/lease-table.ts';
import { createSettableClock, systemClock } from '../../../src/io/clock.ts';
import type { ConflictFinding } from '../../../src/io/conflict-probe.ts';
import { IoError } from '../../../src/io/io-error.ts';
import { BootFileService } from '../../../src/services/boot-file-service.ts';
import { BootTraceService } from '../../../src/services/boot-trace-service.ts';
import { traceDhcp } from '../../../src/services/dhcp-observer.ts';
import { DhcpService } from '../../../src/services/dhcp-service.ts';
import type { DhcpWire } from '../../../src/services/dhcp-wire.ts';
import { EventHub } from '../../../src/services/event-hub.ts';
import { ForeignServers } from '../../../src/services/foreign-servers.ts';
import { LeaseService } from '../../../src/services/lease-service.ts';
import { NodeService } from '../../../src/services/node-service.ts';
import { ProbeDesk } from '../../../src/services/probe-desk.ts';
import { openInlineDataPlane } from '../../../src/services/tftp-data-plane-link.ts';
import { TftpService } from '../../../src/services/tftp-service.ts';
import { describeTftpEvent } from '../../../src/services/tftp-trace.ts';
import { TraceKeeper } from '../../../src/services/trace-keeper.ts';
import { createLeaseStore } from '../../../src/store/lease-store.ts';
import { TraceJournal } from '../../../src/store/trace-journal.ts';
import { StoreError, type RecordChange } from '../../../src/store/store.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import {
  BROADCAST_FLAG,
  decodeDhcpMessage,
  EMPTY_MESSAGE,
  encodeDhcpMessage,
  type DhcpMessage,
} from '../../../src/wire/dhcp/dhcp-message.ts';
import { OPTION } from '../../../src/wire/dhcp/option-codes.ts';
import {
  decodeTftpPacket,
  encodeTftpAck,
  encodeTftpError,
  encodeTftpRequest,
} from '../../../src/wire/tftp/tftp-packet.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { FakeNodeStore } from './node-store-fake.ts';

/** Programs of a machine, by what they say of themselves to DHCP. */
export type Program = 'bios' | 'uefi' | 'uefi-http' | 'ipxe' | 'system' | 'bootp';

/** A boot as the API tells of it. */
export interface ToldBoot {
  readonly id: string;
  readonly state: string;
  readonly phase: string;
  readonly probe: boolean;
  readonly node: string | null;
  readonly firmware: string | null;
  readonly verdict: { readonly code: string; readonly sentence: string };
  readonly notices: readonly { readonly code: string; readonly sentence: string }[];
  readonly steps?: readonly Record<string, unknown>[];
}

export interface StageOptions {
  /** Merged into the sections of the configuration. */
  readonly dhcp?: Record<string, unknown>;
  readonly tftp?: Record<string, unknown>;
  readonly more?: Record<string, unknown>;
  readonly mapFile?: string;
  /** State of an earlier stage. */
  readonly traceFile?: string;
}

const TYPES = { discover: 1, request: 3, decline: 4 } as const;
const SERVER = '127.0.0.1';

/** A store whose disk may fail. */
class MoodyStore extends MemoryStore {
  failing = false;

  override commit(changes: readonly RecordChange[]): Promise<void> {
    if (this.failing) return Promise.reject(new StoreError('failing', 'the disk is full'));
    return super.commit(changes);
  }
}

/**
 * A whole bootd in this process, but for its sockets for DHCP: the real services from the configuration file to the
 * control API, TFTP on loopback, machines that are played packet by packet, and a clock that the test sets.
 */
export class BootStage {
  readonly clock = createSettableClock(Date.UTC(2026, 0, 1));
  readonly store = new MoodyStore();
  readonly log: Record<string, unknown>[] = [];
  readonly probes: ProbeDesk;
  readonly boots: BootTraceService;
  readonly nodes: NodeService;
  readonly metrics = createMetrics();
  /** Names of templates that fail. */
  readonly brokenTemplates = new Set<string>();
  /** Who answers on addresses that are to be offered. */
  conflictFinding: () => ConflictFinding = () => 'free';
  /** The kernel refuses to send. */
  deafWire = false;
  readonly traceFile: string;
  readonly #folder: string;
  readonly #dhcp: DhcpService;
  readonly #tftp: TftpService;
  readonly #sent: DhcpMessage[] = [];
  #server: ControlServer | undefined;
  #receive: (bytes: Uint8Array) => void = () => undefined;
  #xid = 1;

  private constructor(options: StageOptions) {
    this.#folder = mkdtempSync(join(tmpdir(), 'bootd-stage-'));
    this.traceFile = options.traceFile ?? join(this.#folder, 'boots.jsonl');
    mkdirSync(join(this.#folder, 'root'), { mode: 0o755 });
    const file = join(this.#folder, 'bootd.yaml');
    if (options.mapFile !== undefined) writeFileSync(join(this.#folder, 'map-file'), options.mapFile);
    writeFileSync(file, stringify(configuration(options)));
    const { settings } = readConfiguration(file);
    const { dhcp: dhcpSettings, tftp: tftpSettings } = settings;
    if (dhcpSettings === undefined || tftpSettings === undefined) throw new Error('a section is missing');
    const { clock, metrics } = this;
    const logger = pino(
      { level: 'debug', messageKey: 'message' },
      { write: (line) => this.log.push(JSON.parse(line) as Record<string, unknown>) },
    );
    const registry = new NodeRegistry();
    const leases = new LeaseTable(allRanges(dhcpSettings));
    const leaseStore = createLeaseStore(this.store);
    const leaseService = new LeaseService({ leases, store: leaseStore, clock, logger, metrics });
    const macOfAddress = (address: Ipv4) =>
      this.probes.machineAt(address) ?? leaseService.macOfAddress(address);
    const rendering = () => ({
      templates: this.#templates(),
      tftpRoot: tftpSettings.root,
      tftpServer: dhcpSettings.parameters.nextServer,
    });
    const files = { isServed: () => Promise.resolve(true) };
    this.nodes = new NodeService({
      registry,
      store: new FakeNodeStore(),
      rendering,
      images: { holdFor: () => Promise.resolve(() => undefined) },
      dhcpSettings: () => dhcpSettings,
      files,
      logger,
      metrics,
    });
    this.probes = new ProbeDesk({ clock, logger, expectedFile: () => undefined });
    this.boots = new BootTraceService({
      portByMac: (mac) => registry.portByMac(mac),
      macOfAddress,
      probes: this.probes,
      foreignServers: new ForeignServers({
        areExpected: dhcpSettings.mode === 'proxy',
        clock,
        logger,
        metrics,
      }),
      keeper: new TraceKeeper(new TraceJournal(this.traceFile, 100), logger),
      tftpRoot: tftpSettings.root,
      unknownMachines: settings.unknownMachines,
      servesHttp: settings.httpBoot !== undefined,
      clock,
      logger,
      metrics,
    });
    this.#dhcp = new DhcpService({
      settings: dhcpSettings,
      wires: {
        open: (receive) => {
          const wire = this.#wire();
          this.#receive = (bytes) => receive(wire, bytes, 68);
          return Promise.resolve();
        },
        stopHearing: () => Promise.resolve(),
        close: () => Promise.resolve(),
        problems: [],
      },
      leases,
      store: leaseStore,
      nodes: registry,
      clock,
      logger,
      metrics,
      observer: traceDhcp(this.boots),
    });
    const bootFiles = new BootFileService({
      registry,
      rendering,
      macOfAddress,
      unknownMachines: settings.unknownMachines,
      probes: this.probes,
      renderingFailed: (failure) => this.boots.observeRenderingFailure(failure),
      completeBoot: (uuid) =>
        void this.nodes.execute({ kind: 'boot-profile.complete', uuid, at: clock.now() }),
      logger,
      metrics,
    });
    this.#tftp = new TftpService({
      settings: { ...tftpSettings, port: 0, retransmitMs: 20 },
      interfaces: [],
      bootFiles,
      logger,
      metrics,
      clock: systemClock,
      observer: (event) => {
        bootFiles.observe(event);
        const observation = describeTftpEvent(event);
        if (observation !== undefined) this.boots.observeFile(observation);
      },
      openDataPlane: openInlineDataPlane,
      stopGraceMs: 0,
    });
    this.#open = async () => {
      this.#server = await createControlServer(
        {
          nodes: this.nodes,
          leases: leaseService,
          images: { list: () => [] },
          probes: this.probes,
          boots: this.boots,
          watches: NO_WATCHES,
          configuration: NO_RELOADS,
          power: new PowerService({
            settings: POWER_DEFAULTS,
            nodes: this.nodes,
            clock: systemClock,
            logger,
            metrics,
          }),
          events: new EventHub({ checks: () => [], runId: 'run' }),
          health: { checks: () => [] },
          metrics,
          logger,
          version: '1',
        },
        { kind: 'full' },
      );
    };
  }

  readonly #open: () => Promise<void>;

  static async start(options: StageOptions = {}): Promise<BootStage> {
    const stage = new BootStage(options);
    await stage.boots.start();
    await stage.#dhcp.start();
    await stage.#tftp.start();
    await stage.#open();
    return stage;
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    await this.#tftp.stop();
    await this.#dhcp.stop();
    await this.boots.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Stops only what serves files. */
  stopTftp(): Promise<void> {
    return this.#tftp.stop();
  }

  /** Puts a file below the TFTP root. */
  file(name: string, content: string | Uint8Array = name, mode = 0o644): void {
    const path = join(this.#folder, 'root', name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, content, { mode });
  }

  /** One request to the API; answers the body. */
  async api(method: 'GET' | 'PUT' | 'DELETE' | 'POST', url: string, body?: object): Promise<unknown> {
    if (this.#server === undefined) throw new Error('the stage is not open');
    const reply = await this.#server.inject({ method, url, ...(body && { payload: body }) });
    if (reply.statusCode >= 300) throw new Error(`${method} ${url}: ${reply.payload}`);
    return reply.payload === '' ? undefined : reply.json<unknown>();
  }

  /** A node with one port, and what it boots. */
  async putNode(
    uuid: string,
    mac: Mac,
    node: Record<string, unknown> = {},
    profile?: Record<string, unknown>,
  ): Promise<void> {
    await this.api('PUT', `/v1/nodes/${uuid}`, { ports: [{ address: mac }], ...node });
    if (profile !== undefined) await this.api('PUT', `/v1/nodes/${uuid}/boot-profile`, profile);
  }

  /** Time passes for everybody, and bootd looks at what it means. */
  pass(seconds: number): void {
    this.clock.advance(seconds * 1000);
    this.boots.look();
  }

  /** The last boot of a machine, as the API tells it. */
  async boot(mac: Mac): Promise<ToldBoot> {
    const { boots } = (await this.api('GET', `/v1/boots?mac=${mac}`)) as { boots: ToldBoot[] };
    const [last] = boots;
    if (last === undefined) throw new Error(`${mac} has no boot`);
    return (await this.api('GET', `/v1/boots/${last.id}`)) as ToldBoot;
  }

  /** DISCOVER, and the offer; undefined: silence. */
  discover(mac: Mac, program: Program): Promise<DhcpMessage | undefined> {
    return this.#ask(mac, program, program === 'bootp' ? undefined : 'discover', []);
  }

  /** REQUEST of an address that this server, or another one, has offered. */
  request(
    mac: Mac,
    program: Program,
    address: Ipv4,
    server: Ipv4 = serverAddress(),
  ): Promise<DhcpMessage | undefined> {
    return this.#ask(mac, program, 'request', [
      [OPTION.serverIdentifier, ipv4ToBytes(server)],
      [OPTION.requestedAddress, ipv4ToBytes(address)],
    ]);
  }

  /** A REQUEST without option 54: a system, or ROM, that believes to have an address. */
  reboot(mac: Mac, program: Program, address: Ipv4): Promise<DhcpMessage | undefined> {
    return this.#ask(mac, program, 'request', [[OPTION.requestedAddress, ipv4ToBytes(address)]]);
  }

  decline(mac: Mac, address: Ipv4): Promise<DhcpMessage | undefined> {
    return this.#ask(mac, 'bios', 'decline', [
      [OPTION.serverIdentifier, ipv4ToBytes(serverAddress())],
      [OPTION.requestedAddress, ipv4ToBytes(address)],
    ]);
  }

  /** DISCOVER to ACK; the address. */
  async lease(mac: Mac, program: Program): Promise<Ipv4> {
    const offer = await this.discover(mac, program);
    if (offer === undefined) throw new Error('no offer');
    if (program === 'bootp') return offer.yiaddr;
    const ack = await this.request(mac, program, offer.yiaddr);
    if (ack === undefined) throw new Error('no ack');
    return ack.yiaddr;
  }

  /** Fetches a file from the machine's address, whole or as far as it is told; what became of it. */
  async fetch(
    address: Ipv4,
    name: string,
    limit: { readonly abortAfter?: number; readonly silentAfter?: number } = {},
  ): Promise<string> {
    const socket = createSocket('udp4');
    socket.bind(0, formatIpv4(address));
    await once(socket, 'listening');
    const endings = this.#endedTransfers();
    try {
      const result = await this.#transfer(socket, name, limit);
      // The journal hears of the end after the client has its last block.
      if (result !== 'silent')
        await vi.waitFor(() => expect(this.#endedTransfers()).toBeGreaterThan(endings));
      return result;
    } finally {
      socket.close();
    }
  }

  #endedTransfers(): number {
    const ends = new Set(['tftp.transfer.done', 'tftp.transfer.failed', 'tftp.request.refused']);
    return this.log.filter((line) => ends.has(String(line['event']))).length;
  }

  async #transfer(
    socket: Socket,
    name: string,
    { abortAfter = Infinity, silentAfter = Infinity }: { abortAfter?: number; silentAfter?: number },
  ): Promise<string> {
    const port = this.#tftp.requestPorts[0] ?? 0;
    let resolve: (end: string) => void = () => undefined;
    const promise = new Promise<string>((done) => (resolve = done));
    let blocks = 0;
    socket.on('message', (bytes, peer) => {
      const packet = decodeTftpPacket(bytes);
      if (packet.kind === 'error') resolve(packet.message);
      if (packet.kind !== 'data' || packet.block !== blocks + 1) return;
      blocks += 1;
      if (blocks > silentAfter) {
        resolve('silent');
        return;
      }
      const isAborted = blocks > abortAfter;
      const answer = isAborted ? encodeTftpError(3, 'out of memory') : encodeTftpAck(packet.block);
      socket.send(answer, peer.port, SERVER, () => {
        if (isAborted) resolve('aborted');
        else if (packet.data.length < 512) resolve('whole');
      });
    });
    socket.send(encodeTftpRequest({ direction: 'read', name, mode: 'octet', options: [] }), port, SERVER);
    return promise;
  }

  async #ask(
    mac: Mac,
    program: Program,
    type: keyof typeof TYPES | undefined,
    options: readonly (readonly [number, Uint8Array])[],
  ): Promise<DhcpMessage | undefined> {
    const chaddr = new Uint8Array(16);
    chaddr.set(macToBytes(mac));
    const xid = this.#xid++;
    const before = this.log.length;
    this.#receive(
      encodeDhcpMessage({
        ...EMPTY_MESSAGE,
        xid,
        flags: BROADCAST_FLAG,
        chaddr,
        options: new Map([
          ...(type === undefined ? [] : [[OPTION.messageType, Uint8Array.of(TYPES[type])] as const]),
          ...SAID[program],
          ...options,
        ]),
      }),
    );
    // Every request ends with one line that names it.
    const wanted = xid.toString(16).padStart(8, '0');
    await vi.waitFor(() => {
      const ended = this.log
        .slice(before)
        .some((line) => line['xid'] === wanted || line['event'] === 'dhcp.reply.failed');
      if (!ended) throw new Error('the request has not ended');
    });
    return this.#sent.findLast((message) => message.xid === xid);
  }

  #wire(): DhcpWire {
    return {
      link: {
        name: 'prov0',
        serverAddress: serverAddress(),
        addresses: [serverAddress()],
        mtu: 1500,
        isLoopback: true,
        port: 'dhcp',
      },
      port: {
        send: (bytes) => {
          if (this.deafWire) return Promise.reject(new IoError('unreachable', 'Network is down'));
          this.#sent.push(decodeDhcpMessage(bytes));
          return Promise.resolve();
        },
        onDatagram: () => undefined,
        onError: () => undefined,
        close: () => Promise.resolve(),
      },
      frames: undefined,
      conflicts: { check: () => Promise.resolve(this.conflictFinding()), close: () => undefined },
      strangerOn: () => undefined,
      limitations: [],
    };
  }

  #templates(): TemplateSet {
    return {
      has: (name) => !name.includes('-') || name.endsWith('-local-disk'),
      render: (name) => {
        if (!this.brokenTemplates.has(name)) return `# ${name}\n`;
        throw new TemplateError(`${name}.tmpl`, 7, 'expected a value');
      },
    };
  }
}

/** What each program says of itself: options 93, 60 and 77. */
const SAID: Readonly<Record<Program, readonly (readonly [number, Uint8Array])[]>> = {
  bios: [
    [93, Uint8Array.of(0, 0)],
    [60, text('PXEClient:Arch:00000:UNDI:002001')],
  ],
  uefi: [
    [93, Uint8Array.of(0, 7)],
    [60, text('PXEClient:Arch:00007:UNDI:003000')],
  ],
  'uefi-http': [
    [93, Uint8Array.of(0, 16)],
    [60, text('HTTPClient:Arch:00016:UNDI:003001')],
  ],
  ipxe: [
    [93, Uint8Array.of(0, 0)],
    [60, text('PXEClient:Arch:00000:UNDI:002001')],
    [77, text('iPXE')],
  ],
  system: [],
  bootp: [],
};

function configuration({ dhcp = {}, tftp = {}, more = {}, mapFile }: StageOptions): object {
  return {
    interfaces: ['prov0'],
    'state-directory': 'state',
    dhcp: {
      authoritative: true,
      'ping-check': true,
      'next-server': SERVER,
      filename: '/pxelinux.0',
      'filename-by-arch': { 'uefi-x64': 'bootx64.efi' },
      subnets: [
        {
          subnet: '127.0.0.0/24',
          ranges: [{ range: '127.0.0.128-127.0.0.254', 'dynamic-bootp': true }],
        },
      ],
      ...dhcp,
    },
    tftp: {
      root: 'root',
      listen: [SERVER],
      ...(mapFile !== undefined && { 'map-file': 'map-file', secure: true }),
      ...tftp,
    },
    ...more,
  };
}

function serverAddress(): Ipv4 {
  return ipv4FromNumber(0x7f000001);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
