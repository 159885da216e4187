import type { EreBudget } from './ere-budget.ts';
import type { EreSpan } from './ere-groups.ts';
import { EreNodeSets } from './ere-node-sets.ts';
import type { EreNode, EreProgram } from './ere-program.ts';
import { holdsAfter, holdsBefore, type EreSubject } from './ere-subject.ts';
import { walkToGoal } from './ere-walk.ts';

/** The whole match and its groups, or why there are none. */
export type EreOutcome =
  { readonly kind: 'match'; readonly spans: readonly EreSpan[] } | { readonly kind: 'none' | 'out-of-steps' };

/** The end of the longest match from one start. */
interface LongestMatch {
  readonly end: number;
  /** For each position from the start, the nodes that can be reached there. */
  readonly reached: readonly (readonly EreNode[])[];
  /** The `end` node that was reached there, the one with the lowest number of several. */
  readonly last: EreNode;
}

const NONE: EreOutcome = { kind: 'none' };
const OUT_OF_STEPS: EreOutcome = { kind: 'out-of-steps' };

/**
 * Matches patterns without back-references, in time proportional to the pattern times the subject, by following all
 * ways at once: where the leftmost match begins, where the longest from there ends, and which way leads exactly there.
 * Gives what regexec(3) of glibc gives, oddities included.
 */
export class EreMatcher {
  readonly #program: EreProgram;
  /** Which nodes were visited in the pass under way: those marked with its number. */
  readonly #marks: Float64Array;
  #mark = 0;

  constructor(program: EreProgram) {
    this.#program = program;
    this.#marks = new Float64Array(program.nodes.length);
  }

  match(subject: EreSubject, budget: EreBudget): EreOutcome {
    let start = this.#findCandidate(subject, 0);
    while (start !== undefined) {
      const longest = this.#findLongest(subject, start, budget);
      if (longest === 'out-of-steps') return OUT_OF_STEPS;
      const outcome = longest && this.#findGroups(subject, start, longest, budget);
      if (outcome !== undefined) return outcome;
      // Most names match where they first can, so only now are the other places searched, all in one pass.
      const further = this.#findStart(subject, start + 1, budget);
      if (further === 'out-of-steps') return OUT_OF_STEPS;
      start = further;
    }
    return NONE;
  }

  /** The first position not before `from` where a match can begin, going by the byte that stands there. */
  #findCandidate(subject: EreSubject, from: number): number | undefined {
    const { firstBytes, isAnchored } = this.#program;
    const last = isAnchored ? 0 : subject.length;
    for (let position = from; position <= last; position++) {
      if (firstBytes === undefined || firstBytes[subject.bytes[position] ?? -1] === 1) return position;
    }
    return undefined;
  }

  /** The leftmost position not before `from` where a match begins. */
  #findStart(subject: EreSubject, from: number, budget: EreBudget): number | undefined | 'out-of-steps' {
    let best: number | undefined;
    // Nodes that can be reached, and where the way to each began: of two ways to a node only the earlier counts.
    let current: EreNode[] = [];
    let begins: number[] = [];
    let candidate = this.#findCandidate(subject, from);
    this.#mark++;
    for (let position = candidate ?? Infinity; position <= subject.length; position++) {
      if (best === undefined && position === candidate) {
        this.#addClosure(this.#program.start, current, subject.factsBefore(position, position));
        while (begins.length < current.length) begins.push(position);
        candidate = this.#findCandidate(subject, position + 1);
      }
      if (!budget.spend(current.length + 1)) return 'out-of-steps';
      const next: EreNode[] = [];
      const nextBegins: number[] = [];
      const factsBefore = subject.factsBefore(position + 1, from);
      this.#mark++;
      let nth = 0;
      for (const node of current) {
        const begin = begins[nth++] ?? position;
        if (best !== undefined && begin >= best) break; // they are in order
        if (node.kind === 'end') {
          if (holdsAfter(node, subject.factsAfter(position))) best = begin;
        } else if (node.next !== undefined && subject.acceptsInSearch(node, position)) {
          this.#addClosure(node.next, next, factsBefore);
          while (nextBegins.length < next.length) nextBegins.push(begin);
        }
      }
      if (next.length === 0 && best !== undefined) break;
      current = next;
      begins = nextBegins;
    }
    return best;
  }

  #findLongest(
    subject: EreSubject,
    start: number,
    budget: EreBudget,
  ): LongestMatch | undefined | 'out-of-steps' {
    const reached: (readonly EreNode[])[] = [];
    let longest: Omit<LongestMatch, 'reached'> | undefined;
    let current: EreNode[] = [];
    this.#mark++;
    this.#addClosure(this.#program.start, current, subject.factsBefore(start, start));
    for (let position = start; current.length > 0; position++) {
      if (!budget.spend(current.length)) return 'out-of-steps';
      reached.push(current);
      const last = findEnd(current, subject.factsAfter(position));
      if (last !== undefined) longest = { end: position, last };
      const next: EreNode[] = [];
      const factsBefore = subject.factsBefore(position + 1, start);
      this.#mark++;
      for (const node of current) {
        if (node.next !== undefined && subject.acceptsInSearch(node, position)) {
          this.#addClosure(node.next, next, factsBefore);
        }
      }
      current = next;
    }
    return longest && { ...longest, reached };
  }

  /** Undefined when no way leads to the end after all; glibc then goes on to the next start. */
  #findGroups(
    subject: EreSubject,
    start: number,
    longest: LongestMatch,
    budget: EreBudget,
  ): EreOutcome | undefined {
    const whole = { start, end: longest.end };
    if (this.#program.groupCount === 0) return { kind: 'match', spans: [whole] };
    const positions = longest.end - start + 1;
    if (!budget.spend((positions * this.#program.nodes.length) >>> 5)) return OUT_OF_STEPS;
    const useful = new EreNodeSets(positions, this.#program.nodes.length);
    if (this.#program.hasForks) {
      const found = this.#siftUseful(subject, start, longest, useful, budget);
      if (found !== 'found') return found === 'none' ? undefined : OUT_OF_STEPS;
    } else {
      longest.reached.slice(0, positions).forEach((nodes, offset) => {
        for (const node of nodes) useful.add(offset, node);
      });
    }
    const goal = { start, end: longest.end, last: longest.last, useful };
    const spans = walkToGoal(this.#program, subject, goal, budget);
    if (spans === 'out-of-steps') return OUT_OF_STEPS;
    return spans === undefined ? NONE : { kind: 'match', spans };
  }

  /** From the end backwards: which of the nodes reached lead to it. Offsets count from the start. */
  #siftUseful(
    subject: EreSubject,
    start: number,
    { end, last, reached }: LongestMatch,
    useful: EreNodeSets,
    budget: EreBudget,
  ): 'found' | 'none' | 'out-of-steps' {
    let targets: EreNode[] = [last];
    for (let offset = end - start; targets.length > 0; offset--) {
      const visited = this.#markSources(targets);
      for (const node of reached[offset] ?? []) {
        if (this.#marks[node.index] === this.#mark) useful.add(offset, node);
      }
      if (offset === 0) return 'found';
      const before = reached[offset - 1] ?? [];
      if (!budget.spend(visited + before.length)) return 'out-of-steps';
      targets = before.filter(
        (node) =>
          node.next !== undefined &&
          useful.has(offset, node.next) &&
          subject.accepts(node, start + offset - 1),
      );
    }
    return 'none';
  }

  /**
   * Appends what can be reached from a node without a byte. A node whose assertions do not hold is left out, but
   * what stands behind it is not: that carries the assertions itself.
   */
  #addClosure(from: EreNode, list: EreNode[], factsBefore: number): void {
    if (this.#marks[from.index] === this.#mark) return;
    this.#marks[from.index] = this.#mark;
    if (from.kind === 'bytes') {
      if (holdsBefore(from, factsBefore)) list.push(from);
      return;
    }
    const stack = [from];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (holdsBefore(node, factsBefore)) list.push(node);
      for (const target of [node.first, node.second]) {
        if (target === undefined || this.#marks[target.index] === this.#mark) continue;
        this.#marks[target.index] = this.#mark;
        stack.push(target);
      }
    }
  }

  /** Marks the nodes from which one of the targets can be reached without a byte; gives how many. */
  #markSources(targets: readonly EreNode[]): number {
    this.#mark++;
    let visited = 0;
    const stack = [...targets];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (this.#marks[node.index] === this.#mark) continue;
      this.#marks[node.index] = this.#mark;
      visited++;
      for (const source of node.sources) stack.push(source);
    }
    return visited;
  }
}

/** The `end` node that may be left at this position; of several, glibc takes the one with the lowest number. */
function findEnd(nodes: readonly EreNode[], factsAfter: number): EreNode | undefined {
  let found: EreNode | undefined;
  for (const node of nodes) {
    if (node.kind !== 'end' || !holdsAfter(node, factsAfter)) continue;
    if (found === undefined || node.index < found.index) found = node;
  }
  return found;
}
