import type { BooleanExpression, DataExpression } from './class-expression.ts';
import { ExpressionFault, splitExpression, type Token } from './class-expression-lexis.ts';
import type { CataloguedOption, OptionCatalogue } from './option-catalogue.ts';

/** Something to say about a place of an expression; `offset` counts UTF-16 units from its beginning. */
export interface ExpressionRemark {
  readonly offset: number;
  readonly message: string;
}

/** What is wrong with an expression. */
export interface ExpressionProblem extends ExpressionRemark {
  /** The name of an option that nobody knows, where that is the problem. */
  readonly unknownOption: string | undefined;
}

/** The tree of an expression, or what is wrong with it. */
export type ParsedExpression =
  | {
      readonly kind: 'expression';
      readonly expression: BooleanExpression;
      /** Places that dhcpd, and so this program, reads otherwise than most people. */
      readonly warnings: readonly ExpressionRemark[];
    }
  | { readonly kind: 'problem'; readonly problem: ExpressionProblem };

/** Deeper nesting than anybody writes; the tree is walked recursively. */
const DEEPEST_NESTING = 100;

const CONDITION_WORDS = new Set(['and', 'or', 'not', 'exists', 'known', 'if']);

/** Functions and conditions of dhcp-eval(5) that make no sense for, or are not offered in, classes. */
const NOT_OFFERED = new Set([
  'binary-to-ascii',
  'check',
  'client-state',
  'config-option',
  'encode-int',
  'extract-int',
  'filename',
  'gethostname',
  'host-decl-name',
  'lease-time',
  'leased-address',
  'pick',
  'pick-first-value',
  'reverse',
  'server-name',
  'static',
  'v6relay',
]);

/**
 * Reads a boolean expression of dhcp-eval(5): comparisons with `=` and `!=`, `exists`, `known`, `not`, `and`, `or`.
 *
 * `and` and `or` bind alike and to the right, as dhcpd 4.4.3 does (observed): `a and b or c` is `a and (b or c)`. Mixing
 * them without parentheses gives a warning. `not` takes one comparison, or what stands in parentheses.
 */
export function parseClassExpression(text: string, catalogue: OptionCatalogue): ParsedExpression {
  try {
    const parser = new ExpressionParser(splitExpression(text), catalogue);
    const expression = parser.parseWhole();
    return { kind: 'expression', expression, warnings: parser.warnings };
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error;
    const { offset, message, unknownOption } = error;
    return { kind: 'problem', problem: { offset, message, unknownOption } };
  }
}

/** A data expression together with the option that it is, whose type gives a bare number its width. */
interface Operand {
  readonly expression: DataExpression;
  readonly option: CataloguedOption | undefined;
  /** A number alone; its octets depend on the other side. */
  readonly number: Token | undefined;
}

class ExpressionParser {
  readonly warnings: ExpressionRemark[] = [];
  readonly #tokens: readonly Token[];
  readonly #catalogue: OptionCatalogue;
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], catalogue: OptionCatalogue) {
    this.#tokens = tokens;
    this.#catalogue = catalogue;
  }

  parseWhole(): BooleanExpression {
    const first = this.#peek();
    if (first.kind === 'end') throw new ExpressionFault(0, 'the expression is empty');
    if (isWord(first, 'if'))
      throw new ExpressionFault(first.offset, "leave out 'if'; the expression alone stands here");
    const expression = this.#parseChain();
    const rest = this.#peek();
    if (rest.kind !== 'end') {
      throw new ExpressionFault(rest.offset, `expected 'and', 'or' or the end, found ${shown(rest)}`);
    }
    return expression;
  }

  /** Conditions with `and` and `or` between them. */
  #parseChain(): BooleanExpression {
    const conditions: BooleanExpression[] = [this.#parseCondition()];
    const links: ('and' | 'or')[] = [];
    for (;;) {
      const token = this.#peek();
      const link = isWord(token, 'and') ? 'and' : isWord(token, 'or') ? 'or' : undefined;
      if (link === undefined) break;
      const before = links.at(-1);
      if (before !== undefined && before !== link && link === 'or') {
        this.warnings.push({
          offset: token.offset,
          message: "'a and b or c' means 'a and (b or c)', as in dhcpd; parentheses make it clear",
        });
      }
      links.push(link);
      this.#next += 1;
      conditions.push(this.#parseCondition());
    }
    return conditions.reduceRight((right, left, index) => ({ kind: links[index] ?? 'and', left, right }));
  }

  #parseCondition(): BooleanExpression {
    const token = this.#peek();
    this.#depth += 1;
    if (this.#depth > DEEPEST_NESTING)
      throw new ExpressionFault(token.offset, 'the expression is nested too deeply');
    const condition = this.#parseConditionAt(token);
    this.#depth -= 1;
    return condition;
  }

  #parseConditionAt(token: Token): BooleanExpression {
    if (isWord(token, 'not')) {
      this.#next += 1;
      return { kind: 'not', of: this.#parseCondition() };
    }
    if (isWord(token, 'known')) {
      this.#next += 1;
      return { kind: 'known' };
    }
    if (isWord(token, 'exists')) {
      this.#next += 1;
      const { code, carrier } = this.#parseOptionName().place;
      return { kind: 'exists', code, carrier };
    }
    if (token.text === '(' && token.kind === 'sign') {
      this.#next += 1;
      const inside = this.#parseChain();
      this.#expectSign(')');
      return inside;
    }
    return this.#parseComparison();
  }

  #parseComparison(): BooleanExpression {
    const left = this.#parseOperand();
    const sign = this.#peek();
    if (sign.kind !== 'sign' || (sign.text !== '=' && sign.text !== '!=')) {
      throw new ExpressionFault(sign.offset, `expected '=' or '!=', found ${shown(sign)}`);
    }
    this.#next += 1;
    const after = this.#peek();
    if (after.kind === 'sign' && after.text === '=') {
      throw new ExpressionFault(after.offset, "equality is written with one '='");
    }
    const right = this.#parseOperand();
    return {
      kind: sign.text === '=' ? 'equals' : 'not-equals',
      left: this.#settle(left, right),
      right: this.#settle(right, left),
    };
  }

  /** Turns a bare number into octets: as wide as the integer it is compared with, else one octet. */
  #settle(operand: Operand, other: Operand): DataExpression {
    const { number } = operand;
    if (number === undefined) return operand.expression;
    const type = other.option?.type.kind === 'array' ? other.option.type.of : other.option?.type;
    if (type?.kind === 'integer' && type.bits > 8) {
      const value = Number(number.text);
      if (value < 2 ** type.bits) return { kind: 'octets', value: bigEndian(value, type.bits / 8) };
      throw new ExpressionFault(number.offset, `${number.text} does not fit into ${type.bits} bits`);
    }
    if (number.text.length > 2) {
      throw new ExpressionFault(number.offset, `write ${number.text} as hexadecimal octets, such as 02:40`);
    }
    if (Number(number.text) > 9) {
      this.warnings.push({
        offset: number.offset,
        message: `${number.text} is read as the hexadecimal octet 0x${number.text}, as in dhcpd`,
      });
    }
    return { kind: 'octets', value: Uint8Array.of(Number.parseInt(number.text, 16)) };
  }

  #parseData(): DataExpression {
    const operand = this.#parseOperand();
    return this.#settle(operand, { expression: operand.expression, option: undefined, number: undefined });
  }

  #parseOperand(): Operand {
    const token = this.#peek();
    this.#depth += 1;
    if (this.#depth > DEEPEST_NESTING)
      throw new ExpressionFault(token.offset, 'the expression is nested too deeply');
    const operand = this.#parseOperandAt(token);
    this.#depth -= 1;
    return operand;
  }

  #parseOperandAt(token: Token): Operand {
    this.#next += 1;
    if (token.kind === 'octets') return plain({ kind: 'octets', value: token.value });
    if (token.kind === 'number') {
      return { expression: { kind: 'octets', value: new Uint8Array(0) }, option: undefined, number: token };
    }
    if (token.kind === 'word') return this.#parseFunction(token.text.toLowerCase(), token);
    this.#next -= 1;
    throw new ExpressionFault(token.offset, `expected a value, found ${shown(token)}`);
  }

  #parseFunction(name: string, token: Token): Operand {
    switch (name) {
      case 'option': {
        const { option, place } = this.#parseOptionName();
        const { code, carrier } = place;
        return {
          expression:
            carrier === undefined ? { kind: 'option', code } : { kind: 'sub-option', carrier, code },
          option,
          number: undefined,
        };
      }
      case 'hardware':
        return plain({ kind: 'hardware' });
      case 'substring': {
        this.#expectSign('(');
        const of = this.#parseData();
        const offset = this.#parseArgumentNumber();
        const length = this.#parseArgumentNumber();
        this.#expectSign(')');
        return plain({ kind: 'substring', of, offset, length });
      }
      case 'suffix': {
        this.#expectSign('(');
        const of = this.#parseData();
        const length = this.#parseArgumentNumber();
        this.#expectSign(')');
        return plain({ kind: 'suffix', of, length });
      }
      case 'packet': {
        this.#expectSign('(');
        const offset = this.#parseNumber();
        const length = this.#parseArgumentNumber();
        this.#expectSign(')');
        return plain({ kind: 'packet', offset, length });
      }
      case 'concat': {
        this.#expectSign('(');
        const parts = [this.#parseData()];
        while (this.#peek().text === ',') {
          this.#next += 1;
          parts.push(this.#parseData());
        }
        this.#expectSign(')');
        return plain({ kind: 'concat', parts });
      }
      case 'lcase':
      case 'ucase': {
        this.#expectSign('(');
        const of = this.#parseData();
        this.#expectSign(')');
        return plain({ kind: name, of });
      }
      default:
        // A lone octet may begin with a letter: `ff`.
        if (/^[0-9a-f]{1,2}$/.test(name)) {
          return plain({ kind: 'octets', value: Uint8Array.of(Number.parseInt(name, 16)) });
        }
        throw new ExpressionFault(token.offset, this.#objectionToWord(name));
    }
  }

  #objectionToWord(name: string): string {
    if (CONDITION_WORDS.has(name)) return `expected a value, found '${name}'`;
    if (NOT_OFFERED.has(name)) return `'${name}' is not offered in the expressions of classes`;
    if (this.#catalogue.find(name) !== undefined) return `write 'option ${name}' for the value of the option`;
    return `'${name}' has no meaning here; text stands in double quotes`;
  }

  #parseOptionName(): { readonly option: CataloguedOption; readonly place: OptionPlace } {
    const token = this.#peek();
    if (token.kind !== 'word')
      throw new ExpressionFault(token.offset, `expected the name of an option, found ${shown(token)}`);
    const option = this.#catalogue.find(token.text);
    if (option === undefined) {
      throw new ExpressionFault(token.offset, `unknown option '${token.text}'`, token.text);
    }
    this.#next += 1;
    if (option.space === undefined) return { option, place: { code: option.code, carrier: undefined } };
    const carrier = this.#catalogue.carrierOf(option.space);
    if (carrier !== undefined) return { option, place: { code: option.code, carrier } };
    throw new ExpressionFault(token.offset, `no option carries the space of '${token.text}'`);
  }

  #parseArgumentNumber(): number {
    this.#expectSign(',');
    return this.#parseNumber();
  }

  #parseNumber(): number {
    const token = this.#peek();
    const value = token.kind === 'number' ? Number(token.text) : Number.NaN;
    if (!(value <= 0xffff)) {
      throw new ExpressionFault(token.offset, `expected a whole number up to 65535, found ${shown(token)}`);
    }
    this.#next += 1;
    return value;
  }

  #expectSign(sign: '(' | ')' | ','): void {
    const token = this.#peek();
    if (token.kind !== 'sign' || token.text !== sign) {
      throw new ExpressionFault(token.offset, `expected '${sign}', found ${shown(token)}`);
    }
    this.#next += 1;
  }

  #peek(): Token {
    const token = this.#tokens[this.#next] ?? this.#tokens.at(-1);
    return token ?? { kind: 'end', text: '', offset: 0 };
  }
}

interface OptionPlace {
  readonly code: number;
  readonly carrier: number | undefined;
}

function plain(expression: DataExpression): Operand {
  return { expression, option: undefined, number: undefined };
}

function isWord(token: Token, word: string): boolean {
  return token.kind === 'word' && token.text.toLowerCase() === word;
}

function shown(token: Token): string {
  return token.kind === 'end' ? 'the end' : `'${token.text}'`;
}

function bigEndian(value: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => Math.floor(value / 2 ** (8 * (length - 1 - index))) % 256);
}
