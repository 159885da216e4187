import { read } from 'node:fs';
import { openCachedReader } from './cached-read.ts';
import { ioErrorFrom } from './io-error.ts';
import type { PinnedBytes } from './transfer-socket.ts';

/**
 * Reads parts of open files into memory of the caller's. What the kernel has in its memory comes at once; what must
 * be waited for takes one of libuv's threads, and only so many of them at a time, since they also flush leases.
 */
export class BoundedFileReader {
  readonly #cachedReader = openCachedReader();
  readonly #readsMax: number;
  readonly #waiting: (() => void)[] = [];
  #reading = 0;

  constructor(readsMax: number) {
    this.#readsMax = readsMax;
  }

  /**
   * Octets that were read from `position` on, `length` at most; less where less could be had at once, 0 only at the
   * end of the file. Rejects with IoError.
   */
  async read(fd: number, memory: PinnedBytes, length: number, position: number): Promise<number> {
    const cached = this.#cachedReader?.read(fd, memory, 0, length, position);
    if (typeof cached === 'number' && cached > 0) return cached;
    if (this.#reading < this.#readsMax) this.#reading += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await readWaiting(fd, memory.bytes, length, position);
    } finally {
      // The next one takes this one's place, so that nobody else slips in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#reading -= 1;
      else next();
    }
  }
}

function readWaiting(fd: number, bytes: Uint8Array, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, bytes, 0, length, position, (error, count) => {
      if (error === null) resolve(count);
      else reject(ioErrorFrom('cannot read a boot file', error));
    });
  });
}
