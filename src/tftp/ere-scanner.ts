import { parseBracket, type PatternCursor } from './ere-bracket.ts';
import { ANY_BYTE, complement, foldCase, SPACE_BYTES, WORD_BYTES, type ByteSet } from './ere-bytes.ts';
import { ANCHORS } from './ere-syntax.ts';

/** One word of an extended regular expression. */
export type EreToken =
  /** An ordinary byte, escaped or not. */
  | { readonly kind: 'byte'; readonly byte: number }
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'anchor'; readonly assertions: number }
  /** `\b` and `\B`: either of two anchors. */
  | { readonly kind: 'either-anchor'; readonly assertions: readonly [number, number] }
  | { readonly kind: 'back-reference'; readonly group: number }
  | { readonly kind: 'open-brace' | 'close-brace' | 'open-group' | 'close-group' | 'bracket' | 'bar' }
  | { readonly kind: 'star' | 'plus' | 'question' | 'trailing-backslash' | 'end' };

const PLAIN_TOKENS: ReadonlyMap<string, EreToken> = new Map<string, EreToken>([
  ['|', { kind: 'bar' }],
  ['*', { kind: 'star' }],
  ['+', { kind: 'plus' }],
  ['?', { kind: 'question' }],
  ['{', { kind: 'open-brace' }],
  ['}', { kind: 'close-brace' }],
  ['(', { kind: 'open-group' }],
  [')', { kind: 'close-group' }],
  ['[', { kind: 'bracket' }],
  ['.', { kind: 'set', set: ANY_BYTE }],
  ['^', { kind: 'anchor', assertions: ANCHORS.lineStart }],
  ['$', { kind: 'anchor', assertions: ANCHORS.lineEnd }],
]);

const ESCAPED_TOKENS: ReadonlyMap<string, EreToken> = new Map<string, EreToken>([
  ['<', { kind: 'anchor', assertions: ANCHORS.wordStart }],
  ['>', { kind: 'anchor', assertions: ANCHORS.wordEnd }],
  ['b', { kind: 'either-anchor', assertions: [ANCHORS.wordStart, ANCHORS.wordEnd] }],
  ['B', { kind: 'either-anchor', assertions: [ANCHORS.insideWord, ANCHORS.outsideWord] }],
  ['`', { kind: 'anchor', assertions: ANCHORS.textStart }],
  ["'", { kind: 'anchor', assertions: ANCHORS.textEnd }],
  ['w', { kind: 'set', set: WORD_BYTES }],
  ['W', { kind: 'set', set: complement(WORD_BYTES) }],
  ['s', { kind: 'set', set: SPACE_BYTES }],
  ['S', { kind: 'set', set: complement(SPACE_BYTES) }],
]);

/** Cuts a pattern into tokens, as glibc does with RE_SYNTAX_POSIX_EXTENDED. */
export class EreScanner {
  readonly #cursor: PatternCursor;
  readonly #ignoreCase: boolean;

  constructor(pattern: string, ignoreCase: boolean) {
    this.#cursor = { text: ignoreCase ? foldCase(pattern) : pattern, raw: pattern, position: 0 };
    this.#ignoreCase = ignoreCase;
  }

  /** The next token. Behind the last one, `end` for ever. */
  next(): EreToken {
    const cursor = this.#cursor;
    const symbol = cursor.text[cursor.position];
    if (symbol === undefined) return { kind: 'end' };
    cursor.position++;
    if (symbol === '\\') return this.#escaped();
    return PLAIN_TOKENS.get(symbol) ?? { kind: 'byte', byte: symbol.charCodeAt(0) };
  }

  /** The set of the bracket expression whose opening bracket was the last token. Throws `EreError`. */
  bracket(): ByteSet {
    return parseBracket(this.#cursor, this.#ignoreCase);
  }

  /**
   * glibc takes the byte behind a backslash as it was written. So with `i`, where all other letters and the names are
   * compared in upper case, an escaped lower-case letter such as `\q` never matches anything.
   */
  #escaped(): EreToken {
    const symbol = this.#cursor.raw[this.#cursor.position];
    if (symbol === undefined) return { kind: 'trailing-backslash' };
    this.#cursor.position++;
    if (symbol >= '1' && symbol <= '9') return { kind: 'back-reference', group: Number(symbol) };
    return ESCAPED_TOKENS.get(symbol) ?? { kind: 'byte', byte: symbol.charCodeAt(0) };
  }
}
