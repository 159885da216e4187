import { allocatePinned, copyPinned } from '../io/memory-pool.ts';
import { CHUNK_LENGTH_MAX, type Chunk, type ReadFailure, type SharedFile } from '../io/read-ahead.ts';
import type { PinnedBytes } from '../io/transfer-socket.ts';
import { encodeNetascii } from '../tftp/netascii.ts';
import { lastBlockOf } from '../tftp/transfer.ts';

/** Blocks that lie one behind the other in memory, ready to be sent. */
export interface ReadyBlocks {
  readonly memory: PinnedBytes;
  readonly offset: number;
  readonly count: number;
  /** Octets of the last one of them. */
  readonly lastLength: number;
}

/** The octets of a transfer, block by block. */
export interface BlockSource {
  /** Infinity as long as it is not known. */
  readonly lastBlock: number;
  /** Octets of the first `blocks` blocks, for the account. */
  octetsOf(blocks: number): number;
  /** As many of the blocks `first` to `last` as lie together in memory; undefined: `wait` for the first one. */
  ready(first: number, last: number): ReadyBlocks | undefined;
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

  constructor(bytes: Uint8Array, blockSize: number) {
    this.#memory = copyPinned(bytes);
    this.#size = bytes.length;
    this.#blockSize = blockSize;
    this.lastBlock = lastBlockOf(bytes.length, blockSize);
  }

  octetsOf(blocks: number): number {
    return Math.min(blocks * this.#blockSize, this.#size);
  }

  ready(first: number, last: number): ReadyBlocks {
    const end = Math.min(last, this.lastBlock);
    const offset = (first - 1) * this.#blockSize;
    const lastLength = end === this.lastBlock ? this.#size - (end - 1) * this.#blockSize : this.#blockSize;
    return { memory: this.#memory, offset, count: end - first + 1, lastLength };
  }

  wait(_first: number, resume: (failure: ReadFailure | undefined) => void): void {
    resume(undefined);
  }

  close(): void {
    // Memory goes when nobody refers to it any more.
  }
}

/** Octets of the longest chunk that holds whole blocks only, so that no block lies in two chunks. */
export function chunkLengthFor(blockSize: number): number {
  return Math.floor(CHUNK_LENGTH_MAX / blockSize) * blockSize;
}

/** A file as it is (octet mode), out of the read-ahead. */
export class FileBlocks implements BlockSource {
  readonly lastBlock: number;
  readonly #file: SharedFile;
  readonly #blockSize: number;
  readonly #perChunk: number;
  /** The chunk that was used last: nearly always the one that is wanted next. */
  #chunk: Chunk | undefined;

  constructor(file: SharedFile, blockSize: number) {
    this.#file = file;
    this.#blockSize = blockSize;
    this.#perChunk = file.chunkLength / blockSize;
    this.lastBlock = lastBlockOf(file.size, blockSize);
  }

  octetsOf(blocks: number): number {
    return Math.min(blocks * this.#blockSize, this.#file.size);
  }

  ready(first: number, last: number): ReadyBlocks | undefined {
    const index = this.#chunkOf(first);
    const within = first - 1 - index * this.#perChunk;
    const count = Math.min(last - first + 1, this.#perChunk - within);
    const end = first + count - 1;
    const lastLength =
      end === this.lastBlock ? this.#file.size - (end - 1) * this.#blockSize : this.#blockSize;
    // The empty block behind a file of whole chunks: there is nothing to read.
    if (count === 1 && lastLength === 0) return { memory: NOTHING, offset: 0, count, lastLength };
    const chunk = this.#find(index);
    if (chunk === undefined) return undefined;
    return { memory: chunk.memory, offset: within * this.#blockSize, count, lastLength };
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

const NOTHING = allocatePinned(1);

/** Text in netascii: converted as it goes, one block at a time and never backwards beyond the current one. */
export class NetasciiBlocks implements BlockSource {
  lastBlock = Infinity;
  readonly #file: SharedFile;
  readonly #blockSize: number;
  readonly #memory: PinnedBytes;
  /** The block that the memory holds, as far as it was converted. */
  #block = 0;
  #filled = 0;
  /** Octets of the file that were converted. */
  #position = 0;
  #pending: number | undefined;
  #octets = 0;

  constructor(file: SharedFile, blockSize: number) {
    this.#file = file;
    this.#blockSize = blockSize;
    this.#memory = allocatePinned(blockSize);
  }

  octetsOf(blocks: number): number {
    return Math.min(blocks * this.#blockSize, this.#octets);
  }

  ready(first: number): ReadyBlocks | undefined {
    if (first > this.#block) {
      this.#block = first;
      this.#filled = 0;
    }
    while (this.#filled < this.#blockSize && !this.#isConverted()) {
      if (!this.#convert()) return undefined;
    }
    if (this.#filled < this.#blockSize) this.lastBlock = this.#block;
    return { memory: this.#memory, offset: 0, count: 1, lastLength: this.#filled };
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
    const target = this.#memory.bytes.subarray(this.#filled, this.#blockSize);
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
