import { bytesOf, foldCase, NEWLINE, WORD_BYTES } from './ere-bytes.ts';
import type { EreNode } from './ere-program.ts';
import { ASSERTIONS, ASSERTIONS_BEFORE } from './ere-syntax.ts';

const { afterWord, afterOther, beforeWord, beforeOther, lineStart, lineEnd, textStart, textEnd } = ASSERTIONS;

/** What is searched, and what holds at each of its positions. */
export class EreSubject {
  readonly bytes: Uint8Array;

  constructor(text: string, ignoreCase: boolean) {
    this.bytes = bytesOf(ignoreCase ? foldCase(text) : text);
  }

  get length(): number {
    return this.bytes.length;
  }

  /**
   * The assertions about what lies before `position` that hold for an attempt that began at `start`. A line feed that
   * the attempt itself has passed starts a line for glibc, although REG_NEWLINE is not set: `a.^b` matches `a\nb`.
   */
  factsBefore(position: number, start: number): number {
    if (position === 0) return afterOther | lineStart | textStart;
    const byte = this.bytes[position - 1];
    if (byte === NEWLINE && position > start) return afterOther | lineStart;
    return isWord(byte) ? afterWord : afterOther;
  }

  /** The assertions about what follows `position` that hold there. */
  factsAfter(position: number): number {
    if (position >= this.bytes.length) return beforeOther | lineEnd | textEnd;
    return isWord(this.bytes[position]) ? beforeWord : beforeOther;
  }

  /** Whether a `bytes` node takes the byte at `position`. What must follow is checked only where there is an anchor. */
  accepts(node: EreNode, position: number): boolean {
    const byte = this.bytes[position];
    if (byte === undefined || node.set?.[byte] !== 1) return false;
    return node.assertions === 0 || holdsAfter(node, this.factsAfter(position));
  }

  /** As `accepts`, but a line feed ends a line: so glibc searches, though not when it looks for the groups. */
  acceptsInSearch(node: EreNode, position: number): boolean {
    const byte = this.bytes[position];
    if (byte === undefined || node.set?.[byte] !== 1) return false;
    if (node.assertions === 0) return true;
    const facts = this.factsAfter(position);
    return holdsAfter(node, byte === NEWLINE ? facts | lineEnd : facts);
  }
}

/** Whether what the node demands of the text before it is among the facts. */
export function holdsBefore(node: EreNode, factsBefore: number): boolean {
  return (node.assertions & ASSERTIONS_BEFORE & ~factsBefore) === 0;
}

/** Whether what the node demands of the text behind it is among the facts. */
export function holdsAfter(node: EreNode, factsAfter: number): boolean {
  return (node.assertions & ~ASSERTIONS_BEFORE & ~factsAfter) === 0;
}

function isWord(byte: number | undefined): boolean {
  return byte !== undefined && WORD_BYTES[byte] === 1;
}
