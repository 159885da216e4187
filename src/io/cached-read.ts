import { accessLibc, type Libc } from './libc.ts';
import { allocatePinned } from './memory-pool.ts';
import { isLayoutKnown } from './message-layout.ts';
import type { PinnedBytes } from './transfer-socket.ts';

/** RWF_NOWAIT of <linux/fs.h>: fail rather than wait for the disk. */
const RWF_NOWAIT = 0x8;
const EOPNOTSUPP = 95;

/** Reads what the kernel has in memory, at once. */
export interface CachedReader {
  /**
   * Fills memory from `start` up to `end` with the file's octets from `position` on, as far as they can be had without
   * waiting, and returns where it stopped. `unsupported`: this file system never can.
   */
  read(fd: number, memory: PinnedBytes, start: number, end: number, position: number): number | 'unsupported';
}

/** Undefined where there is no such call. */
export function openCachedReader(): CachedReader | undefined {
  const access = accessLibc();
  if (access.kind === 'unavailable' || !isLayoutKnown()) return undefined;
  const { preadv2 } = access.libc;
  return preadv2 === undefined ? undefined : new NowaitReader(access.libc, preadv2);
}

class NowaitReader implements CachedReader {
  readonly #libc: Libc;
  readonly #preadv2: NonNullable<Libc['preadv2']>;
  /** One `struct iovec`: an address and a length of 64 bits each. */
  readonly #vector = allocatePinned(16);
  readonly #view: DataView;

  constructor(libc: Libc, preadv2: NonNullable<Libc['preadv2']>) {
    this.#libc = libc;
    this.#preadv2 = preadv2;
    const { buffer, byteOffset } = this.#vector.bytes;
    this.#view = new DataView(buffer, byteOffset, 16);
    this.#view.setUint32(12, 0, true);
  }

  read(
    fd: number,
    memory: PinnedBytes,
    start: number,
    end: number,
    position: number,
  ): number | 'unsupported' {
    let filled = start;
    while (filled < end) {
      const address = memory.address + filled;
      this.#view.setUint32(0, address % 2 ** 32, true);
      this.#view.setUint32(4, Math.floor(address / 2 ** 32), true);
      this.#view.setUint32(8, end - filled, true);
      const count = this.#preadv2(fd, this.#vector.address, 1, position + filled - start, RWF_NOWAIT);
      if (count < 0 && this.#libc.errno() === EOPNOTSUPP) return 'unsupported';
      // Not in memory, the end of the file, or an error that an ordinary read will meet as well.
      if (count <= 0) break;
      filled += count;
    }
    return filled;
  }
}
