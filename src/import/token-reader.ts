import { parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { showTokens, type Token } from './dhcpd-conf-lexer.ts';
import { isSign, keywordOf } from './dhcpd-conf-parser.ts';
import type { SourcePlace } from './source-place.ts';

/** One statement cannot be carried over; the rest of the file can. The message says why. */
export class StatementFault extends Error {
  override readonly name = 'StatementFault';
  readonly place: SourcePlace;

  constructor(place: SourcePlace, message: string) {
    super(message);
    this.place = place;
  }
}

const DECIMAL = /^\d+$/;
const OCTET = /^[0-9a-f]{1,2}$/i;

/** Reads the words of one statement from the left. Every `read…` throws StatementFault when something else stands there. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  readonly #start: SourcePlace;
  #next = 0;

  /** `start` is where the statement begins, for complaints about what is missing. */
  constructor(tokens: readonly Token[], start: SourcePlace) {
    this.#tokens = tokens;
    this.#start = start;
  }

  get isAtEnd(): boolean {
    return this.#next >= this.#tokens.length;
  }

  /** Where the next token stands; the beginning of the statement when there is none. */
  get place(): SourcePlace {
    return this.peek()?.place ?? this.#start;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#next + ahead];
  }

  /** Steps over the next token if it is one of these words, and says which. */
  takeWord<const Word extends string>(...words: readonly Word[]): Word | undefined {
    const keyword = keywordOf(this.peek());
    const found = words.find((word) => word === keyword);
    if (found !== undefined) this.#next += 1;
    return found;
  }

  /** Steps over the next token if it is this sign. */
  takeSign(sign: string): boolean {
    if (!isSign(this.peek(), sign)) return false;
    this.#next += 1;
    return true;
  }

  /** Steps over the next token, whatever it is. */
  step(): void {
    this.#next += 1;
  }

  /** A single word as it is written. */
  readWord(what: string): string {
    const token = this.peek();
    if (token?.kind !== 'word') throw this.expected(what);
    this.#next += 1;
    return token.source;
  }

  /** A name in quotes or a single word. */
  readName(what: string): string {
    return this.peek()?.kind === 'string' ? this.readText(what) : this.readWord(what);
  }

  /** Text in quotes, or a single word, which dhcpd takes for text as well. */
  readText(what: string): string {
    const token = this.peek();
    if (token === undefined || token.kind === 'sign') throw this.expected(what);
    if (token.text === undefined || token.text.includes('\uFFFD')) {
      throw new StatementFault(token.place, `${token.source} is no UTF-8 text`);
    }
    this.#next += 1;
    return token.text;
  }

  readDecimal(what: string): number {
    const token = this.peek();
    if (token?.kind !== 'word' || !DECIMAL.test(token.source)) throw this.expected(what);
    this.#next += 1;
    return Number(token.source);
  }

  /** An IPv4 address. A host name is refused with a word about it: dhcpd would look it up. */
  readAddress(): Ipv4 {
    const place = this.place;
    const text = this.readDotted('an IPv4 address');
    const address = parseIpv4(text);
    if (address !== undefined) return address;
    const isName = /^[a-z]/i.test(text);
    throw new StatementFault(
      place,
      isName ? `'${text}' is a host name; bootd looks up none, write its address` : `'${text}' is no address`,
    );
  }

  /** Words with dots between them: an address, a domain name, the name of a sub-option. */
  readDotted(what: string): string {
    let text = this.readWord(what);
    while (isSign(this.peek(), '.')) {
      this.#next += 1;
      text += '.';
      if (this.peek()?.kind === 'word') text += this.readWord(what);
    }
    return text;
  }

  /** Hexadecimal octets with colons between them; a single one will do. */
  readOctets(what: string): Uint8Array {
    const octets: number[] = [];
    do {
      const token = this.peek();
      if (token?.kind !== 'word' || !OCTET.test(token.source)) throw this.expected(what);
      octets.push(Number.parseInt(token.source, 16));
      this.#next += 1;
    } while (this.takeSign(':'));
    return Uint8Array.from(octets);
  }

  /** Everything that is left. */
  readRest(): readonly Token[] {
    const rest = this.#tokens.slice(this.#next);
    this.#next = this.#tokens.length;
    return rest;
  }

  readEnd(): void {
    if (!this.isAtEnd) throw this.expected("';'");
  }

  /** What to throw when something else should stand here. */
  expected(what: string): StatementFault {
    const token = this.peek();
    return new StatementFault(
      this.place,
      `expected ${what}, found ${token === undefined ? 'nothing' : `'${token.source}'`}`,
    );
  }
}

/** Longer statements are shown by their beginning. */
const LONGEST_SUBJECT = 80;

/** A statement on one line, as the subject of a message. */
export function subjectOf(words: readonly Token[]): string {
  const text = showTokens(words).replace(/\s+/g, ' ');
  return text.length <= LONGEST_SUBJECT ? text : `${text.slice(0, LONGEST_SUBJECT - 1)}…`;
}
