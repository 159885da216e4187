import { fork, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { BootRoot } from '../../src/io/boot-root.ts';
import { systemClock } from '../../src/io/clock.ts';
import { openHttpBootInline, openHttpBootThread } from '../../src/services/http-boot-link.ts';
import { HttpBootService } from '../../src/services/http-boot-service.ts';
import { BootFileOpener } from '../../src/services/boot-file-opener.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

/**
 * What bulk HTTP does to the thread that answers DHCP: a UDP echo stands for DHCP on the daemon's loop, while clients in
 * another process fetch one large file over and over. Usage: npx tsx bench/http-boot/latency.ts [CLIENTS] [SECONDS].
 * Prints one line each for no HTTP, HTTP on the same loop, and HTTP in its thread, as the daemon has it.
 */
const ROLES = { pinger: runPinger, fetcher: runFetcher, serving: runServer };
const FILE_OCTETS = 256 * 1024 * 1024;
const PINGS_PER_SECOND = 500;

const [role = 'bench', ...rest] = process.argv.slice(2);
if (role in ROLES) await ROLES[role as keyof typeof ROLES](rest.map(Number));
else await bench(Number(role) || 32, Number(rest[0]) || 15);

async function bench(clients: number, seconds: number): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'bootd-http-bench-'));
  chmodSync(root, 0o755);
  writeFileSync(join(root, 'ramdisk'), Buffer.alloc(FILE_OCTETS, 1));
  process.env['BENCH_ROOT'] = root;
  console.log(`${clients} clients, ${seconds} s each; echo at ${PINGS_PER_SECOND}/s`);
  for (const mode of ['none', 'inline', 'thread'] as const) {
    const server = start('serving', mode === 'none' ? 0 : mode === 'inline' ? 1 : 2);
    const [httpPort, echoPort] = await answerOf<[number, number]>(server);
    const fetcher = mode === 'none' ? undefined : start('fetcher', httpPort, clients, seconds);
    const pinger = start('pinger', echoPort, seconds);
    const latencies = await answerOf<number[]>(pinger);
    const octets = fetcher === undefined ? 0 : await answerOf<number>(fetcher);
    const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? NaN).toFixed(2);
    const rate = (octets / seconds / 1e6).toFixed(0);
    console.log(`${mode}: HTTP ${rate} MB/s, echo p50 ${at(0.5)} p99 ${at(0.99)} max ${at(0.9999)} ms`);
    for (const child of [server, pinger, fetcher]) child?.kill('SIGKILL');
  }
  rmSync(root, { recursive: true });
}

function start(name: string, ...parameters: readonly number[]): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [name, ...parameters.map(String)], {
    execArgv: ['--import', 'tsx'],
  });
}

function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  return new Promise((resolve) => child.once('message', (message) => resolve(message as Answer)));
}

async function runServer([mode]: readonly number[]): Promise<void> {
  const root = process.env['BENCH_ROOT'] ?? '';
  const boundary = { root, followSymlinksTo: [], permissive: false, chrootLinks: false };
  const service = new HttpBootService({
    listen: { host: '127.0.0.1', port: 0 },
    root,
    files: new BootFileOpener(new BootRoot(boundary)),
    bootFiles: { forMachine: () => undefined, fallback: () => undefined },
    logger: pino({ level: 'silent' }),
    metrics: createMetrics(),
    clock: systemClock,
    openLink: mode === 2 ? openHttpBootThread : openHttpBootInline(),
  });
  await service.start();
  const echo = createSocket('udp4');
  echo.on('message', (bytes, { address, port }) => echo.send(bytes, port, address));
  await new Promise<void>((resolve) => echo.bind(0, '127.0.0.1', resolve));
  process.send?.([service.address?.port, echo.address().port]);
}

async function runPinger([port, seconds = 0]: readonly number[]): Promise<void> {
  const socket = createSocket('udp4');
  const latencies: number[] = [];
  socket.on('message', (bytes) => latencies.push(performance.now() - bytes.readDoubleLE(0)));
  const ping = (): void => {
    const bytes = Buffer.alloc(300);
    bytes.writeDoubleLE(performance.now());
    socket.send(bytes, port, '127.0.0.1');
  };
  const timer = setInterval(ping, 1000 / PINGS_PER_SECOND);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  clearInterval(timer);
  process.send?.(latencies.sort((a, b) => a - b));
}

async function runFetcher([port, clients = 0, seconds = 0]: readonly number[]): Promise<void> {
  let octets = 0;
  let over = false;
  const fetchAgain = (): void => {
    if (over) return;
    get({ host: '127.0.0.1', port, path: '/ramdisk', agent: false }, (answer) => {
      answer.on('data', (piece: Buffer) => (octets += piece.length));
      answer.on('end', fetchAgain);
    });
  };
  for (let client = 0; client < clients; client += 1) fetchAgain();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  over = true;
  process.send?.(octets);
}
