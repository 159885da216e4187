import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ADMIN_LIMITS, ConnectionGuard } from '../../../src/services/connection-limits.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

const OCTETS = 16 * 1024 * 1024;
let server: Server;
let guard: ConnectionGuard;
let metrics: ReturnType<typeof createMetrics>;
const sockets: Socket[] = [];
let closed = 0;
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  metrics = createMetrics();
  closed = 0;
  answer = (response) => response.end('ok');
  server = createServer((_request, response) => answer(response));
  const limits = {
    ...ADMIN_LIMITS,
    connectionsMax: 3,
    connectionsPerAddressMax: 2,
    stallMs: 300,
    waitingMaxOctets: OCTETS / 2,
  };
  guard = new ConnectionGuard(server, limits, metrics);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A client with an address of its own out of 127.0.0.0/8, which reads nothing unless told to. */
function client(localAddress: string): Promise<Socket> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.resume().on('close', () => (closed += 1));
  return new Promise((resolve) => socket.once('connect', () => resolve(socket)));
}

async function value(name: string): Promise<number> {
  const text = await metrics.registry.getSingleMetricAsString(name);
  return Number(text.trim().split(' ').at(-1));
}

describe('the connections of the admins side', () => {
  it('are limited for each address and for all', async () => {
    const opened = [
      await client('127.0.0.2'),
      await client('127.0.0.2'),
      await client('127.0.0.2'),
      await client('127.0.0.3'),
      await client('127.0.0.4'),
    ];
    await vi.waitFor(() => expect(closed).toBe(2));
    expect(await value('bootd_control_connections_refused_total')).toBe(2);
    expect(await value('bootd_control_connections')).toBe(3);
    opened[0]?.destroy();
    await vi.waitFor(async () => expect(await value('bootd_control_connections')).toBe(2));
    const next = await client('127.0.0.2');
    const heard = vi.fn<(text: string) => void>();
    next.on('data', (piece: Buffer) => heard(String(piece)));
    next.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await vi.waitFor(() => expect(heard).toHaveBeenCalledWith(expect.stringContaining('200 OK')));
  });

  it('end when a client takes nothing of its answer, and the room that it took is free again', async () => {
    answer = (response) => response.end(Buffer.alloc(OCTETS));
    const socket = await client('127.0.0.2');
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await vi.waitFor(() => expect(guard.isCongested).toBe(true));
    await vi.waitFor(async () => expect(await value('bootd_control_connections')).toBe(0), {
      timeout: 10_000,
    });
    expect(guard.isCongested).toBe(false);
  });

  it('stay while it is the server that is quiet', async () => {
    let answerNow = (): void => undefined;
    answer = (response) => (answerNow = () => void response.end('late'));
    const socket = await client('127.0.0.2');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const heard = vi.fn<(text: string) => void>();
    socket.on('data', (piece: Buffer) => heard(String(piece)));
    answerNow();
    await vi.waitFor(() => expect(heard).toHaveBeenCalledWith(expect.stringContaining('late')));
  });
});
