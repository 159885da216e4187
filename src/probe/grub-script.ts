/** A piece of a word: text, or a variable to be replaced. */
export type GrubWordPart =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'variable'; readonly name: string };

/** A word, and whether any of it stood in quotes: an unquoted word that comes to nothing is none. */
export interface GrubWord {
  readonly parts: readonly GrubWordPart[];
  readonly quoted: boolean;
}

/** One statement of GRUB's script language (GRUB manual, "Writing full configuration files directly"). */
export type GrubStatement =
  | { readonly kind: 'command'; readonly words: readonly GrubWord[] }
  | { readonly kind: 'entry'; readonly words: readonly GrubWord[]; readonly body: readonly GrubStatement[] }
  | {
      readonly kind: 'if';
      readonly branches: readonly {
        readonly condition: readonly GrubStatement[];
        readonly body: readonly GrubStatement[];
      }[];
      readonly otherwise: readonly GrubStatement[];
    }
  | {
      readonly kind: 'for';
      readonly variable: string;
      readonly words: readonly GrubWord[];
      readonly body: readonly GrubStatement[];
    }
  | {
      readonly kind: 'while';
      readonly until: boolean;
      readonly condition: readonly GrubStatement[];
      readonly body: readonly GrubStatement[];
    }
  | { readonly kind: 'function'; readonly name: string; readonly body: readonly GrubStatement[] };

/** The text is no script of GRUB; GRUB itself stops there too. */
export class GrubSyntaxError extends Error {
  override readonly name = 'GrubSyntaxError';
}

type Token =
  | { readonly kind: 'word'; readonly word: GrubWord; readonly bare: string | undefined }
  | { readonly kind: 'end' };

const END: Token = { kind: 'end' };
const VARIABLE = /\$(?:\{([A-Za-z0-9_?@#*]+)\}|([A-Za-z0-9_]+|[?@#*]))/y;

/** Reads a whole configuration. Throws GrubSyntaxError. */
export function parseGrubScript(text: string): readonly GrubStatement[] {
  const parser = new GrubParser(tokenize(text));
  const statements = parser.statements([]);
  parser.expectNothing();
  return statements;
}

/** Words and ends of commands. `bare` is the text of an unquoted word without variables: only such can be a keyword. */
function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (character === '\n' || character === ';') {
      tokens.push(END);
      at += 1;
    } else if (/\s/.test(character)) {
      at += 1;
    } else if (text.startsWith('\\\n', at)) {
      at += 2;
    } else if (character === '#') {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
    } else {
      const { word, next } = readWord(text, at);
      tokens.push({ kind: 'word', word, bare: bareText(word) });
      at = next;
    }
  }
  tokens.push(END);
  return tokens;
}

function bareText(word: GrubWord): string | undefined {
  const [only, ...rest] = word.parts;
  return !word.quoted && rest.length === 0 && only?.kind === 'text' ? only.text : undefined;
}

function readWord(text: string, from: number): { readonly word: GrubWord; readonly next: number } {
  const parts: GrubWordPart[] = [];
  let quoted = false;
  let plain = '';
  let quote: '"' | "'" | undefined;
  let at = from;
  const flush = (): void => {
    if (plain !== '') parts.push({ kind: 'text', text: plain });
    plain = '';
  };
  for (; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote === undefined && /[\s;]/.test(character)) break;
    if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      quoted = true;
    } else if (character === '\\' && quote !== "'") {
      at += 1;
      plain += text.charAt(at) === '\n' ? '' : text.charAt(at);
    } else if (character === '$' && quote !== "'") {
      VARIABLE.lastIndex = at;
      const match = VARIABLE.exec(text);
      const name = match?.[1] ?? match?.[2];
      if (match === null || name === undefined) {
        plain += character;
      } else {
        flush();
        parts.push({ kind: 'variable', name });
        at += match[0].length - 1;
      }
    } else {
      plain += character;
    }
  }
  if (quote !== undefined) throw new GrubSyntaxError(`a quote (${quote}) is not closed`);
  flush();
  return { word: { parts, quoted }, next: at };
}

/** Recursive descent; reserved words count only where a command begins. */
class GrubParser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Statements up to one of the keywords, which is left for the caller, or to the end of the text. */
  statements(until: readonly string[]): readonly GrubStatement[] {
    const found: GrubStatement[] = [];
    for (;;) {
      while (this.#peek()?.kind === 'end') this.#at += 1;
      const keyword = this.#keyword();
      if (this.#peek() === undefined || (keyword !== undefined && until.includes(keyword))) return found;
      found.push(this.#statement(keyword));
    }
  }

  expectNothing(): void {
    const keyword = this.#keyword();
    if (keyword !== undefined) throw new GrubSyntaxError(`"${keyword}" stands where no block is open`);
  }

  #statement(keyword: string | undefined): GrubStatement {
    switch (keyword) {
      case 'if':
        return this.#ifStatement();
      case 'for':
        return this.#forStatement();
      case 'while':
      case 'until':
        return this.#whileStatement(keyword === 'until');
      case 'function':
        return this.#functionStatement();
      case 'menuentry':
      case 'submenu':
        this.#at += 1;
        return { kind: 'entry', words: this.#words(true), body: this.#block() };
      case 'then':
      case 'else':
      case 'elif':
      case 'fi':
      case 'do':
      case 'done':
      case '}':
        throw new GrubSyntaxError(`"${keyword}" stands where no block is open`);
      default:
        return { kind: 'command', words: this.#words(false) };
    }
  }

  #ifStatement(): GrubStatement {
    const branches: { condition: readonly GrubStatement[]; body: readonly GrubStatement[] }[] = [];
    let otherwise: readonly GrubStatement[] = [];
    let keyword = this.#take(['if']);
    while (keyword !== 'fi') {
      if (keyword === 'else') {
        otherwise = this.statements(['fi']);
        keyword = this.#take(['fi']);
      } else {
        const condition = this.statements(['then']);
        this.#take(['then']);
        branches.push({ condition, body: this.statements(['elif', 'else', 'fi']) });
        keyword = this.#take(['elif', 'else', 'fi']);
      }
    }
    return { kind: 'if', branches, otherwise };
  }

  #forStatement(): GrubStatement {
    this.#take(['for']);
    const [variable, ...words] = this.#words(false);
    const [first, ...values] = words;
    const name = variable === undefined ? undefined : bareText(variable);
    if (name === undefined || first === undefined || bareText(first) !== 'in') {
      throw new GrubSyntaxError('"for" wants NAME in WORDS');
    }
    return { kind: 'for', variable: name, words: values, body: this.#loopBody() };
  }

  #whileStatement(until: boolean): GrubStatement {
    this.#at += 1;
    const condition = this.statements(['do']);
    return { kind: 'while', until, condition, body: this.#loopBody() };
  }

  #loopBody(): readonly GrubStatement[] {
    this.statements(['do']);
    this.#take(['do']);
    const body = this.statements(['done']);
    this.#take(['done']);
    return body;
  }

  #functionStatement(): GrubStatement {
    this.#at += 1;
    const [name] = this.#words(true);
    return { kind: 'function', name: name === undefined ? '' : (bareText(name) ?? ''), body: this.#block() };
  }

  #block(): readonly GrubStatement[] {
    while (this.#peek()?.kind === 'end') this.#at += 1;
    this.#take(['{']);
    const body = this.statements(['}']);
    this.#take(['}']);
    return body;
  }

  /** The words of one command; before a block its opening brace ends them too. */
  #words(beforeBlock: boolean): readonly GrubWord[] {
    const words: GrubWord[] = [];
    for (;;) {
      const token = this.#peek();
      if (token === undefined || token.kind === 'end') return words;
      if (beforeBlock && token.bare === '{') return words;
      words.push(token.word);
      this.#at += 1;
    }
  }

  #take(expected: readonly string[]): string {
    const keyword = this.#keyword();
    if (keyword === undefined || !expected.includes(keyword)) {
      throw new GrubSyntaxError(`"${expected.join('" or "')}" is missing`);
    }
    this.#at += 1;
    return keyword;
  }

  #keyword(): string | undefined {
    const token = this.#peek();
    return token?.kind === 'word' ? token.bare : undefined;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }
}
