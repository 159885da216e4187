import type { EreBudget } from './ere-budget.ts';
import { EreGroups, type EreSpan } from './ere-groups.ts';
import type { EreNodeSets } from './ere-node-sets.ts';
import type { EreNode, EreProgram } from './ere-program.ts';
import type { EreSubject } from './ere-subject.ts';

/** Where a way leads: known before it is looked for. */
export interface WalkGoal {
  readonly start: number;
  readonly end: number;
  /** The `end` node to arrive at. */
  readonly last: EreNode;
  /** By offset from the start, the nodes from which the goal can be reached. */
  readonly useful: EreNodeSets;
}

/**
 * Goes through the automaton to the goal, at each fork by the preferred way that is useful, and gives the places of the
 * whole match and of its groups. Undefined when glibc, which never turns back either, loses its way and reports no match.
 */
export function walkToGoal(
  program: EreProgram,
  subject: EreSubject,
  goal: WalkGoal,
  budget: EreBudget,
): readonly EreSpan[] | undefined | 'out-of-steps' {
  const { start, end, last, useful } = goal;
  const groups = new EreGroups(program.groupCount);
  const choice = new WayChoice(useful);
  let node: EreNode | undefined = program.start;
  for (let position = start; position <= end && node !== undefined;) {
    groups.pass(node, position);
    if (position === end && node === last) return groups.spans({ start, end }, program.groupAliases);
    if (!budget.spend(1)) return 'out-of-steps';
    if (node.kind === 'bytes') {
      if (!subject.accepts(node, position)) return undefined;
      node = node.next;
      position++;
      choice.forget();
    } else {
      node = choice.choose(node, position - start);
    }
  }
  return undefined;
}

/** Decides where to go at forks, from what was passed since the last byte. */
class WayChoice {
  readonly #useful: EreNodeSets;
  readonly #passed = new Set<EreNode>();
  /** How many nodes in a row had been passed before. */
  #repeats = 0;
  /** Forks of a loop at which the second way is due. */
  readonly #turned = new Set<EreNode>();

  constructor(useful: EreNodeSets) {
    this.#useful = useful;
  }

  /** A byte was taken. */
  forget(): void {
    this.#passed.clear();
    this.#turned.clear();
    this.#repeats = 0;
  }

  /** The first way if it is useful; but the second when the first was tried already, so that empty loops end. */
  choose(node: EreNode, offset: number): EreNode | undefined {
    this.#repeats = this.#passed.has(node) ? this.#repeats + 1 : 0;
    this.#passed.add(node);
    const first = node.first && this.#useful.has(offset, node.first) ? node.first : undefined;
    const second = node.second && this.#useful.has(offset, node.second) ? node.second : undefined;
    if (first === undefined || second === undefined) return first ?? second;
    if (this.#repeats > this.#passed.size) return this.#takeTurns(node) ? first : second;
    return this.#passed.has(first) ? second : first;
  }

  /**
   * Some loops of empty passes do not end that way: glibc hangs at `(||a)**` on `a`. When nothing new was passed for a
   * whole round, taking turns at each fork leads everywhere in the end, and so out.
   */
  #takeTurns(fork: EreNode): boolean {
    if (this.#turned.delete(fork)) return false;
    this.#turned.add(fork);
    return true;
  }
}
