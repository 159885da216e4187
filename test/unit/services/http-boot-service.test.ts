import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseIpv4 } from '../../../src/addr/ipv4.ts';
import type { NodeUuid } from '../../../src/boot/node.ts';
import { HTTP_BOOT_LIMITS } from '../../../src/services/http-boot-host.ts';
import { openHttpBootThread } from '../../../src/services/http-boot-link.ts';
import { ask, startHttpBoot, type HarnessOptions, type RunningHttpBoot } from './http-boot-harness.ts';

const IMAGE = randomBytes(3_000_000);
const LOCALHOST = parseIpv4('127.0.0.1');
const NODE = '0c0ffee0-0000-4000-8000-000000000001' as NodeUuid;

const running: RunningHttpBoot[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(running.splice(0).map((http) => http.stop()));
});

async function start(options: HarnessOptions = {}): Promise<RunningHttpBoot> {
  const http = await startHttpBoot({
    ...options,
    prepare: (root) => {
      writeFileSync(join(root, 'image'), IMAGE);
      writeFileSync(join(root, 'bootx64.efi'), 'loader');
      writeFileSync(join(root, 'empty'), '');
      mkdirSync(join(root, 'dir'));
      options.prepare?.(root);
    },
  });
  running.push(http);
  return http;
}

/** A client that writes what it likes and reads when it likes. */
async function openHandClient({ port }: RunningHttpBoot): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

function readToEnd(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => (text += piece));
    socket.once('close', () => resolve(text));
  });
}

/** Files below a root that this process has open. */
function openFiles({ root }: RunningHttpBoot): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const place = readlinkSync(`/proc/self/fd/${fd}`);
      return place.startsWith(root) ? [place] : [];
    } catch {
      return [];
    }
  });
}

describe('a file', () => {
  it('arrives whole, with what a loader wants to know of it', async () => {
    const http = await start();
    const answer = await ask(http, '/image');
    expect(answer.status).toBe(200);
    expect(answer.body.equals(IMAGE)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-length': '3000000',
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
    });
    expect(answer.headers.etag).toMatch(/^"[\w-]+"$/);
    expect(Date.parse(answer.headers['last-modified'] ?? '')).toBeGreaterThan(0);
  });

  it('has its headers written as GRUB 2.06 compares them, letter by letter', async () => {
    const http = await start();
    expect((await ask(http, '/image')).headerNames).toContain('Content-Length');
    expect((await ask(http, '/missing')).headerNames).toContain('Content-Length');
    expect((await ask(http, '/image', { headers: { Range: 'bytes=1-' } })).headerNames).toContain(
      'Content-Length',
    );
  });

  it('arrives from the thread too, for many at once, and none stays open', async () => {
    const http = await start({ openLink: openHttpBootThread });
    const all = await Promise.all(Array.from({ length: 20 }, () => ask(http, '/image')));
    expect(all.every(({ body }) => body.equals(IMAGE))).toBe(true);
    await vi.waitFor(() => expect(openFiles(http)).toEqual([]));
  });

  it('is only measured by HEAD', async () => {
    const http = await start();
    const answer = await ask(http, '/bootx64.efi', { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, body: { length: 0 } });
    expect(answer.headers).toMatchObject({ 'content-length': '6', 'content-type': 'application/efi' });
  });

  it('of no length arrives', async () => {
    const http = await start();
    expect(await ask(http, '/empty')).toMatchObject({ status: 200, headers: { 'content-length': '0' } });
  });

  it.each([
    ['bytes=10-19', IMAGE.subarray(10, 20), 'bytes 10-19/3000000'],
    ['bytes=2999990-', IMAGE.subarray(2_999_990), 'bytes 2999990-2999999/3000000'],
    ['bytes=-5', IMAGE.subarray(-5), 'bytes 2999995-2999999/3000000'],
  ])('arrives in part: %s', async (range, octets, contentRange) => {
    const http = await start();
    const answer = await ask(http, '/image', { headers: { Range: range } });
    expect(answer).toMatchObject({ status: 206, headers: { 'content-range': contentRange } });
    expect(answer.body.equals(octets)).toBe(true);
  });

  it('is not sent again to whoever has it, and is after a change', async () => {
    const http = await start();
    const { etag = '', 'last-modified': date = '' } = (await ask(http, '/image')).headers;
    const conditions: Record<string, string>[] = [{ 'If-None-Match': etag }, { 'If-Modified-Since': date }];
    for (const headers of conditions) {
      expect(await ask(http, '/image', { headers })).toMatchObject({ status: 304, body: { length: 0 } });
    }
    appendFileSync(join(http.root, 'image'), 'more');
    const changed = await ask(http, '/image', { headers: { 'If-None-Match': etag } });
    expect(changed).toMatchObject({ status: 200, headers: { 'content-length': '3000004' } });
    const range = { 'If-Range': etag, Range: 'bytes=0-9' };
    expect((await ask(http, '/image', { headers: range })).status).toBe(200);
  });

  it('says how long it is when a range lies behind its end', async () => {
    const http = await start();
    const answer = await ask(http, '/image', { headers: { Range: 'bytes=3000000-' } });
    expect(answer).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */3000000' } });
  });

  it('that is replaced while it is sent arrives as it was', async () => {
    const http = await start({
      prepare: (root) => writeFileSync(join(root, 'big'), Buffer.alloc(30_000_000, '1')),
    });
    const client = await openHandClient(http);
    client.write('GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => client.once('readable', resolve));
    writeFileSync(join(http.root, 'new'), 'new');
    renameSync(join(http.root, 'new'), join(http.root, 'big'));
    const text = await readToEnd(client);
    const body = text.slice(text.indexOf('\r\n\r\n') + 4);
    expect(body.length).toBe(30_000_000);
    expect(body === '1'.repeat(30_000_000)).toBe(true);
    expect((await ask(http, '/big')).body.toString()).toBe('new');
  });

  it('that becomes shorter while it is sent ends the connection: half a kernel must not be booted', async () => {
    const http = await start({
      prepare: (root) => writeFileSync(join(root, 'big'), Buffer.alloc(30_000_000)),
    });
    const client = await openHandClient(http);
    client.write('GET /big HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => client.once('readable', resolve));
    truncateSync(join(http.root, 'big'), 100);
    expect((await readToEnd(client)).length).toBeLessThan(30_000_000);
    await vi.waitFor(() => expect(http.events).toMatchObject([{ kind: 'ended', ending: 'truncated' }]));
  });
});

describe('a name', () => {
  it.each([
    '//bootx64.efi',
    '/tftpboot/bootx64.efi',
    '//tftpboot//bootx64.efi',
    '/boot%78%364.efi?mac=1',
    'http://somewhere/bootx64.efi',
  ])('%s finds the file', async (path) => {
    const http = await start();
    expect((await ask(http, path)).body.toString()).toBe('loader');
  });

  it("with the root's own path in front finds the file", async () => {
    const http = await start();
    expect((await ask(http, `${http.root}/bootx64.efi`)).body.toString()).toBe('loader');
  });

  it('below a folder that is really called tftpboot finds that', async () => {
    const http = await start({
      prepare: (root) => {
        mkdirSync(join(root, 'tftpboot'));
        writeFileSync(join(root, 'tftpboot/bootx64.efi'), 'deeper');
      },
    });
    expect((await ask(http, '/tftpboot/bootx64.efi')).body.toString()).toBe('deeper');
  });

  it.each([
    ['/missing', 404],
    ['/dir', 404],
    ['/', 404],
    ['/image/x', 404],
    ['/outside', 403],
    ['/secret', 403],
    ['/fifo', 403],
    ['/../etc/passwd', 403],
    ['/%2e%2e/%2e%2e/etc/passwd', 403],
    ['/%00', 400],
  ])('%s is refused with %d, at once and in words', async (path, status) => {
    const http = await start({
      prepare: (root) => {
        symlinkSync('/etc/passwd', join(root, 'outside'));
        writeFileSync(join(root, 'secret'), 'x');
        chmodSync(join(root, 'secret'), 0o600);
        execFileSync('mkfifo', ['-m', '0644', join(root, 'fifo')]);
      },
    });
    const answer = await ask(http, path);
    expect(answer.status).toBe(status);
    // An empty answer on a kept connection costs shim six seconds.
    expect(answer.body.length).toBeGreaterThan(5);
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
  });
});

describe('a rendered file', () => {
  const rendered = { bytes: Buffer.from('#!ipxe\n'), node: NODE, generation: 7 };

  it('wins over the disk for the machine that it is for, and is not to be kept', async () => {
    const asked: unknown[] = [];
    const http = await start({
      prepare: (root) => writeFileSync(join(root, 'boot.ipxe'), 'of the disk'),
      bootFiles: {
        forMachine: (path, peer) => {
          asked.push(path, peer);
          return rendered;
        },
      },
    });
    const answer = await ask(http, '//tftpboot/boot.ipxe');
    expect(answer.body.toString()).toBe('#!ipxe\n');
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'content-length': '7' });
    expect(answer.headers.etag).toBeUndefined();
    expect(asked).toEqual(['tftpboot/boot.ipxe', LOCALHOST]);
    expect((await ask(http, '/boot.ipxe', { method: 'HEAD' })).headers['content-length']).toBe('7');
    expect((await ask(http, '/boot.ipxe', { headers: { Range: 'bytes=2-' } })).body.toString()).toBe(
      'ipxe\n',
    );
    await vi.waitFor(() =>
      expect(http.events[0]).toMatchObject({ source: 'rendered', node: NODE, generation: 7, bytes: 7 }),
    );
  });

  it("fills in as the site's default only where the disk has nothing", async () => {
    const http = await start({ bootFiles: { fallback: () => ({ ...rendered, node: undefined }) } });
    expect((await ask(http, '/boot.ipxe')).body.toString()).toBe('#!ipxe\n');
    expect((await ask(http, '/bootx64.efi')).body.toString()).toBe('loader');
    expect((await ask(http, '/../x')).status).toBe(403);
  });

  it('that fails inside bootd gets an answer, and the next request is served', async () => {
    const http = await start({
      bootFiles: {
        forMachine: (path) => {
          if (path === 'broken') throw new Error('a mistake');
          return undefined;
        },
      },
    });
    expect((await ask(http, '/broken')).status).toBe(500);
    expect((await ask(http, '/image')).status).toBe(200);
    expect(http.log.map(({ event }) => event)).toContain('http.request.failed');
  });
});

describe('a client', () => {
  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('that would %s is refused', async (method) => {
    const http = await start();
    const answer = await ask(http, '/image', { method });
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect(http.events).toMatchObject([{ kind: 'refused', reason: 'method-not-allowed' }]);
  });

  it('keeps its connection for the next file, also after a refusal', async () => {
    const http = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const path of ['/missing', '/bootx64.efi', '/image', '/missing']) await ask(http, path, { agent });
    agent.destroy();
    const ends = http.log.filter(({ event }) => String(event).startsWith('http.request.'));
    const ports = new Set(ends.map((line) => line['port']));
    expect(ends).toHaveLength(4);
    expect(ports.size).toBe(1);
  });

  it('that asks ahead gets its answers in order', async () => {
    const http = await start();
    const client = await openHandClient(http);
    const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
    client.write(get('/image') + get('/missing') + get('/bootx64.efi', 'Connection: close\r\n'));
    const text = await readToEnd(client);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
    expect(text.endsWith('loader')).toBe(true);
  });

  it('that asks ahead, and takes its answers late, gets them all', async () => {
    // As when the kernel has no room left for this client: what is written is not gone before it has.
    const blocked: (() => void)[] = [];
    const accept = (message: unknown): void => {
      const { socket } = message as { socket: Socket };
      const [write, writeAll] = [socket._write.bind(socket), socket._writev?.bind(socket)];
      socket._write = (...args) => void blocked.push(() => write(...args));
      socket._writev = (...args) => void blocked.push(() => writeAll?.(...args));
    };
    subscribe('net.server.socket', accept);
    const http = await start();
    const client = await openHandClient(http);
    client.write('GET /missing HTTP/1.1\r\nHost: a\r\n\r\n');
    client.write('GET /bootx64.efi HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await vi.waitFor(() => expect(blocked).not.toEqual([]));
    await new Promise((resolve) => setTimeout(resolve, 300));
    unsubscribe('net.server.socket', accept);
    const whole = readToEnd(client);
    const release = setInterval(() => blocked.splice(0).forEach((write) => write()), 10);
    expect(await whole).toMatch(/^HTTP\/1\.1 404 [^]*HTTP\/1\.1 200 [^]*loader$/);
    clearInterval(release);
    await vi.waitFor(() => expect(http.events).toMatchObject([{ kind: 'refused' }, { ending: 'done' }]));
  });

  it('that asks ahead without end is closed', async () => {
    const http = await start();
    const client = await openHandClient(http);
    client.write('GET /image HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100));
    await readToEnd(client);
    await vi.waitFor(() => expect(openFiles(http)).toEqual([]));
  });

  it('that speaks no HTTP is told so', async () => {
    const http = await start();
    const client = await openHandClient(http);
    client.write('hello\r\n\r\n');
    expect(await readToEnd(client)).toMatch(/^HTTP\/1\.1 400 [^]*this is no HTTP request\n$/);
  });

  it('that goes away leaves no file open', async () => {
    const http = await start({
      prepare: (root) => writeFileSync(join(root, 'big'), Buffer.alloc(50_000_000)),
    });
    const client = await openHandClient(http);
    client.write('GET /big HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => client.once('readable', resolve));
    expect(openFiles(http)).not.toEqual([]);
    client.destroy();
    await vi.waitFor(() => expect(openFiles(http)).toEqual([]));
    expect(http.events).toMatchObject([{ kind: 'ended', ending: 'aborted', size: 50_000_000 }]);
  });

  it('that takes nothing of its answer is closed', async () => {
    const http = await start({
      limits: { ...HTTP_BOOT_LIMITS, stallMs: 300 },
      prepare: (root) => writeFileSync(join(root, 'big'), Buffer.alloc(50_000_000)),
    });
    const client = await openHandClient(http);
    client.pause();
    client.write('GET /big HTTP/1.1\r\nHost: a\r\n\r\n');
    await vi.waitFor(() => expect(http.events).toMatchObject([{ ending: 'timeout' }]), { timeout: 10_000 });
    await vi.waitFor(() => expect(openFiles(http)).toEqual([]));
    expect(http.log.filter(({ event }) => event === 'http.request.broken')).toMatchObject([
      { level: 'warn' },
    ]);
  });

  it('that never finishes its request is closed', async () => {
    const http = await start({ limits: { ...HTTP_BOOT_LIMITS, requestMs: 300 } });
    const client = await openHandClient(http);
    client.write('GET /image HTT');
    await readToEnd(client);
  });

  it('may not have all connections', async () => {
    const http = await start({ limits: { ...HTTP_BOOT_LIMITS, connectionsPerAddressMax: 3 } });
    const clients = await Promise.all(Array.from({ length: 5 }, () => openHandClient(http)));
    const closed = clients.map((client) => new Promise((resolve) => client.once('close', resolve)));
    await Promise.race(closed);
    await vi.waitFor(() => expect(clients.filter(({ destroyed }) => !destroyed)).toHaveLength(3));
    // Where one goes, one may come, and not another.
    const [kept] = clients.filter(({ destroyed }) => !destroyed);
    const gone = vi.waitFor(async () => {
      const gauge = await http.metrics.registry.getSingleMetricAsString('bootd_http_boot_connections');
      expect(gauge).toMatch(/connections 2$/);
    });
    kept?.destroy();
    await gone;
    const more = await Promise.all(Array.from({ length: 3 }, () => openHandClient(http)));
    await vi.waitFor(() => expect(more.filter(({ destroyed }) => !destroyed)).toHaveLength(1));
    for (const client of [...clients, ...more]) client.destroy();
    await vi.waitFor(async () => expect((await ask(http, '/image')).status).toBe(200));
    expect(http.log.some(({ level, event }) => level === 'warn' && event === 'http.request.refused')).toBe(
      true,
    );
    const metrics = await http.metrics.registry.getSingleMetricAsString(
      'bootd_http_boot_connections_refused_total',
    );
    expect(metrics).toMatch(/_total [2-9]\d*$/);
  });

  it('gives its place up when all are taken and it does not finish its request', async () => {
    const http = await start({ limits: { ...HTTP_BOOT_LIMITS, connectionsMax: 4 } });
    const slow = await Promise.all(Array.from({ length: 4 }, () => openHandClient(http)));
    for (const client of slow) client.write('GET /image HTT');
    await vi.waitFor(async () => expect((await ask(http, '/image')).status).toBe(200));
    expect(slow.filter(({ destroyed }) => !destroyed).length).toBeGreaterThan(0);
    for (const client of slow) client.destroy();
  });

  it('gives its place up when all are taken and it only keeps a connection', async () => {
    const http = await start({ limits: { ...HTTP_BOOT_LIMITS, connectionsMax: 2 } });
    const agent = new Agent({ keepAlive: true });
    await Promise.all([ask(http, '/image', { agent }), ask(http, '/image', { agent })]);
    await vi.waitFor(async () => expect((await ask(http, '/bootx64.efi')).status).toBe(200));
    agent.destroy();
  });
});

describe('the service', () => {
  it('refuses to start where somebody else listens, and says where', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port} for http-boot: address already in use (EADDRINUSE)`,
    );
  });

  it('waits for an address that is not there yet, and says so once', async () => {
    let attempts = 0;
    const http = await start({
      openLink: (listener) => ({
        post: ({ kind }) => {
          if (kind === 'stop') setImmediate(() => listener.message({ kind: 'stopped' }));
          if (kind !== 'open') return;
          attempts += 1;
          const endpoint = { host: '192.0.2.1', port: 80 };
          setImmediate(() =>
            listener.message(
              attempts < 3
                ? { kind: 'failed', message: 'no', osCode: 'EADDRNOTAVAIL' }
                : { kind: 'opened', endpoint },
            ),
          );
        },
        terminate: () => Promise.resolve(),
      }),
    });
    expect(http.service.problems).toEqual([
      'cannot listen on 127.0.0.1:0 for http-boot: address not available (EADDRNOTAVAIL)',
    ]);
    await vi.waitFor(() => expect(http.service.problems).toEqual([]), { timeout: 10_000 });
    expect(http.log.map(({ event }) => event)).toEqual(['http.socket.closed', 'http.socket.opened']);
  });

  it('lets a transfer end when it stops, and ends one that does not', async () => {
    const http = await start({
      prepare: (root) => writeFileSync(join(root, 'big'), Buffer.alloc(50_000_000)),
    });
    const client = await openHandClient(http);
    client.write('GET /big HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => client.once('readable', resolve));
    await http.service.stop();
    expect(http.events).toMatchObject([{ kind: 'ended', ending: 'stopped' }]);
    await vi.waitFor(() => expect(openFiles(http)).toEqual([]));
  });

  it('starts its thread again when that died', async () => {
    const threads: { die(): void; end(): Promise<void> }[] = [];
    const http = await start({
      openLink: (listener) => {
        const link = openHttpBootThread(listener);
        threads.push({ die: () => listener.failed(new Error('out of memory')), end: () => link.terminate() });
        return link;
      },
    });
    await threads[0]?.end();
    threads[0]?.die();
    await vi.waitFor(
      () => expect(http.log.filter(({ event }) => event === 'http.socket.opened')).toHaveLength(2),
      {
        timeout: 10_000,
      },
    );
    expect(http.log.map(({ event }) => event)).toContain('http.thread.failed');
  });
});
