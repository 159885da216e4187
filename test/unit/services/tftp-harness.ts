import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { systemClock } from '../../../src/io/clock.ts';
import type { ImageFiles } from '../../../src/services/boot-tree.ts';
import type { BootFileLookup } from '../../../src/services/boot-file-lookup.ts';
import { openInlineDataPlane, type OpenDataPlane } from '../../../src/services/tftp-data-plane-link.ts';
import type { TftpRefused, TftpServed, TftpStarted } from '../../../src/services/tftp-served.ts';
import { TftpService } from '../../../src/services/tftp-service.ts';
import { TFTP_DEFAULTS, type TftpSettings } from '../../../src/tftp/tftp-settings.ts';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';
import type { TftpOption } from '../../../src/wire/tftp/tftp-options.ts';
import {
  decodeTftpPacket,
  encodeTftpAck,
  encodeTftpRequest,
  type TftpPacket,
} from '../../../src/wire/tftp/tftp-packet.ts';

/** A TFTP service on 127.0.0.1 with a root of its own. */
export interface RunningTftp {
  readonly service: TftpService;
  readonly settings: TftpSettings;
  readonly root: string;
  readonly port: number;
  readonly metrics: Metrics;
  /** Log lines as objects, oldest first. */
  readonly log: Record<string, unknown>[];
  /** How requests ended, oldest first. */
  readonly events: (TftpServed | TftpRefused)[];
  /** Transfers of which the beginning was told. */
  readonly starts: TftpStarted[];
  stop(): Promise<void>;
}

const NOTHING_RENDERED: BootFileLookup = { forMachine: () => undefined, fallback: () => undefined };

export interface HarnessOptions {
  readonly settings?: Partial<TftpSettings>;
  readonly bootFiles?: Partial<BootFileLookup>;
  readonly openDataPlane?: OpenDataPlane;
  readonly stopGraceMs?: number;
  readonly images?: ImageFiles;
  readonly verbosity?: number;
  readonly logLevel?: string;
  /** Fills the root before the service starts. */
  readonly prepare?: (root: string) => void;
}

export async function startTftp(options: HarnessOptions = {}): Promise<RunningTftp> {
  const folder = mkdtempSync(join(tmpdir(), 'tftp-service-'));
  chmodSync(folder, 0o755);
  options.prepare?.(folder);
  const log: Record<string, unknown>[] = [];
  const events: (TftpServed | TftpRefused)[] = [];
  const starts: TftpStarted[] = [];
  const metrics = createMetrics();
  const settings: TftpSettings = {
    ...TFTP_DEFAULTS,
    root: folder,
    mapFile: undefined,
    secure: true,
    permissive: false,
    followSymlinksTo: [],
    listen: ['127.0.0.1'],
    port: 0,
    blockSizeMax: undefined,
    portRange: undefined,
    ...options.settings,
  };
  const service = new TftpService({
    settings,
    interfaces: [],
    bootFiles: { ...NOTHING_RENDERED, ...options.bootFiles },
    ...(options.images === undefined ? {} : { images: options.images }),
    logger: pino(
      { level: options.logLevel ?? 'debug', messageKey: 'message' },
      { write: (line) => log.push(JSON.parse(line) as Record<string, unknown>) },
    ),
    ...(options.verbosity !== undefined && { verbosity: options.verbosity }),
    metrics,
    clock: systemClock,
    observer: (event) => {
      if (event.kind === 'started') starts.push(event);
      else events.push(event);
    },
    openDataPlane: options.openDataPlane ?? openInlineDataPlane,
    stopGraceMs: options.stopGraceMs ?? 50,
  });
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    await service.start();
  } catch (error) {
    removeFolder();
    throw error;
  }
  return {
    service,
    settings,
    root: folder,
    port: service.requestPorts[0] ?? 0,
    metrics,
    log,
    events,
    starts,
    stop: async () => {
      await service.stop();
      removeFolder();
    },
  };
}

/** A client that is driven packet by packet. */
export interface HandClient {
  readonly port: number;
  request(
    name: string,
    options?: readonly TftpOption[],
    more?: { mode?: string; direction?: 'read' | 'write' },
  ): void;
  /** To where the last answer came from, else to the port for requests. */
  send(bytes: Uint8Array): void;
  sendRequest(bytes: Uint8Array): void;
  /** Resolves when the kernel has it. */
  acknowledge(block: number): Promise<void>;
  /** The next packet; rejects after two seconds. */
  next(): Promise<TftpPacket>;
  /** Port of the server's last packet. */
  serverPort(): number;
  /** Packets that have arrived and were not taken. */
  waiting(): number;
  close(): void;
}

export async function openHandClient(serverPort: number, host = '127.0.0.1'): Promise<HandClient> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  const packets: TftpPacket[] = [];
  const waiters: ((packet: TftpPacket) => void)[] = [];
  let from = serverPort;
  socket.on('message', (bytes, { port }) => {
    from = port;
    const packet = decodeTftpPacket(bytes);
    const waiter = waiters.shift();
    if (waiter === undefined) packets.push(packet);
    else waiter(packet);
  });
  return {
    port: socket.address().port,
    request: (name, options = [], { mode = 'octet', direction = 'read' } = {}) =>
      socket.send(encodeTftpRequest({ direction, name, mode, options }), serverPort, host),
    send: (bytes) => socket.send(bytes, from, host),
    sendRequest: (bytes) => socket.send(bytes, serverPort, host),
    acknowledge: (block) =>
      new Promise((resolve) => socket.send(encodeTftpAck(block), from, host, () => resolve())),
    next: () =>
      new Promise((resolve, reject) => {
        const packet = packets.shift();
        if (packet !== undefined) {
          resolve(packet);
          return;
        }
        const timer = setTimeout(() => reject(new Error('no packet within two seconds')), 2000);
        waiters.push((late) => {
          clearTimeout(timer);
          resolve(late);
        });
      }),
    serverPort: () => from,
    waiting: () => packets.length,
    close: () => socket.close(),
  };
}

/** What a whole transfer gave. */
export interface Fetched {
  readonly bytes: Buffer;
  readonly options: readonly TftpOption[] | undefined;
  readonly blocks: number;
}

/** Fetches a file in lock step or in windows; rejects with the text of an ERROR. */
export async function fetchFile(
  serverPort: number,
  name: string,
  options: readonly TftpOption[] = [],
  more: { readonly mode?: string; readonly host?: string } = {},
): Promise<Fetched> {
  const client = await openHandClient(serverPort, more.host);
  try {
    client.request(name, options, more);
    let blockSize = 512;
    let windowSize = 1;
    let agreed: readonly TftpOption[] | undefined;
    const blocks: Uint8Array[] = [];
    for (;;) {
      const packet = await client.next();
      if (packet.kind === 'error') throw new Error(`${packet.code} ${packet.message}`);
      if (packet.kind === 'oack') {
        agreed = packet.options;
        const value = (option: string): number | undefined => {
          const found = agreed?.find((item) => item.name.toLowerCase() === option);
          return found === undefined ? undefined : Number(found.value);
        };
        blockSize = value('blksize') ?? value('blksize2') ?? blockSize;
        windowSize = value('windowsize') ?? 1;
        await client.acknowledge(0);
      }
      if (packet.kind !== 'data' || packet.block !== ((blocks.length + 1) & 0xffff)) continue;
      blocks.push(packet.data);
      const last = packet.data.length < blockSize;
      if (last || blocks.length % windowSize === 0) await client.acknowledge(packet.block);
      if (last) return { bytes: Buffer.concat(blocks), options: agreed, blocks: blocks.length };
    }
  } finally {
    client.close();
  }
}

export const option = (name: string, value: number | string): TftpOption => ({ name, value: String(value) });
