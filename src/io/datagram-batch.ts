import type { Ipv4 } from '../addr/ipv4.ts';
import { LINUX } from './kernel-socket.ts';
import type { Libc } from './libc.ts';
import { allocatePinned } from './memory-pool.ts';
import { MessageArray } from './message-array.ts';
import type { DatagramListener, PacketRun, TransferPeer } from './transfer-socket.ts';

/** Datagrams of one recvmmsg. More are left for the next one. */
const RECEIVE_MESSAGES = 64;

/** Room for one received datagram: ACK and ERROR are small, requests stay below 512 octets. */
const RECEIVE_LENGTH = 2048;

const SEND_MESSAGES = 128;
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
  readonly #messages = new MessageArray(RECEIVE_MESSAGES);
  readonly #memory = allocatePinned(RECEIVE_MESSAGES * RECEIVE_LENGTH);
  /** What came last, by its place: nearly always an ACK, as long as the one before it, so that the view serves again. */
  readonly #views: Uint8Array[];

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#views = Array.from({ length: RECEIVE_MESSAGES }, (_, index) => this.#view(index, 0));
    for (let index = 0; index < RECEIVE_MESSAGES; index++) {
      this.#messages.setMessage(index, this.#memory.address + index * RECEIVE_LENGTH, RECEIVE_LENGTH, 0);
    }
  }

  /** Hands the datagrams that wait to the listener, within bounds; returns how many there were. */
  receive(listener: DatagramListener): number {
    const { address } = this.#messages;
    const count = this.#libc.recvmmsg(this.#fd, address, RECEIVE_MESSAGES, LINUX.MSG_DONTWAIT, 0);
    for (let index = 0; index < count; index++) this.#deliver(index, listener);
    return Math.max(count, 0);
  }

  #deliver(index: number, listener: DatagramListener): void {
    const length = this.#messages.receivedLength(index);
    let bytes = this.#views[index];
    if (bytes?.length !== length) {
      bytes = this.#view(index, length);
      this.#views[index] = bytes;
    }
    listener(bytes, this.#messages.peerAddress(index), this.#messages.peerPort(index));
  }

  #view(index: number, length: number): Uint8Array {
    const start = index * RECEIVE_LENGTH;
    return this.#memory.bytes.subarray(start, start + length);
  }
}

/**
 * Collects datagrams for many peers and sends them by one sendmmsg. Packets to one peer become one message that the
 * kernel, or the network card, cuts into datagrams (UDP_SEGMENT); where it will not, they go one by one.
 */
export class SendBatch {
  readonly #libc: Libc;
  readonly #fd: number;
  /** Octets of UDP payload that fit into one packet on the interface. */
  readonly #segmentLengthMax: number;
  // One message more than is used, for those that must be sent again in pieces.
  readonly #messages = new MessageArray(SEND_MESSAGES + 1);
  readonly #scratch = allocatePinned(SCRATCH_LENGTH);
  readonly #peers: (TransferPeer | undefined)[] = new Array<TransferPeer | undefined>(SEND_MESSAGES);
  #count = 0;
  #scratchUsed = 0;
  #segmentation = true;

  constructor(libc: Libc, fd: number, segmentLengthMax: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#segmentLengthMax = segmentLengthMax;
  }

  queuePacket(peer: TransferPeer, bytes: Uint8Array): void {
    if (bytes.length > SCRATCH_LENGTH) return;
    if (this.#count === SEND_MESSAGES || this.#scratchUsed + bytes.length > SCRATCH_LENGTH) this.flush();
    this.#scratch.bytes.set(bytes, this.#scratchUsed);
    this.#addMessage(peer, this.#scratch.address + this.#scratchUsed, bytes.length, 0);
    this.#scratchUsed += bytes.length;
  }

  queueRun(peer: TransferPeer, { memory, offset, count, packetLength, lastLength }: PacketRun): void {
    const segmented = this.#segmentation && peer.segmentable && packetLength <= this.#segmentLengthMax;
    const perMessage = segmented ? Math.min(SEGMENTS_MAX, Math.floor(MESSAGE_LENGTH_MAX / packetLength)) : 1;
    for (let first = 0; first < count; first += perMessage) {
      const packets = Math.min(perMessage, count - first);
      const last = first + packets === count ? lastLength : packetLength;
      const length = (packets - 1) * packetLength + last;
      const start = memory.address + offset + first * packetLength;
      this.#addMessage(peer, start, length, packets > 1 ? packetLength : 0);
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
    this.#scratchUsed = 0;
  }

  #addMessage(peer: TransferPeer, address: number, length: number, segmentLength: number): void {
    if (this.#count === SEND_MESSAGES) this.flush();
    const index = this.#count;
    this.#count += 1;
    this.#peers[index] = peer;
    this.#messages.setPeer(index, peer.address as Ipv4, peer.port);
    this.#messages.setMessage(index, address, length, segmentLength);
  }

  /** A segmented message goes again in pieces; any other is given up. */
  #afterRefusal(index: number, errno: number): void {
    const segmentLength = this.#messages.segmentLength(index);
    if (segmentLength === 0 || (errno !== EIO && errno !== EINVAL && errno !== EMSGSIZE)) return;
    const peer = this.#peers[index];
    // A route with a smaller MTU concerns this peer; a kernel or a driver that cannot do it, everybody.
    if (errno !== EMSGSIZE) this.#segmentation = false;
    else if (peer !== undefined) peer.segmentable = false;
    const { address, length } = this.#messages.memoryOf(index);
    const spare = SEND_MESSAGES;
    if (peer !== undefined) this.#messages.setPeer(spare, peer.address as Ipv4, peer.port);
    for (let start = 0; start < length; start += segmentLength) {
      this.#messages.setMessage(spare, address + start, Math.min(segmentLength, length - start), 0);
      this.#libc.sendmmsg(this.#fd, this.#messages.messageAddress(spare), 1, LINUX.MSG_DONTWAIT);
    }
  }
}
