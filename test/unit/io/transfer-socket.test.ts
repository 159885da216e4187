import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatIpv4, parseIpv4, UNSPECIFIED_IPV4 } from '../../../src/addr/ipv4.ts';
import { adoptTransferSocket, openKernelTransferSocket } from '../../../src/io/batched-transfer-socket.ts';
import { IoError } from '../../../src/io/io-error.ts';
import {
  LINUX,
  boundPort,
  encodeInetAddress,
  openKernelSocket,
  setIntegerOption,
} from '../../../src/io/kernel-socket.ts';
import { accessLibc, type Libc } from '../../../src/io/libc.ts';
import { allocatePinned } from '../../../src/io/memory-pool.ts';
import { isLayoutKnown } from '../../../src/io/message-layout.ts';
import { openPlainTransferSocket } from '../../../src/io/plain-transfer-socket.ts';
import { openSendingSocket } from '../../../src/io/sending-socket.ts';
import type { PacketRun, TransferPeer, TransferSocket } from '../../../src/io/transfer-socket.ts';

const LOOPBACK = parseIpv4('127.0.0.1') ?? UNSPECIFIED_IPV4;
const EADDRINUSE = 98;
const access = accessLibc();
const libc = access.kind === 'available' && isLayoutKnown() ? access.libc : undefined;

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((socket) => socket.close()));
});

interface Client {
  readonly socket: Socket;
  readonly peer: TransferPeer;
  readonly datagrams: Buffer[];
}

async function openClient(port = 0): Promise<Client> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  const datagrams: Buffer[] = [];
  socket.on('message', (bytes) => datagrams.push(bytes));
  opened.push({ close: () => new Promise<void>((resolve) => socket.close(resolve)) });
  return { socket, peer: { address: LOOPBACK, port: socket.address().port, segmentable: true }, datagrams };
}

async function openPlain(): Promise<TransferSocket> {
  return openPlainTransferSocket({
    family: 'ipv4',
    address: '127.0.0.1',
    port: 0,
    receiveBufferBytes: 65_536,
  });
}

async function openBatched({ mtu = 65_536, sendsApart = true } = {}): Promise<TransferSocket> {
  if (libc === undefined) throw new Error('no koffi');
  const fd = openKernelTransferSocket(libc, {
    address: LOOPBACK,
    port: 0,
    device: undefined,
    receiveBufferBytes: 4 * 1024 * 1024,
  });
  return adoptTransferSocket(libc, { fd, mtu, sendsApart });
}

const kinds: [string, () => Promise<TransferSocket>][] = [
  ['plain', openPlain],
  ...(libc === undefined
    ? []
    : ([
        ['batched', () => openBatched()],
        // Too small an MTU for segmentation: each block is a message of its own.
        ['batched, without segmentation', () => openBatched({ mtu: 100 })],
        ['batched, sending by the socket that receives', () => openBatched({ sendsApart: false })],
      ] satisfies [string, () => Promise<TransferSocket>][])),
];

describe.each(kinds)('a %s transfer socket', (_kind, open) => {
  it('sends the packets of a run as datagrams', async () => {
    const server = await open();
    opened.push(server);
    const client = await openClient();
    const memory = allocatePinned(5000);
    for (let index = 0; index < 5000; index++) memory.bytes[index] = (index * 7) % 256;
    server.queueRun(client.peer, { memory, offset: 100, count: 20, packetLength: 128, lastLength: 5 });
    server.flush();
    await vi.waitFor(() => expect(client.datagrams).toHaveLength(20));
    for (const [index, datagram] of client.datagrams.entries()) {
      const start = 100 + index * 128;
      const packet = memory.bytes.subarray(start, start + (index === 19 ? 5 : 128));
      expect(datagram.equals(packet)).toBe(true);
    }
  });

  it('sends a run whose last packet is all but empty', async () => {
    const server = await open();
    opened.push(server);
    const client = await openClient();
    const run = { memory: allocatePinned(2048), offset: 0, packetLength: 516, lastLength: 4 };
    server.queueRun(client.peer, { ...run, count: 3 });
    server.queueRun(client.peer, { ...run, count: 1 });
    server.flush();
    await vi.waitFor(() => expect(client.datagrams.map(({ length }) => length)).toEqual([516, 516, 4, 4]));
  });

  it('sends more than one batch holds, to several peers, in order', async () => {
    const server = await open();
    opened.push(server);
    const clients = await Promise.all([openClient(), openClient(), openClient()]);
    const memory = allocatePinned(64 * 1024);
    const view = new DataView(memory.bytes.buffer, memory.bytes.byteOffset);
    for (let round = 0; round < 24; round++) {
      view.setUint32(round * 500, round);
      for (const { peer } of clients) {
        const run = { memory, offset: round * 500, count: 5, packetLength: 100, lastLength: 100 };
        server.queueRun(peer, run);
        server.queuePacket(peer, Uint8Array.of(0, 6, round));
      }
    }
    server.flush();
    for (const { datagrams } of clients) {
      await vi.waitFor(() => expect(datagrams).toHaveLength(144));
      const firsts = datagrams.filter((_, index) => index % 6 === 0).map((bytes) => bytes.readUInt32BE(0));
      expect(firsts).toEqual(Array.from({ length: 24 }, (_, round) => round));
      const controls = datagrams.filter((_, index) => index % 6 === 5).map((bytes) => bytes[2]);
      expect(controls).toEqual(Array.from({ length: 24 }, (_, round) => round));
    }
  });

  it('hears who sent what, and says when no more waits', async () => {
    const server = await open();
    opened.push(server);
    const heard: string[] = [];
    const drained = vi.fn();
    const clients = await Promise.all([openClient(), openClient()]);
    server.onDatagram(
      (bytes, address, port) => {
        if (typeof address === 'string') throw new Error(address);
        heard.push(`${formatIpv4(address)}:${port} ${Buffer.from(bytes).toString()}`);
      },
      drained,
      () => clients.length,
    );
    for (let index = 0; index < 100; index++) {
      clients[index % 2]?.socket.send(`ack ${index}`, server.localPort, '127.0.0.1');
    }
    await vi.waitFor(() => expect(heard).toHaveLength(100));
    const expected = Array.from(
      { length: 100 },
      (_, index) => `127.0.0.1:${clients[index % 2]?.peer.port} ack ${index}`,
    );
    expect(heard.toSorted()).toEqual(expected.toSorted());
    expect(drained).toHaveBeenCalled();
  });

  it('hears everybody on the port that it sends from', async () => {
    const server = await open();
    opened.push(server);
    const heard = new Set<number>();
    server.onDatagram(
      (_bytes, _address, port) => {
        heard.add(port);
        server.queuePacket({ address: LOOPBACK, port, segmentable: true }, Uint8Array.of(1));
      },
      () => server.flush(),
      () => 50,
    );
    const clients = await Promise.all(Array.from({ length: 50 }, () => openClient()));
    const sources = new Set<number>();
    for (const { socket } of clients) {
      socket.on('message', (_bytes, { port }) => sources.add(port));
      socket.send('ack', server.localPort, '127.0.0.1');
    }
    await vi.waitFor(() => expect(clients.every(({ datagrams }) => datagrams.length === 1)).toBe(true));
    expect([...heard].toSorted()).toEqual(clients.map(({ peer }) => peer.port).toSorted());
    expect([...sources]).toEqual([server.localPort]);
  });

  it('leaves its port to others once it is closed', async () => {
    const server = await open();
    await server.close();
    const { socket } = await openClient(server.localPort);
    expect(socket.address().port).toBe(server.localPort);
  });

  it('loses what it cannot send, and goes on', async () => {
    const server = await open();
    opened.push(server);
    const client = await openClient();
    const memory = allocatePinned(2000);
    const nowhere: TransferPeer = { address: parseIpv4('240.0.0.1') ?? LOOPBACK, port: 9, segmentable: true };
    const run: PacketRun = { memory, offset: 0, count: 4, packetLength: 100, lastLength: 100 };
    server.queueRun(client.peer, run);
    server.queueRun(nowhere, run);
    server.queuePacket({ ...client.peer, port: 0 }, Uint8Array.of(0, 5));
    server.queueRun(client.peer, run);
    server.flush();
    await vi.waitFor(() => expect(client.datagrams).toHaveLength(8));
  });

  it('is silent once it is closed', async () => {
    const server = await open();
    const client = await openClient();
    await server.close();
    server.queuePacket(client.peer, Uint8Array.of(1));
    server.flush();
    await server.close();
    expect(client.datagrams).toHaveLength(0);
  });
});

describe.skipIf(libc === undefined)('a batched transfer socket', () => {
  it('takes what comes while it answers without a turn of the event loop', async () => {
    const [server, peer] = await Promise.all([openBatched(), openBatched()]);
    opened.push(server, peer);
    const target: TransferPeer = { address: LOOPBACK, port: server.localPort, segmentable: true };
    const send = (): void => {
      peer.queuePacket(target, Uint8Array.of(0, 4));
      peer.flush();
    };
    let turn = 0;
    const turns: number[] = [];
    server.onDatagram(
      () => {
        turns.push(turn);
        queueMicrotask(() => (turn += 1));
      },
      () => {
        if (turns.length < 5) send();
      },
      () => 1,
    );
    send();
    await vi.waitFor(() => expect(turns).toHaveLength(5));
    expect(turns).toEqual([0, 0, 0, 0, 0]);
  });
});

describe.skipIf(libc === undefined)('a socket for sending alone', () => {
  function openPair(): { readonly kernel: Libc; readonly fd: number; readonly sending: number | undefined } {
    if (libc === undefined) throw new Error('no koffi');
    const kernel = libc;
    const fd = openKernelTransferSocket(kernel, {
      address: LOOPBACK,
      port: 0,
      device: undefined,
      receiveBufferBytes: 65_536,
    });
    const sending = openSendingSocket(kernel, fd);
    opened.push({
      close: () => [fd, sending].forEach((one) => one !== undefined && kernel.close(one)),
    });
    return { kernel, fd, sending };
  }

  it('has the port of the other one', () => {
    const { kernel, fd, sending } = openPair();
    expect(sending !== undefined && boundPort(kernel, sending)).toBe(boundPort(kernel, fd));
  });

  function bindThird(
    kernel: Libc,
    option: number,
    port: number,
  ): { readonly fd: number; readonly bound: number } {
    const fd = openKernelSocket(kernel, LINUX.AF_INET, LINUX.SOCK_DGRAM, 0);
    opened.push({ close: () => kernel.close(fd) });
    setIntegerOption(kernel, fd, option, 1, 'cannot share');
    const name = encodeInetAddress(LOOPBACK, port);
    return { fd, bound: kernel.bind(fd, name, name.length) };
  }

  it('lets no third one in that asks for SO_REUSEADDR', () => {
    const { kernel, fd } = openPair();
    expect(bindThird(kernel, LINUX.SO_REUSEADDR, boundPort(kernel, fd)).bound).toBe(-1);
    expect(kernel.errno()).toBe(EADDRINUSE);
  });

  it('leaves nothing to a third one that asks for SO_REUSEPORT', async () => {
    const { kernel, fd, sending } = openPair();
    const third = bindThird(kernel, LINUX.SO_REUSEPORT, boundPort(kernel, fd));
    const clients = await Promise.all(Array.from({ length: 50 }, () => openClient()));
    for (const { socket } of clients) {
      await new Promise((resolve) => socket.send('ack', boundPort(kernel, fd), '127.0.0.1', resolve));
    }
    const count = (one: number): number => {
      let datagrams = 0;
      while (kernel.recv(one, new Uint8Array(10), 10, LINUX.MSG_DONTWAIT) > 0) datagrams += 1;
      return datagrams;
    };
    expect(count(fd)).toBe(50);
    expect(count(sending ?? -1)).toBe(0);
    expect(count(third.fd)).toBe(0);
  });

  it('is done without where the kernel refuses it', () => {
    const { kernel, fd } = openPair();
    const closed: number[] = [];
    const close = (one: number): number => {
      closed.push(one);
      return kernel.close(one);
    };
    const refusing: Libc = { ...kernel, bind: () => -1, errno: () => EADDRINUSE, close };
    expect(openSendingSocket(refusing, fd)).toBeUndefined();
    expect(closed).toHaveLength(1);
  });
});

describe('a port that is taken', () => {
  it.each(kinds.slice(0, 2))('is named (%s)', async (kind, open) => {
    const holder = await open();
    opened.push(holder);
    const again = (): Promise<unknown> | number =>
      kind === 'plain' || libc === undefined
        ? openPlainTransferSocket({
            family: 'ipv4',
            address: '127.0.0.1',
            port: holder.localPort,
            receiveBufferBytes: 65_536,
          })
        : openKernelTransferSocket(libc, {
            address: LOOPBACK,
            port: holder.localPort,
            device: undefined,
            receiveBufferBytes: 65_536,
          });
    await expect((async () => again())()).rejects.toMatchObject({
      constructor: IoError,
      code: 'address-in-use',
      message: expect.stringContaining(`cannot bind UDP 127.0.0.1 port ${holder.localPort}`) as string,
    });
  });
});
