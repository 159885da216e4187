/** Large enough that making one hardly counts, small enough that a view that is kept for long holds little. */
const SLAB_LENGTH = 65_536;

/**
 * Memory for many small things that do not live long, cut from large pieces. A piece of its own for each datagram would cost
 * a microsecond to make, and as much again for the garbage collector. Zeroed, and never used twice: a piece goes when nobody
 * refers to any part of it.
 */
export class OctetSlab {
  #memory = new ArrayBuffer(0);
  #used = 0;

  /** So many octets, all zero. */
  readonly take = (length: number): Uint8Array => {
    if (this.#used + length > this.#memory.byteLength) {
      this.#memory = new ArrayBuffer(Math.max(SLAB_LENGTH, length));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return new Uint8Array(this.#memory, start, length);
  };
}
