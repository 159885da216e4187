import { openSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { BROADCAST_IPV4, parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { openDeviceSocket } from '../../../src/io/device-socket.ts';
import { IoError } from '../../../src/io/io-error.ts';
import { LINUX } from '../../../src/io/kernel-socket.ts';
import { accessLibc } from '../../../src/io/libc.ts';
import { adoptUdpPort, openUdpPort, type NodeUdpPort } from '../../../src/io/node-udp-port.ts';
import type { UdpPeer, UdpPort } from '../../../src/io/udp-port.ts';

const LOOPBACK: Ipv4 = parseIpv4('127.0.0.1')!;
const ports: NodeUdpPort[] = [];

afterEach(async () => {
  for (const port of ports.splice(0)) await port.close();
});

async function open(options: Partial<Parameters<typeof openUdpPort>[0]> = {}): Promise<NodeUdpPort> {
  const port = await openUdpPort({ address: LOOPBACK, port: 0, ...options });
  ports.push(port);
  return port;
}

function nextDatagram(port: UdpPort): Promise<{ text: string; peer: UdpPeer }> {
  return new Promise((resolve) => {
    port.onDatagram((bytes, peer) => resolve({ text: Buffer.from(bytes).toString(), peer }));
  });
}

async function failure(promise: Promise<unknown>): Promise<IoError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof IoError) return error;
  throw new Error(`no IoError: ${String(error)}`);
}

describe('a port of our own', () => {
  it('sends and receives, and tells who sent', async () => {
    const [first, second] = [await open(), await open()];
    const received = nextDatagram(second);
    await first.send(Buffer.from('hello'), LOOPBACK, second.localPort);
    expect(await received).toEqual({ text: 'hello', peer: { address: LOOPBACK, port: first.localPort } });
  });

  it('carries empty datagrams', async () => {
    const [first, second] = [await open(), await open()];
    const received = nextDatagram(second);
    await first.send(new Uint8Array(), LOOPBACK, second.localPort);
    expect((await received).text).toBe('');
  });

  it('is refused a port that is taken, and told by whom', async () => {
    const { localPort } = await open();
    const error = await failure(open({ port: localPort }));
    expect(error.code).toBe('address-in-use');
    expect(error.message).toContain(`port ${localPort} is held by`);
    expect(error.message).toContain(`pid ${process.pid}`);
  });

  it('is refused an address that is not this host’s', async () => {
    const error = await failure(open({ address: parseIpv4('192.0.2.1')! }));
    expect(error.code).toBe('address-not-available');
  });

  it.each([
    ['more than a datagram can hold', LOOPBACK, 9, 70_000, 'too-large'],
    ['a broadcast that was not allowed', BROADCAST_IPV4, 9, 1, 'not-permitted'],
    ['port 0', LOOPBACK, 0, 1, 'failed'],
  ] as const)('rejects %s, and goes on working', async (_, address, port, size, code) => {
    const [first, second] = [await open(), await open()];
    const error = await failure(first.send(new Uint8Array(size), address, port));
    expect(error.code).toBe(code);
    const received = nextDatagram(second);
    await first.send(Buffer.from('still here'), LOOPBACK, second.localPort);
    expect((await received).text).toBe('still here');
  });

  it('can be closed twice, and then rejects what is sent', async () => {
    const port = await open();
    await Promise.all([port.close(), port.close()]);
    expect((await failure(port.send(new Uint8Array(1), LOOPBACK, 9))).code).toBe('failed');
  });
});

describe('a port taken over by its file descriptor', () => {
  it('is refused what is no UDP socket, without leaking it', async () => {
    const fd = openSync('/dev/null', 'r');
    const error = await failure(adoptUdpPort(fd));
    expect(error.message).toContain(`file descriptor ${fd}`);
    // The number is free again, so that the next file gets it.
    expect(openSync('/dev/null', 'r')).toBe(fd);
  });

  it('works like any other, bound to its interface', async ({ skip }) => {
    const access = accessLibc();
    if (access.kind === 'unavailable') return skip(access.reason);
    const port = await adoptUdpPort(
      openDeviceSocket({ device: 'lo', port: 0, broadcast: true, receiveBufferBytes: 1 << 20 }),
    );
    ports.push(port);
    const other = await open();
    const received = nextDatagram(port);
    await other.send(Buffer.from('in'), LOOPBACK, port.localPort);
    expect((await received).text).toBe('in');
    const answer = nextDatagram(other);
    await port.send(Buffer.from('out'), LOOPBACK, other.localPort);
    expect((await answer).text).toBe('out');
  });

  it('leaves what comes after it stopped hearing to whoever else holds the socket, and can still answer', async ({
    skip,
  }) => {
    const access = accessLibc();
    if (access.kind === 'unavailable') return skip(access.reason);
    const fd = openDeviceSocket({ device: 'lo', port: 0, broadcast: false });
    // The service manager's copy.
    const copy = access.libc.fcntl(fd, LINUX.F_DUPFD_CLOEXEC, 'int', 3);
    const before = await adoptUdpPort(fd);
    const heard: string[] = [];
    before.onDatagram((bytes) => heard.push(Buffer.from(bytes).toString()));
    const other = await open();
    await other.send(Buffer.from('one'), LOOPBACK, before.localPort);
    await expect.poll(() => heard).toEqual(['one']);
    await before.stopHearing();
    await other.send(Buffer.from('two'), LOOPBACK, before.localPort);
    const answer = nextDatagram(other);
    await before.send(Buffer.from('answer to one'), LOOPBACK, other.localPort);
    expect((await answer).text).toBe('answer to one');
    await before.close();
    expect((await failure(before.send(new Uint8Array(1), LOOPBACK, 9))).code).toBe('failed');

    const after = await adoptUdpPort(copy);
    ports.push(after);
    expect((await nextDatagram(after)).text).toBe('two');
    expect(heard).toEqual(['one']);
  });

  it.each([
    ['an interface that does not exist', 'bootd-none0', 'no-such-device'],
    ['a name that cannot exist', 'a-name-of-more-than-15', 'no-such-device'],
    ['no name', '', 'no-such-device'],
  ])('cannot be made on %s', (_, device, code) => {
    let error: unknown;
    try {
      openDeviceSocket({ device, port: 0, broadcast: false });
    } catch (thrown) {
      error = thrown;
    }
    const expected = accessLibc().kind === 'available' ? code : 'unsupported';
    expect(error).toMatchObject({ name: 'IoError', code: expected });
  });
});
