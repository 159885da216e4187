import { createSocket, type Socket } from 'node:dgram';
import { formatIpv4, parseIpv4, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import { BusyPoll } from './busy-poll.ts';
import { ReceiveBatch, SendBatch } from './datagram-batch.ts';
import { ioErrorFrom, ioErrorFromErrno } from './io-error.ts';
import {
  LINUX,
  bindToDevice,
  closingOnFailure,
  encodeInetAddress,
  openKernelSocket,
  setIntegerOption,
  turnOffPathDiscovery,
} from './kernel-socket.ts';
import type { Libc } from './libc.ts';
import { answerLiteral, listening } from './plain-transfer-socket.ts';
import { openSendingSocket } from './sending-socket.ts';
import type { DatagramListener, PacketRun, TransferPeer, TransferSocket } from './transfer-socket.ts';

/** How a socket for many transfers is bound. */
export interface KernelTransferSocketOptions {
  readonly address: Ipv4;
  /** 0: a free one. */
  readonly port: number;
  /** The interface that the socket is tied to; undefined: whichever the route says. */
  readonly device: string | undefined;
  /** Let the port be shared with sockets of ours that are bound to it already (`shareAddress`). */
  readonly sharesAddress?: boolean;
  readonly receiveBufferBytes: number;
}

/**
 * Opens the kernel's socket and returns its file descriptor, to be adopted in any thread. Throws IoError.
 * Path MTU discovery is off, as in.tftpd has it: a loader cannot answer "fragmentation needed" in the middle of a file.
 */
export function openKernelTransferSocket(libc: Libc, options: KernelTransferSocketOptions): number {
  const fd = openKernelSocket(libc, LINUX.AF_INET, LINUX.SOCK_DGRAM, 0);
  return closingOnFailure(libc, fd, () => {
    if (options.device !== undefined) bindToDevice(libc, fd, options.device);
    if (options.sharesAddress === true) shareAddress(libc, fd);
    growReceiveBuffer(libc, fd, options.receiveBufferBytes);
    turnOffPathDiscovery(libc, fd);
    const name = encodeInetAddress(options.address, options.port);
    if (libc.bind(fd, name, name.length) < 0) {
      const where = `cannot bind UDP ${formatIpv4(options.address)} port ${options.port}`;
      throw ioErrorFromErrno(where, libc.errno());
    }
    return fd;
  });
}

/**
 * Lets further sockets bind to the same port, which ask for it too (SO_REUSEADDR). The kernel hands a datagram to the
 * socket whose address fits best. Set after binding, it does not let a socket in where a stranger has the port.
 */
export function shareAddress(libc: Libc, fd: number): void {
  setIntegerOption(libc, fd, LINUX.SO_REUSEADDR, 1, 'cannot share the port');
}

/** Beyond net.core.rmem_max where CAP_NET_ADMIN allows it; a smaller buffer only overflows earlier in a burst. */
function growReceiveBuffer(libc: Libc, fd: number, octets: number): void {
  for (const option of [LINUX.SO_RCVBUFFORCE, LINUX.SO_RCVBUF]) {
    try {
      setIntegerOption(libc, fd, option, octets, 'cannot set the receive buffer');
      return;
    } catch {
      // The next one, or the kernel's default.
    }
  }
}

/** What is known of a socket that is taken over. */
export interface AdoptedSocket {
  readonly fd: number;
  /** Of the interface. */
  readonly mtu: number;
  /** Whether it may share its port with a socket of its own for sending. Never the port that requests come to. */
  readonly sendsApart: boolean;
}

/**
 * Takes over a socket of `openKernelTransferSocket`. node:dgram says when it is readable and delivers the first
 * datagram; the rest is drained by recvmmsg. Rejects with IoError.
 */
export async function adoptTransferSocket(
  libc: Libc,
  { fd, mtu, sendsApart }: AdoptedSocket,
): Promise<TransferSocket> {
  const socket = createSocket({ type: 'udp4', lookup: answerLiteral });
  try {
    await listening(socket, () => socket.bind({ fd }));
  } catch (error) {
    socket.close();
    throw ioErrorFrom(`cannot use file descriptor ${fd} for transfers`, error);
  }
  // What the socket reports concerns one datagram; resend timers make up for it.
  socket.on('error', () => undefined);
  const sending = sendsApart ? openSendingSocket(libc, fd) : undefined;
  const send = new SendBatch(libc, sending ?? fd, mtu - 28);
  return new BatchedTransferSocket(socket, new ReceiveBatch(libc, fd), send, () => {
    if (sending !== undefined) libc.close(sending);
  });
}

class BatchedTransferSocket implements TransferSocket {
  readonly batched = true;
  readonly localPort: number;
  readonly #socket: Socket;
  readonly #receive: ReceiveBatch;
  readonly #send: SendBatch;
  readonly #closeSending: () => void;
  #closing: Promise<void> | undefined;
  /** The sender of the last datagram that dgram delivered, to be parsed once for many. */
  #sender = { text: '', address: UNSPECIFIED_IPV4 };

  constructor(socket: Socket, receive: ReceiveBatch, send: SendBatch, closeSending: () => void) {
    this.#socket = socket;
    this.#receive = receive;
    this.#send = send;
    this.#closeSending = closeSending;
    this.localPort = socket.address().port;
  }

  onDatagram(datagram: DatagramListener, drained: () => void, peers: () => number): void {
    const poll = new BusyPoll({
      now: () => performance.now(),
      receive: () => {
        // The descriptor may be closed, and its number used again, once close was called.
        if (this.#closing !== undefined) return 0;
        const count = this.#receive.receive(datagram);
        if (count > 0) drained();
        return count;
      },
      peers,
    });
    this.#socket.on('message', (bytes, { address, port }) => {
      if (address !== this.#sender.text) {
        this.#sender = { text: address, address: parseIpv4(address) ?? UNSPECIFIED_IPV4 };
      }
      datagram(bytes, this.#sender.address, port);
      drained();
      poll.run();
    });
  }

  queuePacket(peer: TransferPeer, bytes: Uint8Array): void {
    this.#send.queuePacket(peer, bytes);
  }

  queueRun(peer: TransferPeer, run: PacketRun): void {
    this.#send.queueRun(peer, run);
  }

  flush(): void {
    if (this.#closing === undefined) this.#send.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #close(): Promise<void> {
    this.#send.flush();
    this.#closeSending();
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
