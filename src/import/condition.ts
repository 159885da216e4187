import { splitExpression } from '../dhcp/class-expression-lexis.ts';
import { parseClassExpression } from '../dhcp/class-expression-parser.ts';
import type { OptionCatalogue } from '../dhcp/option-catalogue.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';
import { showTokens, type Token } from './dhcpd-conf-lexer.ts';
import { isSign, keywordOf } from './dhcpd-conf-parser.ts';
import type { SourcePlace } from './source-place.ts';
import { StatementFault } from './token-reader.ts';

/**
 * When something holds, in the words of dhcp-eval(5). Single tests are true or false, never unknown, so that `all` and `any`
 * can be turned into their opposite part by part.
 *
 * That matters for `else`: to dhcpd, `exists x and option y = "z"` is unknown where `x` is absent, and `not` of unknown is unknown
 * too. The text `not (exists x and option y = "z")` would so miss the very machines that `else` is for.
 */
export type Condition =
  /** `exists NAME`, `known`. */
  | { readonly kind: 'test'; readonly text: string; readonly negated: boolean }
  | {
      readonly kind: 'comparison';
      readonly left: string;
      readonly right: string;
      readonly negated: boolean;
    }
  | { readonly kind: 'all' | 'any'; readonly parts: readonly Condition[] };

/** A condition as it is written, with its `not`s. */
type WrittenCondition =
  | { readonly kind: 'leaf'; readonly condition: Condition }
  | { readonly kind: 'and' | 'or'; readonly left: WrittenCondition; readonly right: WrittenCondition }
  | { readonly kind: 'not'; readonly of: WrittenCondition };

const DEEPEST_NESTING = 50;

/** Reads the tokens of a condition. Throws StatementFault where classes of bootd cannot ask the same. */
export function parseCondition(
  tokens: readonly Token[],
  place: SourcePlace,
  catalogue: OptionCatalogue,
): Condition {
  const reader = new ConditionReader(tokens, place, catalogue);
  return whenTrue(reader.readWhole());
}

/** `left = right` of two data expressions, which are written in different places. Throws StatementFault. */
export function parseComparison(
  left: readonly Token[],
  right: readonly Token[],
  place: SourcePlace,
  catalogue: OptionCatalogue,
): Condition {
  const comparison = { left: showTokens(left), right: showTokens(right) };
  checkExpression(`${comparison.left} = ${comparison.right}`, place, catalogue);
  return { kind: 'comparison', ...comparison, negated: false };
}

/** `exists NAME`. Throws StatementFault for an option that nobody knows. */
export function parseExistence(
  name: readonly Token[],
  place: SourcePlace,
  catalogue: OptionCatalogue,
): Condition {
  const text = `exists ${showTokens(name)}`;
  checkExpression(text, place, catalogue);
  return { kind: 'test', text, negated: false };
}

/** `left = right` of two data expressions that are known to be good. */
export function comparison(left: string, right: string): Condition {
  return { kind: 'comparison', left, right, negated: false };
}

function checkExpression(text: string, place: SourcePlace, catalogue: OptionCatalogue): void {
  const parsed = parseClassExpression(text, catalogue);
  if (parsed.kind === 'problem') throw new StatementFault(place, parsed.problem.message);
}

/** All of them at once; the parts of parts stand beside each other, and what follows from another part is left out. */
export function allOf(parts: readonly Condition[]): Condition {
  const flat = flatten('all', parts);
  return joined(
    'all',
    flat.filter((part) => !flat.some((other) => excludes(other, part))),
  );
}

/** At least one of them. */
export function anyOf(parts: readonly Condition[]): Condition {
  return joined('any', parts);
}

/** Holds for nobody. */
export const NOBODY: Condition = { kind: 'any', parts: [] };

function joined(kind: 'all' | 'any', parts: readonly Condition[]): Condition {
  const flat = flatten(kind, parts);
  const [only] = flat;
  return only !== undefined && flat.length === 1 ? only : { kind, parts: flat };
}

function flatten(kind: 'all' | 'any', parts: readonly Condition[]): readonly Condition[] {
  return parts.flatMap((part) => (part.kind === kind ? part.parts : [part]));
}

/** Whether `equality` is `x = "a"` and `difference` is `x != "b"`, so that the latter need not be said: else chains are full of it. */
function excludes(equality: Condition, difference: Condition): boolean {
  if (equality.kind !== 'comparison' || difference.kind !== 'comparison') return false;
  if (equality.negated || !difference.negated || equality.left !== difference.left) return false;
  const value = constantOf(equality.right);
  const other = constantOf(difference.right);
  return value !== undefined && other !== undefined && value !== other;
}

/** The octets of a constant, as text that compares; undefined for everything else. */
function constantOf(expression: string): string | undefined {
  const [token, end] = splitExpression(expression);
  return token?.kind === 'octets' && end?.kind === 'end' ? formatOctets(token.value) : undefined;
}

/** Holds exactly where the condition does not. */
export function opposite(condition: Condition): Condition {
  switch (condition.kind) {
    case 'test':
    case 'comparison':
      return { ...condition, negated: !condition.negated };
    case 'all':
      return anyOf(condition.parts.map(opposite));
    case 'any':
      return allOf(condition.parts.map(opposite));
  }
}

/** The text of the condition, with parentheses wherever `and` and `or` meet. */
export function showCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'test':
      return condition.negated ? `not ${condition.text}` : condition.text;
    case 'comparison':
      return `${condition.left} ${condition.negated ? '!=' : '='} ${condition.right}`;
    case 'all':
    case 'any': {
      if (condition.parts.length === 0) return condition.kind === 'all' ? ALWAYS : NEVER;
      const shown = condition.parts.map((part) =>
        part.kind === 'all' || part.kind === 'any' ? `(${showCondition(part)})` : showCondition(part),
      );
      return shown.join(condition.kind === 'all' ? ' and ' : ' or ');
    }
  }
}

/** What everybody, and nobody, fulfils. */
const ALWAYS = 'known or not known';
const NEVER = 'known and not known';

function whenTrue(written: WrittenCondition): Condition {
  switch (written.kind) {
    case 'leaf':
      return written.condition;
    case 'and':
      return allOf([whenTrue(written.left), whenTrue(written.right)]);
    case 'or':
      return anyOf([whenTrue(written.left), whenTrue(written.right)]);
    case 'not':
      return whenFalse(written.of);
  }
}

/** When dhcpd finds it false, and not only unknown: `and` is unknown unless its left side is true, `or` where its right side decides. */
function whenFalse(written: WrittenCondition): Condition {
  if (isNeverUnknown(written)) return opposite(whenTrue(written));
  switch (written.kind) {
    case 'leaf':
      return opposite(written.condition);
    case 'and':
      return allOf([whenTrue(written.left), whenFalse(written.right)]);
    case 'or':
      return allOf([opposite(whenTrue(written.left)), whenFalse(written.right)]);
    case 'not':
      return whenTrue(written.of);
  }
}

function isNeverUnknown(written: WrittenCondition): boolean {
  switch (written.kind) {
    case 'leaf':
      return true;
    case 'and':
      return false;
    case 'or':
      return isNeverUnknown(written.right);
    case 'not':
      return isNeverUnknown(written.of);
  }
}

class ConditionReader {
  readonly #tokens: readonly Token[];
  readonly #start: SourcePlace;
  readonly #catalogue: OptionCatalogue;
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], start: SourcePlace, catalogue: OptionCatalogue) {
    this.#tokens = tokens;
    this.#start = start;
    this.#catalogue = catalogue;
  }

  readWhole(): WrittenCondition {
    const condition = this.#readChain();
    const rest = this.#tokens[this.#next];
    if (rest !== undefined) throw new StatementFault(rest.place, `'${rest.source}' has no meaning here`);
    return condition;
  }

  /** `and` and `or` bind alike and to the right (dhcpd 4.4.3, observed): `a and b or c` is `a and (b or c)`. */
  #readChain(): WrittenCondition {
    const units = [this.#readUnit()];
    const links: ('and' | 'or')[] = [];
    for (;;) {
      const link = keywordOf(this.#tokens[this.#next]);
      if (link !== 'and' && link !== 'or') break;
      links.push(link);
      this.#next += 1;
      units.push(this.#readUnit());
    }
    return units.reduceRight((right, left, index) => ({ kind: links[index] ?? 'and', left, right }));
  }

  #readUnit(): WrittenCondition {
    const token = this.#tokens[this.#next];
    this.#depth += 1;
    if (this.#depth > DEEPEST_NESTING) throw new StatementFault(this.#start, 'it is nested too deeply');
    let unit: WrittenCondition;
    if (keywordOf(token) === 'not') {
      this.#next += 1;
      unit = { kind: 'not', of: this.#readUnit() };
    } else if (isSign(token, '(') && this.#parenthesesHoldCondition()) {
      this.#next += 1;
      unit = this.#readChain();
      this.#next += 1;
    } else unit = this.#readLeaf();
    this.#depth -= 1;
    return unit;
  }

  /** Parentheses may also stand around a value that is compared: `(option host-name) = "a"`. */
  #parenthesesHoldCondition(): boolean {
    const end = this.#closingParenthesis();
    const after = this.#tokens[end + 1];
    const link = keywordOf(after);
    return after === undefined || link === 'and' || link === 'or' || isSign(after, ')');
  }

  #closingParenthesis(): number {
    let depth = 0;
    for (let at = this.#next; at < this.#tokens.length; at += 1) {
      if (isSign(this.#tokens[at], '(')) depth += 1;
      if (isSign(this.#tokens[at], ')')) depth -= 1;
      if (depth === 0) return at;
    }
    throw new StatementFault(this.#tokens[this.#next]?.place ?? this.#start, "this '(' is never closed");
  }

  /** The tokens up to the next `and`, `or` or closing parenthesis that is not inside of a function. */
  #readLeaf(): WrittenCondition {
    const from = this.#next;
    let depth = 0;
    for (; this.#next < this.#tokens.length; this.#next += 1) {
      const token = this.#tokens[this.#next];
      const keyword = keywordOf(token);
      if (depth === 0 && (keyword === 'and' || keyword === 'or' || isSign(token, ')'))) break;
      if (isSign(token, '(')) depth += 1;
      if (isSign(token, ')')) depth -= 1;
    }
    const tokens = this.#tokens.slice(from, this.#next);
    const place = tokens[0]?.place ?? this.#start;
    if (tokens.length === 0) throw new StatementFault(place, 'a condition is missing');
    checkExpression(showTokens(tokens), place, this.#catalogue);
    return { kind: 'leaf', condition: leafOf(tokens) };
  }
}

function leafOf(tokens: readonly Token[]): Condition {
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (isSign(token, '(')) depth += 1;
    if (isSign(token, ')')) depth -= 1;
    if (depth > 0 || !isSign(token, '=', '!=')) continue;
    const left = showTokens(tokens.slice(0, at));
    const right = showTokens(tokens.slice(at + 1));
    return { kind: 'comparison', left, right, negated: token.source === '!=' };
  }
  return { kind: 'test', text: showTokens(tokens), negated: false };
}
