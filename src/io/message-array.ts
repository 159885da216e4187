import { ipv4FromNumber, type Ipv4 } from '../addr/ipv4.ts';
import { LINUX, SOCKADDR_IN_SIZE } from './kernel-socket.ts';
import { allocatePinned } from './memory-pool.ts';
import { IOVEC_SIZE, MMSGHDR } from './message-layout.ts';

const CMSG_SIZE = 24;

const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/** Octets of a control message that carries 16 bits, without the padding behind them. */
const CMSG_LENGTH = 18;

/**
 * An array of `struct mmsghdr` with addresses, control messages and one I/O vector each, as recvmmsg and sendmmsg take it.
 * All of it lies in one piece of memory whose pointers are written once; a message changes a few words.
 */
export class MessageArray {
  /** Of the first message. */
  readonly address: number;
  readonly #memory;
  readonly #view: DataView;
  /** The same memory as 32-bit words: twice as fast as the view for what is written with each block. */
  readonly #words: Uint32Array;
  readonly #peers: number;
  readonly #controls: number;
  readonly #vectors: number;

  constructor(messages: number) {
    this.#peers = messages * MMSGHDR.size;
    this.#controls = this.#peers + messages * SOCKADDR_IN_SIZE;
    this.#vectors = this.#controls + messages * CMSG_SIZE;
    const length = this.#vectors + messages * IOVEC_SIZE;
    // Kept here, so that it lives as long as its address is used.
    this.#memory = allocatePinned(length);
    const { bytes } = this.#memory;
    bytes.fill(0);
    this.address = this.#memory.address;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, length);
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(length / 4));
    for (let index = 0; index < messages; index++) this.#layOut(index);
  }

  #layOut(index: number): void {
    const message = index * MMSGHDR.size;
    const peer = this.#peers + index * SOCKADDR_IN_SIZE;
    const control = this.#controls + index * CMSG_SIZE;
    const vector = this.#vectors + index * IOVEC_SIZE;
    this.#setPointer(message + MMSGHDR.name, this.address + peer);
    this.#view.setUint32(message + MMSGHDR.nameLength, SOCKADDR_IN_SIZE, true);
    this.#setPointer(message + MMSGHDR.vectors, this.address + vector);
    this.#view.setUint32(message + MMSGHDR.vectorCount, 1, true);
    this.#setPointer(message + MMSGHDR.control, this.address + control);
    this.#view.setUint16(peer, LINUX.AF_INET, true);
    this.#setPointer(control, CMSG_LENGTH);
    this.#view.setUint32(control + 8, SOL_UDP, true);
    this.#view.setUint32(control + 12, UDP_SEGMENT, true);
  }

  messageAddress(index: number): number {
    return this.address + index * MMSGHDR.size;
  }

  /** Where the octets of a message lie; `segmentLength` above 0 has them cut into datagrams of that length. */
  setMessage(index: number, address: number, length: number, segmentLength: number): void {
    const vector = this.#vectors + index * IOVEC_SIZE;
    this.#setPointer(vector, address);
    this.#words[(vector + 8) >>> 2] = length;
    const message = index * MMSGHDR.size;
    this.#words[(message + MMSGHDR.controlLength) >>> 2] = segmentLength > 0 ? CMSG_SIZE : 0;
    if (segmentLength > 0) {
      this.#view.setUint16(this.#controls + index * CMSG_SIZE + 16, segmentLength, true);
    }
  }

  setPeer(index: number, address: Ipv4, port: number): void {
    const peer = this.#peers + index * SOCKADDR_IN_SIZE;
    this.#view.setUint16(peer + 2, port);
    this.#view.setUint32(peer + 4, address);
  }

  peerPort(index: number): number {
    return this.#view.getUint16(this.#peers + index * SOCKADDR_IN_SIZE + 2);
  }

  peerAddress(index: number): Ipv4 {
    return ipv4FromNumber(this.#view.getUint32(this.#peers + index * SOCKADDR_IN_SIZE + 4));
  }

  receivedLength(index: number): number {
    return this.#view.getUint32(index * MMSGHDR.size + MMSGHDR.receivedLength, true);
  }

  /** 0 for a message that is one datagram. */
  segmentLength(index: number): number {
    const controlled = this.#view.getUint32(index * MMSGHDR.size + MMSGHDR.controlLength, true) > 0;
    return controlled ? this.#view.getUint16(this.#controls + index * CMSG_SIZE + 16, true) : 0;
  }

  /** What `setMessage` was told. */
  memoryOf(index: number): { readonly address: number; readonly length: number } {
    const vector = this.#vectors + index * IOVEC_SIZE;
    const address = this.#view.getUint32(vector, true) + this.#view.getUint32(vector + 4, true) * 2 ** 32;
    return { address, length: this.#view.getUint32(vector + 8, true) };
  }

  #setPointer(offset: number, value: number): void {
    const word = offset >>> 2;
    this.#words[word] = value;
    this.#words[word + 1] = value / 2 ** 32;
  }
}
