import { singleton } from './ere-bytes.ts';
import { EreError } from './ere-error.ts';
import { EreScanner, type EreToken } from './ere-scanner.ts';
import type { EreSyntax, EreTree } from './ere-syntax.ts';

/** The greatest number in an interval: POSIX's RE_DUP_MAX. */
const REPEAT_MAX = 0x7fff;

/** Parentheses within parentheses; glibc has no limit but its stack. */
const NESTING_MAX = 250;

/** `\\9`. */
const GROUP_NAMED_MAX = 9;

const COMMA = 0x2c;
const DIGIT_ZERO = 0x30;

interface Interval {
  readonly min: number;
  readonly max: number;
}

/**
 * Parses a POSIX extended regular expression as glibc 2.36 does in the C locale, GNU operators included. The pattern
 * is a Latin-1 string. Throws `EreError` with the text of regerror(3).
 */
export function parseEre(pattern: string, ignoreCase: boolean): EreSyntax {
  return new EreParser(pattern, ignoreCase).parse();
}

class EreParser {
  readonly #scanner: EreScanner;
  #token: EreToken;
  #groupCount = 0;
  /** Bit n: group n may be referred to here, since it was closed before, in this branch. Nine groups can be named. */
  #closedGroups = 0;

  constructor(pattern: string, ignoreCase: boolean) {
    this.#scanner = new EreScanner(pattern, ignoreCase);
    this.#token = this.#scanner.next();
  }

  parse(): EreSyntax {
    const tree = this.#parseAlternatives(0);
    return { tree, groupCount: this.#groupCount };
  }

  #parseAlternatives(nesting: number): EreTree | undefined {
    const closedBefore = this.#closedGroups;
    let closedInAny = closedBefore;
    const branches: (EreTree | undefined)[] = [];
    for (;;) {
      this.#closedGroups = closedBefore;
      branches.push(this.#parseBranch(nesting));
      closedInAny |= this.#closedGroups;
      if (this.#token.kind !== 'bar') break;
      this.#advance();
    }
    this.#closedGroups = closedInAny;
    return branches.length === 1 ? branches[0] : { kind: 'alternatives', branches };
  }

  #parseBranch(nesting: number): EreTree | undefined {
    const parts: EreTree[] = [];
    while (!this.#isBranchEnd(nesting)) {
      const part = this.#parseExpression(nesting);
      if (part !== undefined) parts.push(part);
    }
    return parts.length > 1 ? { kind: 'sequence', parts } : parts[0];
  }

  #isBranchEnd(nesting: number): boolean {
    const { kind } = this.#token;
    return kind === 'bar' || kind === 'end' || (kind === 'close-group' && nesting > 0);
  }

  /** One atom with its repetitions. Anchors take none: the `*` of `^*` repeats nothing. */
  #parseExpression(nesting: number): EreTree | undefined {
    const token = this.#token;
    if (token.kind === 'anchor') {
      this.#advance();
      return token;
    }
    if (token.kind === 'either-anchor') {
      this.#advance();
      const branches = token.assertions.map((assertions): EreTree => ({ kind: 'anchor', assertions }));
      return { kind: 'alternatives', branches };
    }
    let tree: EreTree | undefined = this.#parseAtom(token, nesting);
    this.#advance();
    for (let interval = this.#parseInterval(); interval !== undefined; interval = this.#parseInterval()) {
      tree = repeat(tree, interval);
    }
    return tree;
  }

  /** Leaves the last token of the atom as the current one. */
  #parseAtom(token: EreToken, nesting: number): EreTree {
    switch (token.kind) {
      case 'byte':
        return { kind: 'bytes', set: singleton(token.byte) };
      case 'set':
        return { kind: 'bytes', set: token.set };
      case 'bracket':
        return { kind: 'bytes', set: this.#scanner.bracket() };
      case 'close-group': // only outside of groups, see #isBranchEnd
        return { kind: 'bytes', set: singleton(')'.charCodeAt(0)) };
      case 'close-brace':
        return { kind: 'bytes', set: singleton('}'.charCodeAt(0)) };
      case 'open-group':
        return this.#parseGroup(nesting + 1);
      case 'back-reference':
        if ((this.#closedGroups & (1 << token.group)) === 0) throw new EreError('badBackReference');
        return token;
      case 'trailing-backslash':
        throw new EreError('trailingBackslash');
      case 'star':
      case 'plus':
      case 'question':
      case 'open-brace':
        throw new EreError('nothingToRepeat');
      case 'bar':
      case 'end':
      case 'anchor':
      case 'either-anchor':
        throw new EreError('badPattern'); // taken care of by the callers
      default:
        return token satisfies never;
    }
  }

  #parseGroup(nesting: number): EreTree {
    if (nesting > NESTING_MAX) throw new EreError('tooBig');
    const group = ++this.#groupCount;
    this.#advance();
    const body = this.#token.kind === 'close-group' ? undefined : this.#parseAlternatives(nesting);
    if (this.#token.kind !== 'close-group') throw new EreError('unmatchedParenthesis');
    if (group <= GROUP_NAMED_MAX) this.#closedGroups |= 1 << group;
    return { kind: 'group', group, body };
  }

  /** The repetition that stands here, if one does. */
  #parseInterval(): Interval | undefined {
    switch (this.#token.kind) {
      case 'star':
        this.#advance();
        return { min: 0, max: Infinity };
      case 'plus':
        this.#advance();
        return { min: 1, max: Infinity };
      case 'question':
        this.#advance();
        return { min: 0, max: 1 };
      case 'open-brace': {
        const interval = this.#parseBraces();
        this.#advance();
        return interval;
      }
      default:
        return undefined;
    }
  }

  /** `{n}`, `{n,}`, `{,m}`, `{n,m}`, and glibc's `{,}`; leaves the closing brace as the current token. */
  #parseBraces(): Interval {
    let min = this.#parseNumber();
    if (min === undefined) {
      if (!this.#atComma()) throw new EreError('badInterval');
      min = 0;
    }
    const max = this.#atComma() && min !== 'junk' ? (this.#parseNumber() ?? Infinity) : min;
    if (min === 'junk' || max === 'junk') {
      throw new EreError(this.#token.kind === 'end' ? 'unmatchedBrace' : 'badInterval');
    }
    if (min > max || this.#token.kind !== 'close-brace') throw new EreError('badInterval');
    if ((max === Infinity ? min : max) > REPEAT_MAX) throw new EreError('tooBig');
    return { min, max };
  }

  /**
   * Reads up to the next comma or closing brace, which becomes the current token. Undefined when nothing stands there.
   * glibc reads tokens here, not bytes, so that an escaped digit counts.
   */
  #parseNumber(): number | 'junk' | undefined {
    let number: number | 'junk' | undefined;
    for (;;) {
      this.#advance();
      const token = this.#token;
      if (token.kind === 'end') return 'junk';
      if (token.kind === 'close-brace' || this.#atComma()) return number;
      const digit = token.kind === 'byte' ? token.byte - DIGIT_ZERO : -1;
      const isDigit = digit >= 0 && digit <= 9;
      number = isDigit && number !== 'junk' ? Math.min((number ?? 0) * 10 + digit, REPEAT_MAX + 1) : 'junk';
    }
  }

  #atComma(): boolean {
    return this.#token.kind === 'byte' && this.#token.byte === COMMA;
  }

  #advance(): void {
    this.#token = this.#scanner.next();
  }
}

/** A repetition of nothing is nothing, and so is one of no times; once is the thing itself. */
function repeat(body: EreTree | undefined, { min, max }: Interval): EreTree | undefined {
  if (body === undefined || max === 0) return undefined;
  if (min === 1 && max === 1) return body;
  return { kind: 'repeat', body, min, max };
}
