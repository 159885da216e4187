import { ImportError, type SourcePlace } from './source-place.ts';

/**
 * One token of dhcpd.conf. `source` is what is written; `spaced` says whether white space or a comment stood before it, so that
 * expressions can be shown as their author wrote them.
 */
export interface Token {
  readonly kind: 'word' | 'string' | 'sign';
  readonly source: string;
  /** The text of a string, its escapes resolved to octets; undefined when the octets are no UTF-8. Words: as written. */
  readonly text: string | undefined;
  /** The octets of a string; empty for all else. */
  readonly octets: Uint8Array;
  readonly spaced: boolean;
  readonly place: SourcePlace;
}

const SPACE = /\s+/y;
const COMMENT = /#[^\n]*/y;
/** dhcpd's words: names, keywords, numbers and hex octets; a minus may stand before a number. */
const WORD = /-?\w[\w-]*/y;
const SIGN = /!=|~=|~~|[^\s\w]/uy;
const NO_OCTETS = new Uint8Array(0);

/** dhcpd's named escapes; any other letter stands for itself. */
const ESCAPES: Readonly<Record<string, number>> = { t: 0x09, n: 0x0a, r: 0x0d, b: 0x08 };

/** A place of a text that a lexer can go back to. */
export interface LexerMark {
  readonly offset: number;
  readonly line: number;
  readonly lineStart: number;
}

/** Reads a text token by token, so that a large one need not be taken apart as a whole. */
export class DhcpdConfLexer {
  readonly #text: string;
  readonly #file: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  /** Where the line that is being read ends. */
  #newline: number;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
    this.#newline = this.#newlineFrom(0);
  }

  /** The next token, comments left out; undefined at the end. Throws ImportError for text in quotes that does not end. */
  next(): Token | undefined {
    const spaced = this.#skipSpace();
    if (this.#at >= this.#text.length) return undefined;
    const place = this.place();
    if (this.#text[this.#at] === '"') {
      const start = this.#at;
      const { octets, end } = readString(this.#text, start, place);
      this.#moveTo(end);
      return {
        kind: 'string',
        source: this.#text.slice(start, end),
        text: decodeUtf8(octets),
        octets,
        spaced,
        place,
      };
    }
    const word = this.#take(WORD);
    const source = word ?? this.#take(SIGN) ?? '';
    return {
      kind: word === undefined ? 'sign' : 'word',
      source,
      text: source,
      octets: NO_OCTETS,
      spaced,
      place,
    };
  }

  /** Whether nothing is left, not even white space. */
  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Where the next character stands. */
  place(): SourcePlace {
    return { file: this.#file, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  /** Where the next token stands, to go back to. */
  mark(): LexerMark {
    this.#skipSpace();
    return { offset: this.#at, line: this.#line, lineStart: this.#lineStart };
  }

  /** Goes back to `mark`, and from there on to the next place where `pattern` (with the flag `g`) matches; else to the end. */
  resumeAt(pattern: RegExp, mark: LexerMark): void {
    this.#at = mark.offset;
    this.#line = mark.line;
    this.#lineStart = mark.lineStart;
    this.#newline = this.#newlineFrom(mark.offset);
    pattern.lastIndex = mark.offset + 1;
    this.#moveTo(pattern.exec(this.#text)?.index ?? this.#text.length);
  }

  /** Whether there was anything to skip. */
  #skipSpace(): boolean {
    const start = this.#at;
    while (this.#take(SPACE) !== undefined || this.#take(COMMENT) !== undefined);
    return this.#at > start;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#moveTo(this.#at + found.length);
    return found;
  }

  #moveTo(offset: number): void {
    while (this.#newline < offset) {
      this.#line += 1;
      this.#lineStart = this.#newline + 1;
      this.#newline = this.#newlineFrom(this.#lineStart);
    }
    this.#at = offset;
  }

  #newlineFrom(offset: number): number {
    const found = this.#text.indexOf('\n', offset);
    return found === -1 ? Infinity : found;
  }
}

/** Splits a text into tokens. Throws ImportError for text in quotes that does not end. */
export function splitDhcpdConf(text: string, file: string): readonly Token[] {
  const lexer = new DhcpdConfLexer(text, file);
  const tokens: Token[] = [];
  for (let token = lexer.next(); token !== undefined; token = lexer.next()) tokens.push(token);
  return tokens;
}

/** Tokens as text again: one space where there was white space, none where there was none. */
export function showTokens(tokens: readonly Token[]): string {
  return tokens.map(({ source, spaced }, index) => (spaced && index > 0 ? ` ${source}` : source)).join('');
}

/** Reads text in quotes from its opening quote; letters beyond ASCII are their UTF-8 octets. */
function readString(
  text: string,
  start: number,
  place: SourcePlace,
): { readonly octets: Uint8Array; readonly end: number } {
  const octets: number[] = [];
  let at = start + 1;
  for (;;) {
    const code = text.codePointAt(at);
    if (code === undefined) throw new ImportError(place, 'the text that begins here has no closing quote');
    const letter = String.fromCodePoint(code);
    at += letter.length;
    if (letter === '"') return { octets: Uint8Array.from(octets), end: at };
    if (letter !== '\\') {
      octets.push(...encodeLetter(code, letter));
      continue;
    }
    const numeric = /^(?:[0-3][0-7]{2}|x[0-9a-f]{2})/i.exec(text.slice(at, at + 3))?.[0];
    if (numeric !== undefined) {
      octets.push(/^x/i.test(numeric) ? Number.parseInt(numeric.slice(1), 16) : Number.parseInt(numeric, 8));
      at += numeric.length;
      continue;
    }
    const escapedCode = text.codePointAt(at);
    if (escapedCode === undefined) continue;
    const escaped = String.fromCodePoint(escapedCode);
    octets.push(
      ...(ESCAPES[escaped] === undefined ? encodeLetter(escapedCode, escaped) : [ESCAPES[escaped]]),
    );
    at += escaped.length;
  }
}

const encoder = new TextEncoder();

function encodeLetter(code: number, letter: string): Iterable<number> {
  return code < 0x80 ? [code] : encoder.encode(letter);
}

/** The text of octets; undefined when they are no UTF-8. */
export function decodeUtf8(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return undefined;
  }
}
