import { createSocket, type Socket } from 'node:dgram';
import { formatIpv4, parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { bindErrorFrom, ioErrorFrom } from './io-error.ts';
import type { DatagramListener, PacketRun, TransferPeer, TransferSocket } from './transfer-socket.ts';

/** How a plain socket is bound. */
export interface PlainSocketOptions {
  readonly family: 'ipv4' | 'ipv6';
  /** Address of this host, in Node's form. */
  readonly address: string;
  /** 0: a free one. */
  readonly port: number;
  readonly receiveBufferBytes: number;
}

/**
 * A transfer socket over node:dgram alone, one system call a datagram: for IPv6, and for hosts where koffi does not
 * load. Rejects with IoError.
 */
export async function openPlainTransferSocket(options: PlainSocketOptions): Promise<TransferSocket> {
  const { family, address, port } = options;
  const socket = createSocket({
    type: family === 'ipv4' ? 'udp4' : 'udp6',
    ipv6Only: family === 'ipv6',
    lookup: answerLiteral,
  });
  try {
    await listening(socket, () => socket.bind({ address, port, exclusive: true }));
  } catch (error) {
    socket.close();
    throw bindErrorFrom(`cannot bind UDP ${address} port ${port}`, address, error);
  }
  growReceiveBuffer(socket, options.receiveBufferBytes);
  // After binding, what a socket reports concerns one datagram; resend timers make up for it.
  socket.on('error', () => undefined);
  return new PlainTransferSocket(socket, family);
}

/** The same over a bound IPv4 socket that somebody else opened. Rejects with IoError; the descriptor is taken over. */
export async function adoptPlainTransferSocket(fd: number): Promise<TransferSocket> {
  const socket = createSocket({ type: 'udp4', lookup: answerLiteral });
  try {
    await listening(socket, () => socket.bind({ fd }));
  } catch (error) {
    socket.close();
    throw ioErrorFrom(`cannot use file descriptor ${fd} as a UDP socket`, error);
  }
  socket.on('error', () => undefined);
  return new PlainTransferSocket(socket, 'ipv4');
}

/** dgram resolves every destination; ours are literals, so the answer is the question. */
export function answerLiteral(
  hostname: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, hostname, hostname.includes(':') ? 6 : 4);
}

/** Resolves when the socket is bound, rejects when it cannot be. */
export function listening(socket: Socket, bind: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(error);
    socket.once('error', onError);
    socket.once('listening', () => {
      socket.off('error', onError);
      resolve();
    });
    bind();
  });
}

/** What the kernel may keep for us, as far as net.core.rmem_max lets it. */
export function growReceiveBuffer(socket: Socket, octets: number): void {
  try {
    socket.setRecvBufferSize(octets);
  } catch {
    // The default buffer works too; it overflows earlier in a burst.
  }
}

class PlainTransferSocket implements TransferSocket {
  readonly batched = false;
  readonly localPort: number;
  readonly #socket: Socket;
  readonly #family: 'ipv4' | 'ipv6';
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, family: 'ipv4' | 'ipv6') {
    this.#socket = socket;
    this.#family = family;
    this.localPort = socket.address().port;
  }

  onDatagram(datagram: DatagramListener, drained: () => void): void {
    this.#socket.on('message', (bytes, { address, port }) => {
      const source: Ipv4 | string | undefined = this.#family === 'ipv6' ? address : parseIpv4(address);
      if (source === undefined) return;
      datagram(bytes, source, port);
      drained();
    });
  }

  queuePacket(peer: TransferPeer, bytes: Uint8Array): void {
    this.#send(peer, Buffer.from(bytes));
  }

  queueRun(peer: TransferPeer, { memory, offset, count, packetLength, lastLength }: PacketRun): void {
    for (let index = 0; index < count; index++) {
      const start = offset + index * packetLength;
      const length = index === count - 1 ? lastLength : packetLength;
      // A copy: dgram may keep the buffer beyond this turn, and the run's memory is used again.
      this.#send(peer, Buffer.from(memory.bytes.subarray(start, start + length)));
    }
  }

  flush(): void {
    // Everything went straight to the kernel.
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    return this.#closing;
  }

  #send({ address, port }: TransferPeer, datagram: Buffer): void {
    // Port 0 can be forged in a datagram, and dgram throws when it is asked to answer there.
    if (this.#closing !== undefined || port === 0) return;
    const target = typeof address === 'string' ? address : formatIpv4(address);
    // The callback keeps a failure from becoming an 'error' event.
    this.#socket.send(datagram, port, target, () => undefined);
  }
}
