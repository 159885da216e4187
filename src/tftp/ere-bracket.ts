import { BYTE_CLASSES, complement, type ByteSet } from './ere-bytes.ts';
import { EreError } from './ere-error.ts';

/** A place in a pattern. `text` is what glibc compiles, upper-cased when case is ignored; `raw` is as it was written. */
export interface PatternCursor {
  readonly text: string;
  readonly raw: string;
  position: number;
}

/** One member of a bracket expression, before it is known whether a range begins or ends with it. */
type Element =
  | { readonly kind: 'byte'; readonly byte: number }
  | { readonly kind: 'collating-symbol' | 'equivalence' | 'class'; readonly name: string };

interface BracketToken {
  readonly kind: 'end' | 'close' | 'caret' | 'hyphen' | 'byte' | 'collating-symbol' | 'equivalence' | 'class';
  readonly byte: number;
  /** Bytes of the pattern that the token takes up. */
  readonly length: number;
}

/** glibc's BRACKET_NAME_BUF_SIZE: a longer name counts as one without an end. */
const NAME_LENGTH_MAX = 32;

const SYMBOL_KINDS: ReadonlyMap<string, 'collating-symbol' | 'equivalence' | 'class'> = new Map([
  ['.', 'collating-symbol'],
  ['=', 'equivalence'],
  [':', 'class'],
]);

/**
 * Reads a bracket expression (POSIX 9.3.5) whose `[` has just been read, up to and including its `]`, as glibc does in
 * the C locale: a byte collates as its value, a collating symbol is one byte, and a backslash is an ordinary member.
 * Throws `EreError`.
 */
export function parseBracket(cursor: PatternCursor, ignoreCase: boolean): ByteSet {
  return new BracketParser(cursor, ignoreCase).parse();
}

class BracketParser {
  readonly #cursor: PatternCursor;
  readonly #ignoreCase: boolean;
  readonly #set: ByteSet = new Uint8Array(256);

  constructor(cursor: PatternCursor, ignoreCase: boolean) {
    this.#cursor = cursor;
    this.#ignoreCase = ignoreCase;
  }

  parse(): ByteSet {
    let token = this.#peek();
    const inverted = token.kind === 'caret';
    if (inverted) {
      this.#cursor.position += token.length;
      token = this.#peek();
    }
    if (token.kind === 'end') throw new EreError('badPattern');
    if (token.kind === 'close') token = { ...token, kind: 'byte' }; // `[]a]`: a bracket that closes nothing
    for (let first = true; token.kind !== 'close'; first = false) token = this.#parseMember(token, first);
    this.#cursor.position += token.length;
    return inverted ? complement(this.#set) : this.#set;
  }

  /** Reads one element or range that begins with `token`, and gives the token behind it. */
  #parseMember(token: BracketToken, first: boolean): BracketToken {
    const start = this.#parseElement(token, first);
    let next = this.#peek();
    if (start.kind === 'byte' || start.kind === 'collating-symbol') {
      if (next.kind === 'end') throw new EreError('unmatchedBracket');
      if (next.kind === 'hyphen') {
        const hyphen = this.#cursor.position;
        this.#cursor.position += next.length;
        const behind = this.#peek();
        if (behind.kind === 'end') throw new EreError('unmatchedBracket');
        if (behind.kind !== 'close') {
          const end = this.#parseElement(behind, true);
          next = this.#peek();
          this.#addRange(start, end);
          if (next.kind === 'end') throw new EreError('unmatchedBracket');
          return next;
        }
        this.#cursor.position = hyphen; // `[a-]`: the last one stands for itself
        next = { ...next, kind: 'byte' };
      }
    }
    this.#addElement(start);
    if (next.kind === 'end') throw new EreError('unmatchedBracket');
    return next;
  }

  #parseElement(token: BracketToken, hyphenIsMember: boolean): Element {
    this.#cursor.position += token.length;
    switch (token.kind) {
      case 'collating-symbol':
      case 'equivalence':
      case 'class':
        return { kind: token.kind, name: this.#parseName(token) };
      case 'hyphen':
        if (!hyphenIsMember && this.#peek().kind !== 'close') throw new EreError('badRange');
        return { kind: 'byte', byte: token.byte };
      case 'byte':
      case 'caret':
      case 'close':
      case 'end':
        return { kind: 'byte', byte: token.byte };
      default:
        return token.kind satisfies never;
    }
  }

  /** The name between `[:` and `:]`, or the like. Class names keep their case even when case is ignored. */
  #parseName(token: BracketToken): string {
    const cursor = this.#cursor;
    const source = token.kind === 'class' ? cursor.raw : cursor.text;
    const end = source.indexOf(`${String.fromCharCode(token.byte)}]`, cursor.position);
    if (end < 0 || end - cursor.position >= NAME_LENGTH_MAX) throw new EreError('unmatchedBracket');
    const name = source.slice(cursor.position, end);
    cursor.position = end + 2;
    return name;
  }

  #addElement(element: Element): void {
    if (element.kind !== 'class') {
      this.#set[collatingValue(element)] = 1;
      return;
    }
    const either = this.#ignoreCase && (element.name === 'upper' || element.name === 'lower');
    const members = BYTE_CLASSES.get(either ? 'alpha' : element.name);
    if (members === undefined) throw new EreError('badClass');
    members.forEach((member, byte) => {
      if (member === 1) this.#set[byte] = 1;
    });
  }

  #addRange(start: Element, end: Element): void {
    for (const { kind } of [start, end]) {
      if (kind === 'class' || kind === 'equivalence') throw new EreError('badRange');
    }
    const first = collatingValue(start);
    const last = collatingValue(end);
    if (first > last) throw new EreError('badRange');
    this.#set.fill(1, first, last + 1);
  }

  #peek(): BracketToken {
    const { text } = this.#cursor;
    const at = this.#cursor.position;
    if (at >= text.length) return { kind: 'end', byte: 0, length: 0 };
    const byte = text.charCodeAt(at);
    switch (text[at]) {
      case '[': {
        const delimiter = text[at + 1] ?? '';
        const kind = SYMBOL_KINDS.get(delimiter);
        if (kind === undefined) return { kind: 'byte', byte, length: 1 };
        return { kind, byte: delimiter.charCodeAt(0), length: 2 };
      }
      case ']':
        return { kind: 'close', byte, length: 1 };
      case '^':
        return { kind: 'caret', byte, length: 1 };
      case '-':
        return { kind: 'hyphen', byte, length: 1 };
      default:
        return { kind: 'byte', byte, length: 1 };
    }
  }
}

/** The byte that a single element stands for. */
function collatingValue(element: Element): number {
  if (element.kind === 'byte') return element.byte;
  if (element.name.length !== 1) throw new EreError('badCollatingElement');
  return element.name.charCodeAt(0);
}
