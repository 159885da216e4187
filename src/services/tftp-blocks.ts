import { allocatePinned } from '../io/memory-pool.ts';
import {
  CHUNK_LENGTH_MAX,
  type Chunk,
  type ChunkLayout,
  type ReadFailure,
  type SharedFile,
} from '../io/read-ahead.ts';
import type { PacketRun, PinnedBytes } from '../io/transfer-socket.ts';
import { encodeNetascii } from '../tftp/netascii.ts';
import { blocksTogether, layoutPackets, packetLengthOf, type PacketFormat } from '../tftp/packet-layout.ts';
import { lastBlockOf, wireBlock } from '../tftp/transfer.ts';
import { DATA_HEADER_LENGTH, writeDataHeader } from '../wire/tftp/tftp-packet.ts';

/** The octets of a transfer, block by block, as the DATA packets that go over the wire. */
export interface BlockSource {
  /** Infinity as long as it is not known. */
  readonly lastBlock: number;
  /** Octets of the first `blocks` blocks, for the account. */
  octetsOf(blocks: number): number;
  /** As many of the blocks `first` to `last` as lie together in memory; undefined: `wait` for the first one. */
  ready(first: number, last: number): PacketRun | undefined;
  wait(first: number, resume: (failure: ReadFailure | undefined) => void): void;
  /** Nothing of it is queued any more. */
  close(): void;
}

/** Octets that were rendered, all in memory. */
export class MemoryBlocks implements BlockSource {
  readonly lastBlock: number;
  readonly #memory: PinnedBytes;
  readonly #size: number;
  readonly #blockSize: number;

  constructor(bytes: Uint8Array, format: PacketFormat) {
    this.#size = bytes.length;
    this.#blockSize = format.blockSize;
    this.lastBlock = lastBlockOf(bytes.length, format.blockSize);
    this.#memory = allocatePinned(bytes.length + this.lastBlock * DATA_HEADER_LENGTH);
    this.#memory.bytes.set(bytes);
    layoutPackets(this.#memory.bytes, bytes.length, 1, this.lastBlock, format);
  }

  octetsOf(blocks: number): number {
    return Math.min(blocks * this.#blockSize, this.#size);
  }

  ready(first: number, last: number): PacketRun {
    const end = Math.min(last, this.lastBlock);
    const packetLength = packetLengthOf(this.#blockSize);
    return {
      memory: this.#memory,
      offset: (first - 1) * packetLength,
      count: end - first + 1,
      packetLength,
      lastLength: packetLengthOf(Math.min(this.#size - (end - 1) * this.#blockSize, this.#blockSize)),
    };
  }

  wait(_first: number, resume: (failure: ReadFailure | undefined) => void): void {
    resume(undefined);
  }

  close(): void {
    // Memory goes when nobody refers to it any more.
  }
}

/** Chunks of a file of this size as packets, for octet mode. */
export function packetLayout(size: number, { blockSize, rollover }: PacketFormat): ChunkLayout {
  const perChunk = blocksTogether(CHUNK_LENGTH_MAX, blockSize);
  const lastBlock = lastBlockOf(size, blockSize);
  // Where the numbers do not start again, it does not matter with which they would.
  const format = { blockSize, rollover: wireBlock(lastBlock, 0) === lastBlock ? 0 : rollover };
  return {
    key: `${format.blockSize}/${format.rollover}`,
    chunkLength: perChunk * blockSize,
    arrange: (memory, index, length) => {
      const before = index * perChunk;
      layoutPackets(memory, length, before + 1, Math.min(perChunk, lastBlock - before), format);
    },
  };
}

/** Chunks as they are, for what is converted on its way. */
export const PLAIN_LAYOUT: ChunkLayout = {
  key: 'plain',
  chunkLength: CHUNK_LENGTH_MAX,
  arrange: () => undefined,
};

/** A file as it is (octet mode), out of the read-ahead in a `packetLayout`. */
export class FileBlocks implements BlockSource {
  readonly lastBlock: number;
  readonly #file: SharedFile;
  readonly #blockSize: number;
  readonly #packetLength: number;
  readonly #perChunk: number;
  /** The chunk that was used last: nearly always the one that is wanted next. */
  #chunk: Chunk | undefined;

  constructor(file: SharedFile, blockSize: number) {
    this.#file = file;
    this.#blockSize = blockSize;
    this.#packetLength = packetLengthOf(blockSize);
    this.#perChunk = file.chunkLength / blockSize;
    this.lastBlock = lastBlockOf(file.size, blockSize);
  }

  octetsOf(blocks: number): number {
    return Math.min(blocks * this.#blockSize, this.#file.size);
  }

  ready(first: number, last: number): PacketRun | undefined {
    const index = this.#chunkOf(first);
    const chunk = this.#find(index);
    if (chunk === undefined) return undefined;
    const within = first - 1 - index * this.#perChunk;
    const count = Math.min(last - first + 1, this.#perChunk - within);
    const end = first + count - 1;
    const packetLength = this.#packetLength;
    const lastLength =
      end === this.lastBlock ? packetLengthOf(this.#file.size - (end - 1) * this.#blockSize) : packetLength;
    return { memory: chunk.memory, offset: within * packetLength, count, packetLength, lastLength };
  }

  wait(first: number, resume: (failure: ReadFailure | undefined) => void): void {
    this.#file.load(this.#chunkOf(first), resume);
  }

  close(): void {
    this.#chunk = undefined;
    this.#file.release();
  }

  #chunkOf(block: number): number {
    return Math.floor((block - 1) / this.#perChunk);
  }

  #find(index: number): Chunk | undefined {
    let chunk = this.#chunk;
    if (!chunk?.isLoaded(this.#file, index)) {
      chunk = this.#file.chunk(index);
      this.#chunk = chunk;
      if (chunk !== undefined) this.#file.prefetch(index + 1);
    }
    if (chunk !== undefined) chunk.touched = true;
    return chunk;
  }
}

/** Text in netascii, out of the read-ahead in the `PLAIN_LAYOUT`: converted as it goes, one block at a time and never backwards beyond the current one. */
export class NetasciiBlocks implements BlockSource {
  lastBlock = Infinity;
  readonly #file: SharedFile;
  readonly #format: PacketFormat;
  readonly #memory: PinnedBytes;
  /** The data of the packet that the memory holds. */
  readonly #data: Uint8Array;
  /** The block that the memory holds, as far as it was converted. */
  #block = 0;
  #filled = 0;
  /** Octets of the file that were converted. */
  #position = 0;
  #pending: number | undefined;
  #octets = 0;

  constructor(file: SharedFile, format: PacketFormat) {
    this.#file = file;
    this.#format = format;
    this.#memory = allocatePinned(packetLengthOf(format.blockSize));
    this.#data = this.#memory.bytes.subarray(DATA_HEADER_LENGTH);
  }

  octetsOf(blocks: number): number {
    return Math.min(blocks * this.#format.blockSize, this.#octets);
  }

  ready(first: number): PacketRun | undefined {
    if (first > this.#block) {
      this.#block = first;
      this.#filled = 0;
      writeDataHeader(this.#memory.bytes, 0, wireBlock(first, this.#format.rollover));
    }
    while (this.#filled < this.#data.length && !this.#isConverted()) {
      if (!this.#convert()) return undefined;
    }
    if (this.#filled < this.#data.length) this.lastBlock = this.#block;
    return {
      memory: this.#memory,
      offset: 0,
      count: 1,
      packetLength: this.#memory.bytes.length,
      lastLength: packetLengthOf(this.#filled),
    };
  }

  wait(_first: number, resume: (failure: ReadFailure | undefined) => void): void {
    this.#file.load(this.#chunkIndex(), resume);
  }

  close(): void {
    this.#file.release();
  }

  #isConverted(): boolean {
    return this.#position >= this.#file.size && this.#pending === undefined;
  }

  #chunkIndex(): number {
    return Math.floor(this.#position / this.#file.chunkLength);
  }

  /** Converts what one chunk holds; false when it must be waited for. */
  #convert(): boolean {
    const target = this.#data.subarray(this.#filled);
    const source = this.#source();
    if (source === undefined) return false;
    const progress = encodeNetascii(source, target, this.#pending);
    this.#pending = progress.pending;
    this.#position += progress.consumed;
    this.#filled += progress.written;
    this.#octets += progress.written;
    return true;
  }

  #source(): Uint8Array | undefined {
    if (this.#position >= this.#file.size) return new Uint8Array(0);
    const index = this.#chunkIndex();
    const chunk = this.#file.chunk(index);
    if (chunk === undefined) return undefined;
    chunk.touched = true;
    const start = index * this.#file.chunkLength;
    const end = Math.min(this.#file.chunkLength, this.#file.size - start);
    return chunk.memory.bytes.subarray(this.#position - start, end);
  }
}
