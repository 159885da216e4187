import { splitDhcpdConf, type Token } from './dhcpd-conf-lexer.ts';
import { ImportError, type SourcePlace } from './source-place.ts';

/**
 * A statement of dhcpd.conf by its outline alone: which words it has, and which statements it holds. What they mean is for
 * others to say, so that a statement that nobody knows still has a beginning and an end, and can be listed.
 */
export type ConfStatement = PlainStatement | BlockStatement | ConditionalStatement | SwitchStatement;

/** `WORDS ;` */
export interface PlainStatement {
  readonly kind: 'plain';
  readonly place: SourcePlace;
  readonly words: readonly Token[];
}

/** `WORDS { STATEMENTS }` */
export interface BlockStatement {
  readonly kind: 'block';
  readonly place: SourcePlace;
  readonly words: readonly Token[];
  readonly body: readonly ConfStatement[];
}

/** `if CONDITION { } elsif CONDITION { } else { }`; `else if` is the same as `elsif`. */
export interface ConditionalStatement {
  readonly kind: 'conditional';
  readonly place: SourcePlace;
  readonly branches: readonly ConditionalBranch[];
  readonly otherwise: { readonly place: SourcePlace; readonly body: readonly ConfStatement[] } | undefined;
}

export interface ConditionalBranch {
  readonly place: SourcePlace;
  readonly condition: readonly Token[];
  readonly body: readonly ConfStatement[];
}

/** `switch ( SUBJECT ) { case VALUE : STATEMENTS default : STATEMENTS }` */
export interface SwitchStatement {
  readonly kind: 'switch';
  readonly place: SourcePlace;
  readonly subject: readonly Token[];
  readonly cases: readonly SwitchCase[];
}

export interface SwitchCase {
  readonly place: SourcePlace;
  /** Undefined: `default`. */
  readonly value: readonly Token[] | undefined;
  /** What stands up to the next label; an empty list falls through like any other without a `break`. */
  readonly body: readonly ConfStatement[];
}

/** What became of an `include`. */
export type IncludedText =
  | { readonly kind: 'text'; readonly file: string; readonly text: string }
  | { readonly kind: 'problem'; readonly reason: string };

/** Fetches the file that `include` names; `from` is the file in which it does. */
export type ReadInclude = (name: string, from: string) => IncludedText;

/** Deeper nesting than anybody writes; statements are read and walked recursively. */
const DEEPEST_NESTING = 64;

/**
 * Reads a whole dhcpd.conf. The statements of included files stand where their `include` stood, with places of their own.
 * Throws ImportError where dhcpd would give up as well: braces that do not match, a missing semicolon, a file that is not there.
 */
export function parseDhcpdConf(
  text: string,
  file: string,
  readInclude: ReadInclude,
): readonly ConfStatement[] {
  return new ConfParser(text, file, withinLimits(readInclude), [file], 0).parseFile();
}

/** More than any site has. Thirty small files that include each other twice are a thousand million. */
const MOST_INCLUDED_FILES = 10_000;
const MOST_INCLUDED_CHARACTERS = 32 * 1024 * 1024;

function withinLimits(readInclude: ReadInclude): ReadInclude {
  let files = 0;
  let characters = 0;
  return (name, from) => {
    const included = readInclude(name, from);
    files += 1;
    if (included.kind === 'text') characters += included.text.length;
    if (files <= MOST_INCLUDED_FILES && characters <= MOST_INCLUDED_CHARACTERS) return included;
    return { kind: 'problem', reason: `more is included here than ${MOST_INCLUDED_FILES} files, or 32 MiB` };
  };
}

class ConfParser {
  readonly #tokens: readonly Token[];
  readonly #file: string;
  readonly #readInclude: ReadInclude;
  /** The files that are being read, the outermost first. */
  readonly #open: readonly string[];
  readonly #end: SourcePlace;
  #next = 0;
  #depth: number;

  constructor(text: string, file: string, readInclude: ReadInclude, open: readonly string[], depth: number) {
    this.#tokens = splitDhcpdConf(text, file);
    this.#file = file;
    this.#readInclude = readInclude;
    this.#open = open;
    this.#depth = depth;
    this.#end = endOf(text, file);
  }

  parseFile(): readonly ConfStatement[] {
    const statements = this.#parseStatements(undefined);
    const rest = this.#peek();
    if (rest !== undefined) throw new ImportError(rest.place, "this '}' closes nothing");
    return statements;
  }

  /** Statements up to the closing brace of `opening`, or to the end of the file. */
  #parseStatements(opening: SourcePlace | undefined, isEnd = isClosingBrace): readonly ConfStatement[] {
    this.#depth += 1;
    if (this.#depth > DEEPEST_NESTING) throw new ImportError(opening ?? this.#end, 'nested too deeply');
    const statements: ConfStatement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token === undefined && opening !== undefined) {
        throw new ImportError(opening, "the block that begins here has no '}'");
      }
      if (token === undefined || isEnd(token) || isClosingBrace(token)) break;
      // BIND writes one behind a block, and dhcpd lets it pass there.
      if (isSign(token, ';')) this.#next += 1;
      else statements.push(...this.#parseStatement(token));
    }
    this.#depth -= 1;
    return statements;
  }

  #parseStatement(first: Token): readonly ConfStatement[] {
    switch (keywordOf(first)) {
      case 'include':
        return this.#parseInclude(first);
      case 'if':
        return [this.#parseConditional(first)];
      case 'switch':
        return [this.#parseSwitch(first)];
      default:
        return [this.#parseOther(first)];
    }
  }

  #parseOther({ place }: Token): PlainStatement | BlockStatement {
    const words = this.#parseWords('statement');
    const ending = this.#expect(';', '{');
    if (ending.source === ';') return { kind: 'plain', place, words };
    if (words.length === 0) throw new ImportError(place, "a '{' without anything before it");
    return { kind: 'block', place, words, body: this.#parseBody(ending) };
  }

  /**
   * The words of a statement, up to its semicolon or brace. The braces of a record, `option NAME code 1 = { ip-address, text }`,
   * are words like all others.
   */
  #parseWords(kind: 'statement' | 'expression'): readonly Token[] {
    const words: Token[] = [];
    let recordDepth = 0;
    for (;;) {
      const token = this.#peek();
      if (token === undefined || isSign(token, ';')) return words;
      if (isSign(token, '{')) {
        const isRecord =
          kind === 'statement' && keywordOf(words[0]) === 'option' && words.some((word) => isSign(word, '='));
        if (!isRecord) return words;
        recordDepth += 1;
      } else if (isSign(token, '}')) {
        if (recordDepth === 0) return words;
        recordDepth -= 1;
      }
      words.push(token);
      this.#next += 1;
    }
  }

  #parseBody(opening: Token): readonly ConfStatement[] {
    const body = this.#parseStatements(opening.place);
    this.#expect('}');
    return body;
  }

  #parseConditional(first: Token): ConditionalStatement {
    const branches: ConditionalBranch[] = [];
    let otherwise: ConditionalStatement['otherwise'];
    this.#next += 1;
    branches.push(this.#parseBranch(first.place));
    for (;;) {
      const link = this.#peek();
      const keyword = keywordOf(link);
      if (link === undefined || (keyword !== 'elsif' && keyword !== 'else')) break;
      this.#next += 1;
      if (keyword === 'elsif') branches.push(this.#parseBranch(link.place));
      else if (keywordOf(this.#peek()) === 'if') {
        this.#next += 1;
        branches.push(this.#parseBranch(link.place));
      } else {
        otherwise = { place: link.place, body: this.#parseBody(this.#expect('{')) };
        break;
      }
    }
    return { kind: 'conditional', place: first.place, branches, otherwise };
  }

  #parseBranch(place: SourcePlace): ConditionalBranch {
    const condition = this.#parseWords('expression');
    if (condition.length === 0) throw new ImportError(place, 'a condition is missing here');
    return { place, condition, body: this.#parseBody(this.#expect('{')) };
  }

  #parseSwitch(first: Token): SwitchStatement {
    this.#next += 1;
    const subject = this.#parseWords('expression');
    const opening = this.#expect('{');
    const cases: SwitchCase[] = [];
    for (;;) {
      const label = this.#peek();
      if (label === undefined) throw new ImportError(opening.place, "the block that begins here has no '}'");
      if (isClosingBrace(label)) break;
      cases.push(this.#parseCase(label));
    }
    this.#expect('}');
    return { kind: 'switch', place: first.place, subject, cases };
  }

  #parseCase(label: Token): SwitchCase {
    const keyword = keywordOf(label);
    if (keyword !== 'case' && keyword !== 'default') {
      throw new ImportError(label.place, `expected 'case' or 'default', found '${label.source}'`);
    }
    this.#next += 1;
    const start = this.#next;
    while (this.#peek() !== undefined && !isSign(this.#peek(), ':', ';', '{', '}')) this.#next += 1;
    const value = this.#tokens.slice(start, this.#next);
    this.#expect(':');
    if (keyword === 'case' && value.length === 0)
      throw new ImportError(label.place, 'a value is missing here');
    const body = this.#parseStatements(label.place, isCaseLabel);
    return { place: label.place, value: keyword === 'default' ? undefined : value, body };
  }

  #parseInclude(first: Token): readonly ConfStatement[] {
    this.#next += 1;
    const name = this.#peek();
    if (name?.kind !== 'string' || name.text === undefined) {
      throw new ImportError(name?.place ?? this.#end, 'expected the name of a file in quotes');
    }
    this.#next += 1;
    this.#expect(';');
    const included = this.#readInclude(name.text, this.#file);
    if (included.kind === 'problem') throw new ImportError(first.place, included.reason);
    if (this.#open.includes(included.file)) {
      throw new ImportError(first.place, `'${included.file}' includes itself`);
    }
    const open = [...this.#open, included.file];
    return new ConfParser(included.text, included.file, this.#readInclude, open, this.#depth).parseFile();
  }

  #expect(...signs: readonly string[]): Token {
    const token = this.#peek();
    if (token === undefined || !isSign(token, ...signs)) {
      const found = token === undefined ? 'the end of the file' : `'${token.source}'`;
      const wanted = signs.map((sign) => `'${sign}'`).join(' or ');
      throw new ImportError(token?.place ?? this.#end, `expected ${wanted}, found ${found}`);
    }
    this.#next += 1;
    return token;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }
}

/** The token as a keyword, which dhcpd takes in any case; undefined when it is no word. */
export function keywordOf(token: Token | undefined): string | undefined {
  return token?.kind === 'word' ? token.source.toLowerCase() : undefined;
}

/** Whether the token is one of these signs. */
export function isSign(token: Token | undefined, ...signs: readonly string[]): boolean {
  return token?.kind === 'sign' && signs.includes(token.source);
}

function isClosingBrace(token: Token): boolean {
  return isSign(token, '}');
}

function isCaseLabel(token: Token): boolean {
  const keyword = keywordOf(token);
  return keyword === 'case' || keyword === 'default';
}

function endOf(text: string, file: string): SourcePlace {
  const lines = text.split('\n');
  return { file, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}
