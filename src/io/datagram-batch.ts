import type { Ipv4 } from '../addr/ipv4.ts';
import { LINUX } from './kernel-socket.ts';
import type { Libc } from './libc.ts';
import { allocatePinned } from './memory-pool.ts';
import { MessageArray } from './message-array.ts';
import type { BlockRun, DatagramListener, TransferPeer } from './transfer-socket.ts';

/** Datagrams of one recvmmsg. More would be read in the next round. */
const RECEIVE_MESSAGES = 64;

/** Room for one received datagram: ACK and ERROR are small, requests stay below 512 octets. */
const RECEIVE_LENGTH = 2048;

/** Rounds of recvmmsg before the event loop gets its turn again. */
const RECEIVE_ROUNDS = 4;

const SEND_MESSAGES = 128;
const SEND_VECTORS = 2048;
const HEADER_LENGTH = 4;
const SCRATCH_LENGTH = 65_536;

/** The kernel's UDP_MAX_SEGMENTS was 64 for long, and is 128 now. */
const SEGMENTS_MAX = 64;

/** Octets of one UDP datagram over IPv4 at most, segmented or not. */
const MESSAGE_LENGTH_MAX = 65_507;

/** errno values of Linux that say something about one message. */
const EIO = 5;
const EINVAL = 22;
const EMSGSIZE = 90;

/** Receives what waits in a socket by few system calls. */
export class ReceiveBatch {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #messages = new MessageArray(RECEIVE_MESSAGES, RECEIVE_MESSAGES);
  readonly #memory = allocatePinned(RECEIVE_MESSAGES * RECEIVE_LENGTH);

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    for (let index = 0; index < RECEIVE_MESSAGES; index++) {
      this.#messages.setVector(index, this.#memory.address + index * RECEIVE_LENGTH, RECEIVE_LENGTH);
      this.#messages.setMessage(index, index, 1, 0);
    }
  }

  /** Hands every datagram that waits to the listener, within bounds; returns how many there were. */
  drain(listener: DatagramListener): number {
    let total = 0;
    for (let round = 0; round < RECEIVE_ROUNDS; round++) {
      const count = this.#libc.recvmmsg(
        this.#fd,
        this.#messages.address,
        RECEIVE_MESSAGES,
        LINUX.MSG_DONTWAIT,
        0,
      );
      for (let index = 0; index < count; index++) this.#deliver(index, listener);
      if (count > 0) total += count;
      if (count < RECEIVE_MESSAGES) break;
    }
    return total;
  }

  #deliver(index: number, listener: DatagramListener): void {
    const start = index * RECEIVE_LENGTH;
    const bytes = this.#memory.bytes.subarray(start, start + this.#messages.receivedLength(index));
    listener(bytes, this.#messages.peerAddress(index), this.#messages.peerPort(index));
  }
}

/**
 * Collects datagrams for many peers and sends them by one sendmmsg. Blocks to one peer become one message that the
 * kernel, or the network card, cuts into datagrams (UDP_SEGMENT); where it will not, they go one by one.
 */
export class SendBatch {
  readonly #libc: Libc;
  readonly #fd: number;
  /** Octets of UDP payload that fit into one packet on the interface. */
  readonly #segmentLengthMax: number;
  // One message more than is used, for those that must be sent again in pieces.
  readonly #messages = new MessageArray(SEND_MESSAGES + 1, SEND_VECTORS);
  readonly #headers = allocatePinned((SEND_VECTORS / 2) * HEADER_LENGTH);
  readonly #headerView: DataView;
  readonly #scratch = allocatePinned(SCRATCH_LENGTH);
  readonly #peers: (TransferPeer | undefined)[] = new Array<TransferPeer | undefined>(SEND_MESSAGES);
  #count = 0;
  #vectors = 0;
  #headersUsed = 0;
  #scratchUsed = 0;
  #segmentation = true;

  constructor(libc: Libc, fd: number, segmentLengthMax: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#segmentLengthMax = segmentLengthMax;
    const { buffer, byteOffset, byteLength } = this.#headers.bytes;
    this.#headerView = new DataView(buffer, byteOffset, byteLength);
  }

  queuePacket(peer: TransferPeer, bytes: Uint8Array): void {
    if (bytes.length > SCRATCH_LENGTH) return;
    if (this.#scratchUsed + bytes.length > SCRATCH_LENGTH) this.flush();
    this.#reserve(1);
    this.#scratch.bytes.set(bytes, this.#scratchUsed);
    this.#messages.setVector(this.#vectors, this.#scratch.address + this.#scratchUsed, bytes.length);
    this.#scratchUsed += bytes.length;
    this.#vectors += 1;
    this.#endMessage(peer, 1, 0);
  }

  queueRun(peer: TransferPeer, run: BlockRun): void {
    const datagram = HEADER_LENGTH + run.blockSize;
    const segmented = this.#segmentation && peer.segmentable && datagram <= this.#segmentLengthMax;
    const perMessage = segmented ? Math.min(SEGMENTS_MAX, Math.floor(MESSAGE_LENGTH_MAX / datagram)) : 1;
    for (let first = 0; first < run.count; first += perMessage) {
      const count = Math.min(perMessage, run.count - first);
      this.#reserve(2 * count);
      for (let index = first; index < first + count; index++) {
        this.#addBlock(run, index, index === run.count - 1 ? run.lastLength : run.blockSize);
      }
      this.#endMessage(peer, 2 * count, count > 1 ? datagram : 0);
    }
  }

  /** Hands everything to the kernel. A message that it refuses is passed over, as if the wire had lost it. */
  flush(): void {
    let next = 0;
    while (next < this.#count) {
      const sent = this.#libc.sendmmsg(
        this.#fd,
        this.#messages.messageAddress(next),
        this.#count - next,
        LINUX.MSG_DONTWAIT,
      );
      if (sent > 0) {
        next += sent;
        continue;
      }
      const errno = this.#libc.errno();
      if (errno === LINUX.EINTR) continue;
      // No room in the socket's send buffer: what is left is made up for by the timers.
      if (errno === LINUX.EAGAIN) break;
      this.#afterRefusal(next, errno);
      next += 1;
    }
    this.#count = 0;
    this.#vectors = 0;
    this.#headersUsed = 0;
    this.#scratchUsed = 0;
  }

  #addBlock(run: BlockRun, index: number, length: number): void {
    const header = this.#headersUsed * HEADER_LENGTH;
    this.#headersUsed += 1;
    this.#headerView.setUint32(header, run.header + index);
    this.#messages.setVector(this.#vectors, this.#headers.address + header, HEADER_LENGTH);
    const start = run.memory.address + run.offset + index * run.blockSize;
    this.#messages.setVector(this.#vectors + 1, start, length);
    this.#vectors += 2;
  }

  #reserve(vectors: number): void {
    if (this.#count >= SEND_MESSAGES || this.#vectors + vectors > SEND_VECTORS) this.flush();
  }

  #endMessage(peer: TransferPeer, vectors: number, segmentLength: number): void {
    const index = this.#count;
    this.#count += 1;
    this.#peers[index] = peer;
    this.#messages.setPeer(index, peer.address as Ipv4, peer.port);
    this.#messages.setMessage(index, this.#vectors - vectors, vectors, segmentLength);
  }

  /** A segmented message goes again in pieces; any other is given up. */
  #afterRefusal(index: number, errno: number): void {
    const segmented = this.#messages.segmentLength(index) > 0;
    if (!segmented || (errno !== EIO && errno !== EINVAL && errno !== EMSGSIZE)) return;
    const peer = this.#peers[index];
    // A route with a smaller MTU concerns this peer; a kernel or a driver that cannot do it, everybody.
    if (errno !== EMSGSIZE) this.#segmentation = false;
    else if (peer !== undefined) peer.segmentable = false;
    const { first, count } = this.#messages.vectorsOf(index);
    const spare = SEND_MESSAGES;
    if (peer !== undefined) this.#messages.setPeer(spare, peer.address as Ipv4, peer.port);
    for (let vector = first; vector < first + count; vector += 2) {
      this.#messages.setMessage(spare, vector, 2, 0);
      this.#libc.sendmmsg(this.#fd, this.#messages.messageAddress(spare), 1, LINUX.MSG_DONTWAIT);
    }
  }
}
