/**
 * Where everything in one input comes from. The numbers follow from the seed, the target and the number of the input alone, so
 * that any input can be made again without those before it (sfc32).
 */
export class FuzzRandom {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number, target: string, iteration: number) {
    this.#a = seed | 0;
    this.#b = hashOf(target);
    this.#c = iteration | 0;
    for (let round = 0; round < 12; round += 1) this.uint32();
  }

  /** 0 to 2 ** 32 - 1. */
  uint32(): number {
    const result = (((this.#a + this.#b) | 0) + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * limit);
  }

  /** 0 to `limit` - 1, mostly small. */
  small(limit: number): number {
    return this.below(1 + this.below(limit));
  }

  chance(share: number): boolean {
    return this.uint32() < share * 2 ** 32;
  }

  pick<Item>(list: readonly Item[]): Item {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  octets(count: number): Uint8Array {
    const octets = new Uint8Array(count);
    for (let at = 0; at < count; at += 1) octets[at] = this.uint32();
    return octets;
  }
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}
