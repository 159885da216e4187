import type { EreNode } from './ere-program.ts';

/** For each of some positions, a set of nodes. One bit a node. */
export class EreNodeSets {
  readonly #words: Uint32Array;
  readonly #wordsPerSet: number;

  constructor(positions: number, nodes: number) {
    this.#wordsPerSet = (nodes + 31) >>> 5;
    this.#words = new Uint32Array(positions * this.#wordsPerSet);
  }

  add(position: number, node: EreNode): void {
    const word = position * this.#wordsPerSet + (node.index >>> 5);
    this.#words[word] = (this.#words[word] ?? 0) | (1 << (node.index & 31));
  }

  has(position: number, node: EreNode): boolean {
    const word = this.#words[position * this.#wordsPerSet + (node.index >>> 5)] ?? 0;
    return (word & (1 << (node.index & 31))) !== 0;
  }
}
