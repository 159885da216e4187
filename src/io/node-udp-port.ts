import { createSocket, type Socket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { formatIpv4, parseIpv4, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import { IoError, ioErrorFrom, ioErrorFromErrno } from './io-error.ts';
import { LINUX, encodeInetAddress, setIntegerOption } from './kernel-socket.ts';
import { accessLibc, type Libc } from './libc.ts';
import { describePortHolder } from './port-holder.ts';
import type { UdpPort } from './udp-port.ts';

/** How a socket of our own is bound. */
export interface UdpPortOptions {
  readonly address: Ipv4;
  /** 0: a free one; ask `localPort` which. */
  readonly port: number;
  /** Whether datagrams to a broadcast address may be sent. */
  readonly broadcast?: boolean;
  /** What the kernel may keep while we are busy; capped by net.core.rmem_max. */
  readonly receiveBufferBytes?: number;
}

/** A UdpPort over node:dgram. */
export interface NodeUdpPort extends UdpPort {
  /** The port that the socket is bound to. */
  readonly localPort: number;
}

/** A socket that was taken over by its descriptor. */
export interface AdoptedUdpPort extends NodeUdpPort {
  /**
   * Hears nothing more from now on, while answers can still be sent. What comes then waits in the kernel for whoever else
   * holds the socket: our next process, where the service manager keeps it. Without koffi it hears on until it is closed.
   */
  stopHearing(): Promise<void>;
}

/** Opens and binds a socket. Rejects with IoError; for a port that is taken it names the program that holds it. */
export async function openUdpPort(options: UdpPortOptions): Promise<NodeUdpPort> {
  const socket = newSocket();
  const where = `cannot bind UDP ${formatIpv4(options.address)} port ${options.port}`;
  try {
    await bound(socket, () =>
      socket.bind({ address: formatIpv4(options.address), port: options.port, exclusive: true }),
    );
    if (options.broadcast === true) socket.setBroadcast(true);
    if (options.receiveBufferBytes !== undefined) socket.setRecvBufferSize(options.receiveBufferBytes);
  } catch (error) {
    socket.close();
    const failure = ioErrorFrom(where, error);
    if (failure.code !== 'address-in-use') throw failure;
    throw new IoError(failure.code, `${where}: ${describePortHolder(options.port)}`, failure.osCode, error);
  }
  return wrap(socket);
}

/**
 * Takes over a bound UDP socket: one of openDeviceSocket, or one handed over by systemd. The file descriptor
 * belongs to the port from here on, also when this rejects (IoError).
 */
export async function adoptUdpPort(fd: number): Promise<AdoptedUdpPort> {
  const socket = newSocket();
  try {
    await bound(socket, () => adoptDescriptor(socket, fd));
  } catch (error) {
    socket.close();
    throw ioErrorFrom(`cannot use file descriptor ${fd} as a UDP socket`, error);
  }
  shareWithNobody(fd);
  const port = wrap(socket);
  let mouth: { readonly libc: Libc; readonly fd: number } | undefined;
  return {
    ...port,
    send: (bytes, address, to) =>
      mouth === undefined ? port.send(bytes, address, to) : sendThrough(mouth, bytes, address, to),
    stopHearing() {
      const access = accessLibc();
      if (access.kind === 'unavailable') return Promise.resolve();
      // dgram cannot send without receiving. A second descriptor of the same socket can.
      const copy = access.libc.fcntl(fd, LINUX.F_DUPFD_CLOEXEC, 'int', 3);
      if (copy < 0) return Promise.resolve();
      mouth = { libc: access.libc, fd: copy };
      return port.close();
    },
    async close() {
      const last = mouth;
      mouth = undefined;
      if (last !== undefined) closeSync(last.fd);
      await port.close();
    },
  };
}

/**
 * libuv sets SO_REUSEADDR on every socket that it takes over. With it a second server could bind the port beside us
 * without a word.
 */
function shareWithNobody(fd: number): void {
  const access = accessLibc();
  if (access.kind === 'unavailable') return;
  setIntegerOption(access.libc, fd, LINUX.SO_REUSEADDR, 0, `cannot keep the port of file descriptor ${fd}`);
}

/** Rejects with IoError. */
function sendThrough(
  { libc, fd }: { readonly libc: Libc; readonly fd: number },
  bytes: Uint8Array,
  address: Ipv4,
  port: number,
): Promise<void> {
  const to = encodeInetAddress(address, port);
  const sent = libc.sendto(fd, bytes, bytes.length, LINUX.MSG_DONTWAIT, to, to.length);
  if (sent >= 0) return Promise.resolve();
  const what = `cannot send ${bytes.length} octets to ${formatIpv4(address)} port ${port}`;
  return Promise.reject(ioErrorFromErrno(what, libc.errno()));
}

/**
 * dgram asks a resolver for every destination, which costs a turn of the event loop even for a dotted quad.
 * Ours are always dotted quads, so the answer is the question.
 */
function newSocket(): Socket {
  return createSocket({
    type: 'udp4',
    lookup: (hostname, _options, callback) => {
      callback(null, hostname, 4);
    },
  });
}

/** Node throws before it owns the descriptor, or never. */
function adoptDescriptor(socket: Socket, fd: number): void {
  try {
    socket.bind({ fd });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function bound(socket: Socket, bind: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onListening = (): void => {
      socket.off('error', onError);
      resolve();
    };
    const onError = (error: Error): void => {
      socket.off('listening', onListening);
      reject(error);
    };
    socket.once('listening', onListening);
    socket.once('error', onError);
    bind();
  });
}

function wrap(socket: Socket): NodeUdpPort {
  let closing: Promise<void> | undefined;
  const errorListeners: ((error: Error) => void)[] = [];
  socket.on('error', (error) => {
    for (const listener of errorListeners) listener(ioErrorFrom('the UDP socket failed', error));
  });

  return {
    localPort: socket.address().port,

    send(bytes, address, port) {
      return new Promise((resolve, reject) => {
        const what = (): string =>
          `cannot send ${bytes.length} octets to ${formatIpv4(address)} port ${port}`;
        try {
          socket.send(bytes, port, formatIpv4(address), (error) => {
            if (error === null) resolve();
            else reject(ioErrorFrom(what(), error));
          });
        } catch (error) {
          // A closed socket, or a port that is none, is thrown at once and not called back.
          reject(ioErrorFrom(what(), error));
        }
      });
    },

    onDatagram(listener) {
      // Of machines without an address, and of those behind one relay, all datagrams come from the same one.
      let last = { text: '', address: UNSPECIFIED_IPV4 };
      socket.on('message', (bytes, { address, port }) => {
        if (address !== last.text) last = { text: address, address: parseIpv4(address) ?? UNSPECIFIED_IPV4 };
        listener(bytes, { address: last.address, port });
      });
    },

    onError(listener) {
      errorListeners.push(listener);
    },

    close() {
      closing ??= new Promise((resolve) => socket.close(() => resolve()));
      return closing;
    },
  };
}
