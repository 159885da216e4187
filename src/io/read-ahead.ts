import { close, closeSync, read } from 'node:fs';
import { openCachedReader } from './cached-read.ts';
import { allocatePinned } from './memory-pool.ts';
import type { PinnedBytes } from './transfer-socket.ts';

/** Octets of one piece of memory; a chunk of a file fills at most one, with whatever its layout adds. */
export const CHUNK_LENGTH_MAX = 73_728;

/** How those who send a file want its parts to lie in memory. */
export interface ChunkLayout {
  /** Files of one identity and one key share their chunks. */
  readonly key: string;
  /** Octets of the file in a chunk. */
  readonly chunkLength: number;
  /**
   * Called once a chunk has been read: `length` octets of the file, none behind its end, lie at the beginning of the memory.
   * All of the memory may be used.
   */
  arrange(memory: Uint8Array, index: number, length: number): void;
}

/** How much memory and how many threads reading may use. */
export interface ReadAheadOptions {
  readonly memoryBytes: number;
  /** Reads under way at once. libuv's threads also flush leases: reading must leave some of them free. */
  readonly readsMax: number;
  /** Called before memory that was handed out is used again: what was queued from it must be sent now. */
  readonly beforeReuse: () => void;
}

/** Why a part of a file cannot be read: it became shorter, or the operating system's code. */
export type ReadFailure =
  { readonly kind: 'truncated' } | { readonly kind: 'failed'; readonly osCode: string };

/** Called once when a chunk is there, or cannot be. */
export type ChunkWaiter = (failure: ReadFailure | undefined) => void;

/** A part of a file in memory. Its memory is another's as soon as `isLoaded` says so. */
export class Chunk {
  readonly memory: PinnedBytes = allocatePinned(CHUNK_LENGTH_MAX);
  file: OpenFile | undefined;
  index = -1;
  loading = false;
  /** It had to be waited for, or was read ahead of one that had: the next one probably has to be too. */
  cold = false;
  /** Used since the search for memory last came by. */
  touched = false;
  readonly waiters: ChunkWaiter[] = [];

  isLoaded(file: SharedFile, index: number): boolean {
    return this.file === file && this.index === index && !this.loading;
  }
}

/** One open file for all transfers of it that want the same layout. */
export interface SharedFile {
  /** What it is read from. */
  readonly fd: number;
  readonly size: number;
  readonly chunkLength: number;
  /** The chunk if it can be had without waiting; undefined: ask for it with `load`. */
  chunk(index: number): Chunk | undefined;
  load(index: number, waiter: ChunkWaiter): void;
  /** Reads a chunk that will be wanted soon, if memory is free for it. */
  prefetch(index: number): void;
  /** The transfer is over, and nothing of the file is queued any more; the last one closes it. */
  release(): void;
}

interface OpenFile extends SharedFile {
  readonly key: string;
  readonly layout: ChunkLayout;
  readonly chunks: Map<number, Chunk>;
  /** Whether its file system can say what it has in memory. */
  cached: boolean;
  users: number;
  reads: number;
}

/**
 * Reads files in chunks ahead of the transfers that send them. Transfers of the same file share its chunks,
 * so a rack that boots one image reads it once. Memory is bounded: when it is used up, the chunk that
 * was not used for longest gives way and is read again if somebody still wants it.
 */
export class ReadAhead {
  readonly #options: ReadAheadOptions;
  readonly #cachedReader = openCachedReader();
  readonly #files = new Map<string, OpenFile>();
  readonly #chunks: Chunk[] = [];
  readonly #chunksMax: number;
  readonly #free: Chunk[] = [];
  /** Chunks that are wanted but have no memory yet. */
  readonly #starving: { readonly file: OpenFile; readonly index: number; readonly waiter: ChunkWaiter }[] =
    [];
  /** Chunks whose reading has not begun, and how much of them is there already. */
  readonly #queue: { readonly chunk: Chunk; readonly filled: number }[] = [];
  #reading = 0;
  #hand = 0;

  constructor(options: ReadAheadOptions) {
    this.#options = options;
    this.#chunksMax = Math.max(2, Math.floor(options.memoryBytes / CHUNK_LENGTH_MAX));
  }

  /**
   * Opens a file for one more transfer. A file that is open already, by its identity, is shared: then its `fd` is
   * not this one, and the caller closes this one once nobody needs it.
   */
  open(fd: number, size: number, identity: string, layout: ChunkLayout): SharedFile {
    const key = `${layout.key}/${identity}`;
    const known = this.#files.get(key);
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    const file: OpenFile = {
      key,
      layout,
      fd,
      size,
      chunkLength: layout.chunkLength,
      chunks: new Map(),
      cached: this.#cachedReader !== undefined,
      users: 1,
      reads: 0,
      chunk: (index) => this.#find(file, index),
      load: (index, waiter) => this.#load(file, index, waiter),
      prefetch: (index) => this.#prefetch(file, index),
      release: () => this.#release(file),
    };
    this.#files.set(key, file);
    return file;
  }

  #find(file: OpenFile, index: number): Chunk | undefined {
    const chunk = file.chunks.get(index) ?? (file.cached ? this.#assign(file, index, true) : undefined);
    return chunk === undefined || chunk.loading ? undefined : chunk;
  }

  #load(file: OpenFile, index: number, waiter: ChunkWaiter): void {
    const chunk = file.chunks.get(index) ?? this.#assign(file, index, true);
    if (chunk === undefined) this.#starving.push({ file, index, waiter });
    else if (chunk.loading) chunk.waiters.push(waiter);
    else waiter(undefined);
  }

  /** What lies in the kernel's memory needs no reading ahead. */
  #prefetch(file: OpenFile, index: number): void {
    if (index * file.chunkLength >= file.size || file.chunks.has(index)) return;
    if (file.chunks.get(index - 1)?.cold === true) this.#assign(file, index, false);
  }

  /** Finds memory for a chunk and has it read. */
  #assign(file: OpenFile, index: number, urgent: boolean): Chunk | undefined {
    const chunk = this.#takeMemory(urgent);
    if (chunk === undefined) return undefined;
    chunk.file = file;
    chunk.index = index;
    file.chunks.set(index, chunk);
    const filled = this.#readCached(file, chunk);
    chunk.loading = filled < lengthOf(file, chunk);
    chunk.cold = chunk.loading;
    if (chunk.loading) {
      this.#queue.push({ chunk, filled });
      this.#readNext();
    } else {
      file.layout.arrange(chunk.memory.bytes, index, filled);
    }
    return chunk;
  }

  /** Octets of the chunk that could be had at once. */
  #readCached(file: OpenFile, chunk: Chunk): number {
    if (this.#cachedReader === undefined || !file.cached) return 0;
    const end = lengthOf(file, chunk);
    const filled = this.#cachedReader.read(file.fd, chunk.memory, 0, end, chunk.index * file.chunkLength);
    file.cached = filled !== 'unsupported';
    return filled === 'unsupported' ? 0 : filled;
  }

  #takeMemory(urgent: boolean): Chunk | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#chunks.length < this.#chunksMax) {
      const chunk = new Chunk();
      this.#chunks.push(chunk);
      return chunk;
    }
    // The clock algorithm: twice around at most, since the first round clears the marks. Reading ahead takes
    // only what lies unused close by.
    const steps = urgent ? 2 * this.#chunks.length : 64;
    for (let step = 0; step < steps; step++) {
      this.#hand = (this.#hand + 1) % this.#chunks.length;
      const chunk = this.#chunks[this.#hand];
      if (chunk === undefined || chunk.loading) continue;
      if (chunk.touched) {
        if (urgent) chunk.touched = false;
        continue;
      }
      this.#options.beforeReuse();
      this.#forget(chunk);
      return chunk;
    }
    return undefined;
  }

  #forget(chunk: Chunk): void {
    chunk.file?.chunks.delete(chunk.index);
    chunk.file = undefined;
    chunk.index = -1;
    chunk.touched = false;
  }

  #readNext(): void {
    while (this.#reading < this.#options.readsMax) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      const { chunk, filled } = next;
      if (chunk.file === undefined) continue;
      this.#reading += 1;
      this.#read(chunk.file, chunk, filled);
    }
  }

  #read(file: OpenFile, chunk: Chunk, filled: number): void {
    const start = chunk.index * file.chunkLength;
    const wanted = lengthOf(file, chunk);
    file.reads += 1;
    read(file.fd, chunk.memory.bytes, filled, wanted - filled, start + filled, (error, count) => {
      file.reads -= 1;
      if (error === null && count > 0 && filled + count < wanted) {
        this.#read(file, chunk, filled + count);
        return;
      }
      this.#reading -= 1;
      const failure: ReadFailure | undefined =
        error !== null
          ? { kind: 'failed', osCode: error.code ?? error.message }
          : filled + count < wanted
            ? { kind: 'truncated' }
            : undefined;
      this.#loaded(file, chunk, failure);
    });
  }

  #loaded(file: OpenFile, chunk: Chunk, failure: ReadFailure | undefined): void {
    chunk.loading = false;
    chunk.touched = true;
    const waiters = chunk.waiters.splice(0);
    if (file.users === 0) this.#closeIdle(file);
    else if (failure !== undefined) this.#recycle(chunk);
    else file.layout.arrange(chunk.memory.bytes, chunk.index, lengthOf(file, chunk));
    for (const waiter of waiters) waiter(failure);
    this.#feedStarving();
    this.#readNext();
  }

  #release(file: OpenFile): void {
    file.users -= 1;
    if (file.users > 0) return;
    this.#files.delete(file.key);
    this.#closeIdle(file);
    this.#feedStarving();
  }

  /** Gives everything back that no read is using; the last read comes back here. */
  #closeIdle(file: OpenFile): void {
    for (const chunk of [...file.chunks.values()]) {
      if (chunk.loading && !this.#cancel(chunk)) continue;
      this.#recycle(chunk);
    }
    if (file.reads === 0) closeLater(file.fd);
  }

  /** Takes a chunk out of the queue of those whose reading has not begun. */
  #cancel(chunk: Chunk): boolean {
    const place = this.#queue.findIndex((queued) => queued.chunk === chunk);
    if (place < 0) return false;
    this.#queue.splice(place, 1);
    chunk.loading = false;
    chunk.waiters.length = 0;
    return true;
  }

  #recycle(chunk: Chunk): void {
    this.#forget(chunk);
    this.#free.push(chunk);
  }

  #feedStarving(): void {
    for (let next = this.#starving.shift(); next !== undefined; next = this.#starving.shift()) {
      const { file, index, waiter } = next;
      if (file.users === 0) continue;
      const chunk = file.chunks.get(index) ?? this.#assign(file, index, true);
      if (chunk === undefined) {
        this.#starving.unshift(next);
        return;
      }
      if (chunk.loading) chunk.waiters.push(waiter);
      else waiter(undefined);
    }
  }
}

/** Octets of a chunk; the last one of a file may be shorter. */
function lengthOf(file: OpenFile, chunk: Chunk): number {
  return Math.min(file.chunkLength, file.size - chunk.index * file.chunkLength);
}

/** Closing a file that was only read has no failure that anybody could act upon. */
function closeLater(fd: number): void {
  close(fd, () => undefined);
}

/** Closes a second descriptor of a file that stays open: that waits for no disk, and a thread would cost more. */
export function closeSurplus(fd: number): void {
  closeSync(fd);
}
