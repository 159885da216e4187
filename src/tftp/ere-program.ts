import type { ByteSet } from './ere-bytes.ts';

/**
 * One node of the automaton. Which of two ways is tried first decides what the groups hold, and glibc goes by the
 * nodes' numbers there: the lower one first. So nodes are numbered in its order: a part before the operator on it,
 * the left before the right.
 */
export interface EreNode {
  readonly index: number;
  readonly kind: 'bytes' | 'fork' | 'anchor' | 'open' | 'close' | 'back-reference' | 'end';
  /** `bytes`: what one byte of the subject must be. */
  readonly set: ByteSet | undefined;
  /** `open`, `close`, `back-reference`: the number of the group, from 1. */
  readonly group: number;
  /** `open`, `close`: the group is repeated and this pass through it may be left out. */
  readonly isOptional: boolean;
  /** A later pass of a repetition, or a node that stands behind an anchor in place of its original. */
  readonly isCopy: boolean;
  /** What must hold at this node: that of an anchor, and of all anchors passed on the way since the last byte. */
  readonly assertions: number;
  /** Behind a byte, or the text of a back-reference, that was matched. */
  next: EreNode | undefined;
  /** The way on that takes no byte; for `fork` the preferred of two. A back-reference to an empty text takes it. */
  first: EreNode | undefined;
  second: EreNode | undefined;
  /** The nodes from which `first` or `second` lead here; back-references not counted. */
  readonly sources: EreNode[];
}

/** A compiled pattern: a nondeterministic automaton and what can be told of it in advance. */
export interface EreProgram {
  readonly nodes: readonly EreNode[];
  readonly start: EreNode;
  readonly groupCount: number;
  /** For groups that enclose exactly the same: the group whose place is reported for it, by number. */
  readonly groupAliases: readonly number[];
  readonly hasForks: boolean;
  readonly hasBackReferences: boolean;
  /** A match can begin only at the start of the subject. */
  readonly isAnchored: boolean;
  /** The bytes that a match can begin with; undefined when it can be empty. */
  readonly firstBytes: ByteSet | undefined;
}

/**
 * Bounds on what is compiled. glibc has none, and needs gigabytes for `(((a{1,200}){1,200}){1,200})`. The first leaves
 * room for the longest interval of one atom, which takes a quarter of it, and half of it behind an anchor.
 */
export const EreLimits = { nodes: 0x40000, depth: 400 } as const;
