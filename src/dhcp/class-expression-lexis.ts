/** One word of an expression; `offset` counts UTF-16 units from the beginning of the text. */
export type Token =
  | { readonly kind: 'word'; readonly text: string; readonly offset: number }
  | { readonly kind: 'number'; readonly text: string; readonly offset: number }
  /** Text in quotes, or hexadecimal octets with colons. */
  | { readonly kind: 'octets'; readonly value: Uint8Array; readonly text: string; readonly offset: number }
  | { readonly kind: 'sign'; readonly text: '(' | ')' | ',' | '=' | '!='; readonly offset: number }
  | { readonly kind: 'end'; readonly text: ''; readonly offset: number };

/** What is wrong with an expression, and where in its text. */
export class ExpressionFault extends Error {
  override readonly name = 'ExpressionFault';
  readonly offset: number;
  /** The name of an option that nobody knows, where that is the fault; a reader may know one that is near. */
  readonly unknownOption: string | undefined;

  constructor(offset: number, message: string, unknownOption?: string) {
    super(message);
    this.offset = offset;
    this.unknownOption = unknownOption;
  }
}

const SPACE = /\s+/y;
const COMMENT = /#.*/y;
const OCTETS = /[0-9a-f]{1,2}(?::[0-9a-f]{1,2})+(?![\w:])/iy;
const NUMBER = /\d+(?![\w.-])/y;
const WORD = /[a-z0-9_][\w.-]*/iy;
const SIGN = /[(),]|!=|=/y;

/** Escapes of dhcpd's lexer other than octal and hexadecimal ones; any other letter stands for itself. */
const ESCAPES: Readonly<Record<string, number>> = { t: 0x09, n: 0x0a, r: 0x0d, b: 0x08 };

/** Splits an expression into its words; the last token is the end. Throws ExpressionFault. */
export function splitExpression(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  while (at < text.length) {
    if (take(SPACE) !== undefined || take(COMMENT) !== undefined) continue;
    const offset = at;
    if (text[at] === '"') {
      const { value, end } = readString(text, at);
      at = end;
      tokens.push({ kind: 'octets', value, text: text.slice(offset, end), offset });
      continue;
    }
    const octets = take(OCTETS);
    if (octets !== undefined) {
      tokens.push({ kind: 'octets', value: parseOctets(octets), text: octets, offset });
      continue;
    }
    const number = take(NUMBER);
    if (number !== undefined) {
      tokens.push({ kind: 'number', text: number, offset });
      continue;
    }
    const word = take(WORD);
    if (word !== undefined) {
      tokens.push({ kind: 'word', text: word, offset });
      continue;
    }
    const sign = take(SIGN);
    if (sign === undefined) throw new ExpressionFault(offset, objectionTo(text, offset));
    tokens.push({ kind: 'sign', text: sign as '(' | ')' | ',' | '=' | '!=', offset });
  }
  tokens.push({ kind: 'end', text: '', offset: text.length });
  return tokens;
}

function parseOctets(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16));
}

function objectionTo(text: string, at: number): string {
  const letter = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if (letter === '~') return "regular expressions ('~=') are not offered; compare with substring(...)";
  if (letter === "'") return 'text stands in double quotes here';
  if (letter === '&' || letter === '|') return "write 'and' and 'or'";
  if (letter === '!') return "write 'not', or '!=' between two values";
  return `'${letter}' has no meaning here`;
}

/** Reads text in quotes from its opening quote; letters beyond ASCII are their UTF-8 octets. */
function readString(text: string, start: number): { readonly value: Uint8Array; readonly end: number } {
  const octets: number[] = [];
  let at = start + 1;
  for (;;) {
    const letter = text.codePointAt(at);
    if (letter === undefined)
      throw new ExpressionFault(start, 'the text that begins here has no closing quote');
    const character = String.fromCodePoint(letter);
    if (character === '"') return { value: Uint8Array.from(octets), end: at + 1 };
    if (character !== '\\') {
      octets.push(...new TextEncoder().encode(character));
      at += character.length;
      continue;
    }
    const rest = text.slice(at + 1, at + 4);
    const numeric = /^(?:[0-3][0-7]{2}|x[0-9a-f]{2})/i.exec(rest)?.[0];
    if (numeric !== undefined) {
      octets.push(/^x/i.test(numeric) ? Number.parseInt(numeric.slice(1), 16) : Number.parseInt(numeric, 8));
      at += 1 + numeric.length;
      continue;
    }
    const escaped = String.fromCodePoint(text.codePointAt(at + 1) ?? 0x5c);
    const code = ESCAPES[escaped];
    octets.push(...(code === undefined ? new TextEncoder().encode(escaped) : [code]));
    at += 1 + escaped.length;
  }
}
