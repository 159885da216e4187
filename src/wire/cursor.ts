import { ipv4FromNumber, type Ipv4 } from '../addr/ipv4.ts';
import { WireError } from './wire-error.ts';

/**
 * Reads a message front to back. Every read is checked: one that runs past the end throws WireError `truncated`,
 * never a RangeError, and leaves the position where it was.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  /** Little-endian, as IPMI has it. */
  uint16le(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  /** Little-endian, as IPMI has it. */
  uint32le(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  ipv4(): Ipv4 {
    return ipv4FromNumber(this.uint32());
  }

  /** A view of the next octets, not a copy: whoever keeps it longer than the datagram copies it. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A view of everything that is left. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** The octets up to the next NUL, which is read too; WireError `bad-text` when there is none. */
  untilNul(): Uint8Array {
    const end = this.#bytes.indexOf(0, this.#offset);
    if (end < 0) throw new WireError('bad-text', `no NUL after offset ${this.#offset}`);
    const text = this.bytes(end - this.#offset);
    this.#offset += 1;
    return text;
  }

  skip(length: number): void {
    this.#advance(length);
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (length < 0 || length > this.remaining) {
      throw new WireError('truncated', `${length} octets wanted at offset ${start}, ${this.remaining} left`);
    }
    this.#offset = start + length;
    return start;
  }
}

/**
 * Writes a message front to back into memory that grows as needed, up to `limit` octets; a write beyond the limit
 * throws WireError `too-long`. Numbers are cut to their width, as DataView does.
 */
export class ByteWriter {
  readonly #limit: number;
  #bytes: Uint8Array;
  #view: DataView;
  #offset = 0;

  constructor(limit = 65_535, initialCapacity = 64) {
    this.#limit = limit;
    this.#bytes = new Uint8Array(Math.min(initialCapacity, limit));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#offset;
  }

  /** How many octets may still be written. */
  get room(): number {
    return this.#limit - this.#offset;
  }

  uint8(value: number): this {
    const start = this.#reserve(1);
    this.#view.setUint8(start, value);
    return this;
  }

  uint16(value: number): this {
    const start = this.#reserve(2);
    this.#view.setUint16(start, value);
    return this;
  }

  uint32(value: number): this {
    const start = this.#reserve(4);
    this.#view.setUint32(start, value);
    return this;
  }

  /** Little-endian, as IPMI has it. */
  uint16le(value: number): this {
    const start = this.#reserve(2);
    this.#view.setUint16(start, value, true);
    return this;
  }

  /** Little-endian, as IPMI has it. */
  uint32le(value: number): this {
    const start = this.#reserve(4);
    this.#view.setUint32(start, value, true);
    return this;
  }

  bytes(value: Uint8Array): this {
    const start = this.#reserve(value.length);
    this.#bytes.set(value, start);
    return this;
  }

  zeros(count: number): this {
    const start = this.#reserve(count);
    this.#bytes.fill(0, start, start + count);
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#offset);
  }

  #reserve(count: number): number {
    const start = this.#offset;
    const end = start + count;
    if (end > this.#limit) throw new WireError('too-long', `${end} octets, ${this.#limit} allowed`);
    if (end > this.#bytes.length) this.#grow(end);
    this.#offset = end;
    return start;
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#bytes.length * 2)));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
