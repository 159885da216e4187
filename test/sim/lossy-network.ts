import type { Ipv4 } from '../../src/addr/ipv4.ts';
import type {
  DatagramListener,
  PacketRun,
  TransferPeer,
  TransferSocket,
} from '../../src/io/transfer-socket.ts';
import { seededRandom, type VirtualClock } from './virtual-clock.ts';

/** What a datagram may meet on its way. Shares are out of 1. */
export interface WireConditions {
  readonly lossToClient: number;
  readonly lossToServer: number;
  readonly duplicates: number;
  /** Milliseconds that every datagram takes, and up to which more it may take at random. */
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly seed: number;
}

export const PERFECT_WIRE: WireConditions = {
  lossToClient: 0,
  lossToServer: 0,
  duplicates: 0,
  delayMs: 0.1,
  jitterMs: 0,
  seed: 1,
};

type ClientSocket = (bytes: Uint8Array, serverPort: number) => void;

/** A network of one server and many clients in virtual time, which loses, doubles and reorders datagrams. */
export class LossyNetwork {
  readonly clock: VirtualClock;
  /** Datagrams that were put on the wire, to clients and to the server. */
  readonly sent = { toClient: 0, toServer: 0 };
  readonly #conditions: WireConditions;
  readonly #random: () => number;
  readonly #clients = new Map<string, ClientSocket>();
  readonly #server = new Map<number, ServerSocket>();

  constructor(clock: VirtualClock, conditions: WireConditions) {
    this.clock = clock;
    this.#conditions = conditions;
    this.#random = seededRandom(conditions.seed);
  }

  /** A socket of the server. */
  bind(port: number): TransferSocket {
    const socket = new ServerSocket(port, (peer, bytes) => this.toClient(port, peer, bytes));
    this.#server.set(port, socket);
    return socket;
  }

  /** A socket of the server is gone, and what is sent to it is lost. */
  unbind(port: number): void {
    this.#server.delete(port);
  }

  connect(address: Ipv4, port: number, receive: ClientSocket): void {
    this.#clients.set(`${address}/${port}`, receive);
  }

  /** The machine is switched off. */
  disconnect(address: Ipv4, port: number): void {
    this.#clients.delete(`${address}/${port}`);
  }

  /** A datagram to the port for requests, whose receiver is not simulated. */
  request(deliver: () => void): void {
    this.sent.toServer += 1;
    this.#carry(this.#conditions.lossToServer, deliver);
  }

  toServer(serverPort: number, address: Ipv4, port: number, bytes: Uint8Array): void {
    this.sent.toServer += 1;
    this.#carry(this.#conditions.lossToServer, () => {
      this.#server.get(serverPort)?.deliver(bytes, address, port);
    });
  }

  toClient(serverPort: number, peer: TransferPeer, bytes: Uint8Array): void {
    this.sent.toClient += 1;
    this.#carry(this.#conditions.lossToClient, () => {
      this.#clients.get(`${peer.address}/${peer.port}`)?.(bytes, serverPort);
    });
  }

  #carry(loss: number, deliver: () => void): void {
    const copies = this.#random() < this.#conditions.duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random() < loss) continue;
      const { delayMs, jitterMs } = this.#conditions;
      this.clock.after(delayMs + jitterMs * this.#random(), deliver);
    }
  }
}

/** Copies what is queued at the flush and not before, as the kernel does: memory that changes too early shows. */
class ServerSocket implements TransferSocket {
  readonly batched = true;
  readonly localPort: number;
  readonly #send: (peer: TransferPeer, bytes: Uint8Array) => void;
  #datagram: DatagramListener = () => undefined;
  #drained: () => void = () => undefined;
  #queue: (() => void)[] = [];

  constructor(port: number, send: (peer: TransferPeer, bytes: Uint8Array) => void) {
    this.localPort = port;
    this.#send = send;
  }

  onDatagram(datagram: DatagramListener, drained: () => void): void {
    this.#datagram = datagram;
    this.#drained = drained;
  }

  deliver(bytes: Uint8Array, address: Ipv4, port: number): void {
    this.#datagram(bytes, address, port);
    this.#drained();
  }

  queuePacket(peer: TransferPeer, bytes: Uint8Array): void {
    const copy = bytes.slice();
    this.#queue.push(() => this.#send(peer, copy));
  }

  queueRun(peer: TransferPeer, { memory, offset, count, packetLength, lastLength }: PacketRun): void {
    this.#queue.push(() => {
      for (let index = 0; index < count; index++) {
        const start = offset + index * packetLength;
        const length = index === count - 1 ? lastLength : packetLength;
        this.#send(peer, memory.bytes.slice(start, start + length));
      }
    });
  }

  flush(): void {
    for (const send of this.#queue.splice(0)) send();
  }

  close(): Promise<void> {
    this.flush();
    return Promise.resolve();
  }
}
