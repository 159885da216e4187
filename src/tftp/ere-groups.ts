import type { EreNode } from './ere-program.ts';

/** Where a group began and ended; -1 for one that took no part. */
export interface EreSpan {
  readonly start: number;
  readonly end: number;
}

/** in.tftpd, and `\0` to `\9`, ask for the whole match and nine groups. */
export const SPANS_MAX = 10;

const UNSET = -1;

/**
 * The places of the groups along one way through the automaton, by glibc's rules: a group keeps its last value when a
 * later pass of a loop does not touch it, and a further pass through an optional group that takes no byte undoes
 * whatever it set.
 */
export class EreGroups {
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** The values when a group was last closed around at least one byte. */
  readonly #settledStarts: Int32Array;
  readonly #settledEnds: Int32Array;

  /** For groups 1 to `count`, of which those beyond nine are not kept. */
  constructor(count: number) {
    const slots = Math.min(count + 1, SPANS_MAX);
    this.#starts = new Int32Array(slots).fill(UNSET);
    this.#ends = new Int32Array(slots).fill(UNSET);
    this.#settledStarts = this.#starts.slice();
    this.#settledEnds = this.#ends.slice();
  }

  /** The same places, to go another way with. */
  clone(): EreGroups {
    const copy = new EreGroups(this.#starts.length - 1);
    copy.#starts.set(this.#starts);
    copy.#ends.set(this.#ends);
    copy.#settledStarts.set(this.#settledStarts);
    copy.#settledEnds.set(this.#settledEnds);
    return copy;
  }

  /** Takes note of a node passed at `position`. */
  pass(node: EreNode, position: number): void {
    if (node.group >= this.#starts.length) return;
    if (node.kind === 'open') {
      this.#starts[node.group] = position;
      this.#ends[node.group] = UNSET;
    } else if (node.kind === 'close') {
      this.#close(node, position);
    }
  }

  #close(node: EreNode, position: number): void {
    if (this.span(node.group).start < position) {
      this.#ends[node.group] = position;
      this.#settledStarts.set(this.#starts);
      this.#settledEnds.set(this.#ends);
    } else if (node.isOptional && this.#settledStarts[node.group] !== UNSET) {
      this.#starts.set(this.#settledStarts);
      this.#ends.set(this.#settledEnds);
    } else {
      this.#ends[node.group] = position;
    }
  }

  /** Where the group is now; its end is -1 while it is open. */
  span(group: number): EreSpan {
    return { start: this.#starts[group] ?? UNSET, end: this.#ends[group] ?? UNSET };
  }

  /** All that decides what the groups can still become, as a key. */
  key(): string {
    return `${this.#starts.join()};${this.#ends.join()};${this.#settledStarts.join()};${this.#settledEnds.join()}`;
  }

  /** The whole match followed by the groups; `aliases` names the group to report for each. */
  spans(whole: EreSpan, aliases: readonly number[]): readonly EreSpan[] {
    const spans = [whole];
    for (let group = 1; group < this.#starts.length; group++) spans.push(this.span(aliases[group] ?? group));
    return spans;
  }
}
