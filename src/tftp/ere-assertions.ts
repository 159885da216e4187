import type { EreNode } from './ere-program.ts';

/** Adds a node like `original`, with further assertions and no ways on. Throws when there are too many. */
export type CopyNode = (original: EreNode, assertions: number) => EreNode;

/**
 * Makes what stands behind an anchor carry its assertions, up to and including the next node that takes a byte, so
 * that a set of nodes can be checked node by node. What can be reached both with and without the anchor is there
 * twice. `nodes` grows while copies are added to it.
 *
 * The order in which anchors are treated decides the numbers of the copies, and with them which groups are reported:
 * it is that of glibc, a depth-first walk from each node in turn. Like there, an anchor within the second or a later
 * pass of a repetition is passed over, so `(^a)+` lets `aa` go on to the second `a`.
 */
export function inheritAssertions(nodes: readonly EreNode[], copy: CopyNode): void {
  const spreader = new AssertionSpreader(copy);
  const seen = new Set<EreNode>();
  for (const root of nodes) {
    const stack = [root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      if (node.assertions !== 0 && node.first?.isCopy === false) spreader.spread(node);
      if (node.kind === 'back-reference') continue;
      if (node.second !== undefined) stack.push(node.second);
      if (node.first !== undefined) stack.push(node.first);
    }
  }
}

/** A node whose ways on are still to be given to its copy. */
interface Pending {
  readonly original: EreNode;
  readonly copy: EreNode;
  readonly assertions: number;
}

class AssertionSpreader {
  readonly #copy: CopyNode;
  readonly #copies = new Map<EreNode, Map<number, EreNode>>();

  constructor(copy: CopyNode) {
    this.#copy = copy;
  }

  /** Copies what can be reached from an anchor without a byte, and leads the anchor there. */
  spread(anchor: EreNode): void {
    const secondWays: Pending[] = [];
    let here: Pending | undefined = { original: anchor, copy: anchor, assertions: anchor.assertions };
    while (here !== undefined) {
      here = this.#follow(here, anchor, secondWays) ?? this.#takeSecond(secondWays.pop());
    }
  }

  /** Gives the copy its first way on; what to treat next, or undefined at the end of this way. */
  #follow(here: Pending, anchor: EreNode, secondWays: Pending[]): Pending | undefined {
    const { original, copy } = here;
    if (original.kind === 'back-reference') {
      copy.next = original.next;
      return original.next && this.#lead(copy, original.next, here.assertions);
    }
    const { first, second } = original;
    if (first === undefined) {
      copy.next = original.next;
      return undefined;
    }
    if (second === undefined) {
      if (original === anchor && copy !== anchor) {
        copy.first = first; // a loop of empty passes has come back to the anchor
        return undefined;
      }
      return this.#lead(copy, first, here.assertions | original.assertions);
    }
    const known = this.#copies.get(first)?.get(here.assertions);
    if (known !== undefined) {
      copy.first = known;
      return this.#takeSecond(here);
    }
    secondWays.push(here);
    return this.#lead(copy, first, here.assertions);
  }

  #takeSecond(here: Pending | undefined): Pending | undefined {
    const second = here?.original.second;
    if (here === undefined || second === undefined) return undefined;
    const target = this.#makeCopy(second, here.assertions);
    here.copy.second = target;
    return { original: second, copy: target, assertions: here.assertions };
  }

  #lead(from: EreNode, original: EreNode, assertions: number): Pending {
    const copy = this.#makeCopy(original, assertions);
    from.first = copy;
    return { original, copy, assertions };
  }

  #makeCopy(original: EreNode, assertions: number): EreNode {
    const copy = this.#copy(original, assertions);
    let known = this.#copies.get(original);
    if (known === undefined) this.#copies.set(original, (known = new Map<number, EreNode>()));
    known.set(copy.assertions, copy);
    return copy;
  }
}
