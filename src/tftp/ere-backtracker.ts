import type { EreBudget } from './ere-budget.ts';
import { EreGroups } from './ere-groups.ts';
import type { EreOutcome } from './ere-matcher.ts';
import type { EreNode, EreProgram } from './ere-program.ts';
import { holdsAfter, holdsBefore, type EreSubject } from './ere-subject.ts';

/** What it costs to remember a state, compared with the visit of a node. */
const FORK_STEPS = 50;

/** A place on a way through the automaton from which it can be gone on with. */
interface Fork {
  readonly node: EreNode;
  readonly position: number;
  readonly groups: EreGroups;
}

interface Found {
  readonly end: number;
  readonly groups: EreGroups;
}

/**
 * Matches patterns with back-references: from each start in turn, tries every way in order of preference and keeps
 * the first that leads to the longest end. No method is known that would not need exponential time for some patterns,
 * so the budget decides when to give up.
 *
 * Agrees with glibc as long as back-references are not repeated. Where they are, or stand in a loop, glibc at times
 * overlooks a match, forgets the groups behind an empty `\1*`, or reports a group that ends before it begins (at which
 * in.tftpd crashes); here the longest match is found, with all of its groups.
 */
export class EreBacktracker {
  readonly #program: EreProgram;

  constructor(program: EreProgram) {
    this.#program = program;
  }

  match(subject: EreSubject, budget: EreBudget): EreOutcome {
    const { firstBytes, isAnchored, groupAliases } = this.#program;
    const lastStart = isAnchored ? 0 : subject.length;
    for (let start = 0; start <= lastStart; start++) {
      if (firstBytes !== undefined && firstBytes[subject.bytes[start] ?? -1] !== 1) continue;
      const found = this.#findFrom(subject, start, budget);
      if (found === 'out-of-steps') return { kind: 'out-of-steps' };
      if (found !== undefined) {
        return { kind: 'match', spans: found.groups.spans({ start, end: found.end }, groupAliases) };
      }
    }
    return { kind: 'none' };
  }

  #findFrom(subject: EreSubject, start: number, budget: EreBudget): Found | undefined | 'out-of-steps' {
    const pending: Fork[] = [
      { node: this.#program.start, position: start, groups: new EreGroups(this.#program.groupCount) },
    ];
    const tried = new Set<string>();
    let best: Found | undefined;
    for (let fork = pending.pop(); fork !== undefined; fork = pending.pop()) {
      const { groups } = fork;
      let { position } = fork;
      let node: EreNode | undefined = fork.node;
      while (node !== undefined) {
        if (!budget.spend(1)) return 'out-of-steps';
        if (!holdsBefore(node, subject.factsBefore(position, start))) break;
        groups.pass(node, position);
        switch (node.kind) {
          case 'bytes':
            node = subject.accepts(node, position++) ? node.next : undefined;
            break;
          case 'back-reference': {
            const length = matchReference(node, position, groups, subject);
            node = length === 0 ? node.first : length === undefined ? undefined : node.next;
            position += length ?? 0;
            break;
          }
          case 'fork': {
            // What was tried from the same state before was preferred, and led to nothing better.
            const state = `${node.index}@${position}:${groups.key()}`;
            if (tried.has(state)) {
              node = undefined;
              break;
            }
            if (!budget.spend(FORK_STEPS)) return 'out-of-steps';
            tried.add(state);
            if (node.second !== undefined)
              pending.push({ node: node.second, position, groups: groups.clone() });
            node = node.first;
            break;
          }
          case 'end':
            if (holdsAfter(node, subject.factsAfter(position)) && position > (best?.end ?? -1)) {
              best = { end: position, groups: groups.clone() };
              if (position === subject.length) return best;
            }
            node = undefined;
            break;
          case 'anchor':
          case 'open':
          case 'close':
            node = node.first;
            break;
          default:
            node = node.kind satisfies never;
        }
      }
    }
    return best;
  }
}

/** How many bytes the back-reference matches here; undefined: its group took no part, or something else stands here. */
function matchReference(
  node: EreNode,
  position: number,
  groups: EreGroups,
  subject: EreSubject,
): number | undefined {
  const { start, end } = groups.span(node.group);
  if (start < 0 || end < 0 || !holdsAfter(node, subject.factsAfter(position))) return undefined;
  const { bytes } = subject;
  if (position + end - start > bytes.length) return undefined;
  for (let offset = 0; offset < end - start; offset++) {
    if (bytes[start + offset] !== bytes[position + offset]) return undefined;
  }
  return end - start;
}
