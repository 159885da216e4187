import { inheritAssertions } from './ere-assertions.ts';
import { EreError } from './ere-error.ts';
import { EreLimits, type EreNode, type EreProgram } from './ere-program.ts';
import { ASSERTIONS, type EreSyntax, type EreTree } from './ere-syntax.ts';

/** Builds the automaton of a pattern. Throws `EreError` when it would be out of bounds. */
export function buildEreProgram(syntax: EreSyntax): EreProgram {
  const builder = new ProgramBuilder(syntax.groupCount);
  return builder.build(syntax);
}

/** A node that is not there yet. */
interface Label {
  node: EreNode | undefined;
}

type EreGroup = EreTree & { readonly kind: 'group' };
type EreRepeat = EreTree & { readonly kind: 'repeat' };
type Emitter = (next: Label) => EreNode;
type NodeFacts = Partial<Pick<EreNode, 'set' | 'group' | 'isOptional' | 'isCopy' | 'assertions'>>;

/** How a part is emitted: as which pass of a repetition, and how deep in the tree. */
interface Emission {
  readonly isCopy: boolean;
  readonly depth: number;
}

class ProgramBuilder {
  readonly #nodes: EreNode[] = [];
  readonly #exits = new Map<EreNode, readonly Label[]>();
  readonly #groupAliases: number[];

  constructor(groupCount: number) {
    this.#groupAliases = Array.from({ length: groupCount + 1 }, (_, group) => group);
  }

  build(syntax: EreSyntax): EreProgram {
    const end: Label = { node: undefined };
    const root = syntax.tree && this.#emit(syntax.tree, end, { isCopy: false, depth: 0 });
    end.node = this.#add('end', {}, []);
    this.#link();
    inheritAssertions(this.#nodes, (original, assertions) => this.#copy(original, assertions));
    for (const node of this.#nodes) {
      if (node.kind === 'back-reference') continue;
      node.first?.sources.push(node);
      node.second?.sources.push(node);
    }
    const start = root ?? end.node;
    return {
      nodes: this.#nodes,
      start,
      groupCount: syntax.groupCount,
      groupAliases: this.#groupAliases,
      hasForks: this.#nodes.some((node) => node.kind === 'fork'),
      hasBackReferences: this.#nodes.some((node) => node.kind === 'back-reference'),
      ...describeStart(start),
    };
  }

  /** Adds the nodes of `tree`, which lead to `next`, and gives the one to enter it by. */
  #emit(tree: EreTree, next: Label, emission: Emission): EreNode {
    if (emission.depth > EreLimits.depth) throw new EreError('tooBig');
    const { isCopy } = emission;
    const inner = { isCopy, depth: emission.depth + 1 };
    switch (tree.kind) {
      case 'bytes':
        return this.#add('bytes', { set: tree.set, isCopy }, [next]);
      case 'anchor':
        return this.#add('anchor', { assertions: tree.assertions, isCopy }, [next]);
      case 'back-reference': {
        const group = this.#groupAliases[tree.group] ?? tree.group;
        return this.#add('back-reference', { group, isCopy }, [next]);
      }
      case 'group':
        return this.#emitGroup(tree, next, inner, false);
      case 'sequence':
        return chain(
          tree.parts.map((part) => (into) => this.#emit(part, into, inner)),
          next,
        );
      case 'alternatives':
        return this.#emitAlternatives(tree.branches, next, inner);
      case 'repeat':
        return this.#emitRepeat(tree, next, inner);
      default:
        return tree satisfies never;
    }
  }

  /** One group directly within another is the same group under two numbers. */
  #emitGroup(tree: EreGroup, next: Label, emission: Emission, isOptional: boolean): EreNode {
    let { body } = tree;
    if (body?.kind === 'group') {
      this.#groupAliases[body.group] = this.#groupAliases[tree.group] ?? tree.group;
      body = body.body;
    }
    const facts = { group: tree.group, isOptional }; // glibc makes these two when it has done its copying: never copies
    const steps: Emitter[] = [(into) => this.#add('open', facts, [into])];
    if (body !== undefined) {
      const inside = body;
      steps.push((into) => this.#emit(inside, into, emission));
    }
    steps.push((into) => this.#add('close', facts, [into]));
    return chain(steps, next);
  }

  /** `a|b|c` is `(a|b)|c`: a fork for each branch but the first. */
  #emitAlternatives(branches: readonly (EreTree | undefined)[], next: Label, emission: Emission): EreNode {
    const entries = (branch: EreTree | undefined): Label =>
      branch === undefined ? next : { node: this.#emit(branch, next, emission) };
    const [head, ...rest] = branches;
    let left = entries(head);
    let fork: EreNode | undefined;
    for (const branch of rest) {
      const right = entries(branch);
      fork = this.#add('fork', { isCopy: emission.isCopy }, [left, right]);
      left = { node: fork };
    }
    if (fork === undefined) throw new EreError('badPattern'); // the parser makes two branches or more
    return fork;
  }

  /**
   * `a{2,}` becomes `aaa*`, and `a{2,4}` becomes `aa(a?a)?`: glibc nests optional passes to the left, so that the number
   * of passes is decided before what the first of them takes. A group is optional in the first pass that may be left
   * out, and, by an oversight, in the last of two or more that may not; copies of it forget that.
   */
  #emitRepeat(tree: EreRepeat, next: Label, emission: Emission): EreNode {
    const { body, min, max } = tree;
    const { isCopy } = emission;
    const pass = (into: Label, number: number, isOptional: boolean): EreNode => {
      const inner = { isCopy: isCopy || number > 1, depth: emission.depth };
      return body.kind === 'group'
        ? this.#emitGroup(body, into, { ...inner, depth: inner.depth + 1 }, isOptional && !isCopy)
        : this.#emit(body, into, inner);
    };
    const steps: Emitter[] = [];
    for (let number = 1; number <= min; number++) {
      const isOptional = number > 1 && number === min && max > min;
      steps.push((into) => pass(into, number, isOptional));
    }
    if (max === Infinity) {
      steps.push((into) => {
        const star: Label = { node: undefined };
        star.node = this.#add('fork', { isCopy }, [{ node: pass(star, min + 1, true) }, into]);
        return star.node;
      });
    } else if (max > min) {
      steps.push((into) =>
        this.#emitOptional(max - min, (to, nth) => pass(to, min + nth, nth === 1), isCopy, into),
      );
    }
    return chain(steps, next);
  }

  /** Up to `count` passes, of which `pass` emits the nth. */
  #emitOptional(
    count: number,
    pass: (next: Label, nth: number) => EreNode,
    isCopy: boolean,
    next: Label,
  ): EreNode {
    let behind: Label = count === 1 ? next : { node: undefined };
    let fork = this.#add('fork', { isCopy }, [{ node: pass(behind, 1) }, behind]);
    for (let nth = 2; nth <= count; nth++) {
      const out: Label = nth === count ? next : { node: undefined };
      behind.node = pass(out, nth);
      fork = this.#add('fork', { isCopy }, [{ node: fork }, out]);
      behind = out;
    }
    return fork;
  }

  #add(kind: EreNode['kind'], facts: NodeFacts, exits: readonly Label[]): EreNode {
    if (this.#nodes.length >= EreLimits.nodes) throw new EreError('tooBig');
    const node: EreNode = {
      index: this.#nodes.length,
      kind,
      set: undefined,
      group: 0,
      isOptional: false,
      isCopy: false,
      assertions: 0,
      next: undefined,
      first: undefined,
      second: undefined,
      sources: [],
      ...facts,
    };
    this.#nodes.push(node);
    this.#exits.set(node, exits);
    return node;
  }

  #copy(original: EreNode, assertions: number): EreNode {
    const { kind, set, group, isOptional } = original;
    return this.#add(
      kind,
      { set, group, isOptional, isCopy: true, assertions: assertions | original.assertions },
      [],
    );
  }

  /** Turns labels into nodes once all of them are there, the lower number first. */
  #link(): void {
    for (const [node, exits] of this.#exits) {
      const [first, second] = exits.map((label) => label.node);
      if (node.kind === 'bytes' || node.kind === 'back-reference') node.next = first;
      if (node.kind === 'bytes') continue;
      const isInOrder = first === undefined || second === undefined || first.index <= second.index;
      node.first = isInOrder ? first : second;
      if (first !== second) node.second = isInOrder ? second : first;
    }
    this.#exits.clear();
  }
}

/** Emits the parts one behind the other and gives the node to enter the first by. There is at least one. */
function chain(emitters: readonly Emitter[], next: Label): EreNode {
  let entry: EreNode | undefined;
  let before: Label | undefined;
  let remaining = emitters.length;
  for (const emit of emitters) {
    const out: Label = --remaining === 0 ? next : { node: undefined };
    const node = emit(out);
    entry ??= node;
    if (before !== undefined) before.node = node;
    before = out;
  }
  if (entry === undefined) throw new EreError('badPattern'); // never called without parts
  return entry;
}

function describeStart(start: EreNode): Pick<EreProgram, 'isAnchored' | 'firstBytes'> {
  const firstBytes = new Uint8Array(256);
  let isAnchored = true;
  let canBeEmpty = false;
  for (const node of closureOf(start)) {
    if (node.kind !== 'bytes' && node.kind !== 'end' && node.kind !== 'back-reference') continue;
    if ((node.assertions & (ASSERTIONS.lineStart | ASSERTIONS.textStart)) === 0) isAnchored = false;
    if (node.set === undefined) canBeEmpty = true;
    else node.set.forEach((member, byte) => (firstBytes[byte] = (firstBytes[byte] ?? 0) | member));
  }
  return { isAnchored, firstBytes: canBeEmpty ? undefined : firstBytes };
}

/** The node and all that can be reached from it without a byte. */
function closureOf(start: EreNode): ReadonlySet<EreNode> {
  const closure = new Set([start]);
  for (const node of closure) {
    if (node.kind === 'back-reference') continue;
    if (node.first !== undefined) closure.add(node.first);
    if (node.second !== undefined) closure.add(node.second);
  }
  return closure;
}
