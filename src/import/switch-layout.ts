import type { OptionCatalogue } from '../dhcp/option-catalogue.ts';
import { allOf, anyOf, opposite, parseComparison, type Condition } from './condition.ts';
import type { Token } from './dhcpd-conf-lexer.ts';
import { keywordOf, type ConfStatement, type SwitchCase, type SwitchStatement } from './dhcpd-conf-parser.ts';
import type { SourcePlace } from './source-place.ts';
import { StatementFault } from './token-reader.ts';

/** One or more labels of a `switch`, and what is carried out for them. */
export interface SwitchBlock {
  readonly keyword: 'case' | 'default';
  readonly place: SourcePlace;
  readonly guard: Condition;
  readonly body: readonly ConfStatement[];
}

/**
 * Takes a `switch` apart into blocks that exclude each other: labels without statements between them share a block, and each
 * block goes on into the next one until a `break`. Throws StatementFault where classes cannot ask for a value, and for a `break`
 * inside of another statement.
 */
export function layoutSwitch(statement: SwitchStatement, catalogue: OptionCatalogue): readonly SwitchBlock[] {
  const { cases } = statement;
  if (cases.some(({ body }) => body.some(holdsBreak))) {
    throw new StatementFault(statement.place, "a 'break' stands inside of another statement");
  }
  const guards = new Map<SwitchCase, Condition>();
  for (const each of cases) {
    if (each.value !== undefined) {
      guards.set(each, conditionOf(statement.subject, each.value, each.place, catalogue));
    }
  }
  const blocks: SwitchBlock[] = [];
  let labels: SwitchCase[] = [];
  for (const [index, each] of cases.entries()) {
    labels.push(each);
    const [first] = labels;
    const isLast = index === cases.length - 1;
    if (first === undefined || (each.body.length === 0 && !isLast)) continue;
    const isDefault = labels.some(({ value }) => value === undefined);
    const others = cases.filter((other) => !labels.includes(other));
    const guard = isDefault
      ? allOf(conditionsOf(others, guards).map(opposite))
      : anyOf(conditionsOf(labels, guards));
    const keyword = isDefault ? 'default' : 'case';
    blocks.push({ keyword, place: first.place, guard, body: bodyFrom(cases, index) });
    labels = [];
  }
  return blocks;
}

function conditionsOf(
  cases: readonly SwitchCase[],
  guards: ReadonlyMap<SwitchCase, Condition>,
): readonly Condition[] {
  return cases.flatMap((each) => guards.get(each) ?? []);
}

function bodyFrom(cases: readonly SwitchCase[], index: number): readonly ConfStatement[] {
  const following = cases.slice(index).flatMap(({ body }) => body);
  const end = following.findIndex(isBreak);
  return end === -1 ? following : following.slice(0, end);
}

function conditionOf(
  subject: readonly Token[],
  value: readonly Token[],
  place: SourcePlace,
  catalogue: OptionCatalogue,
): Condition {
  // dhcpd wants parentheses around the subject; an operand has none.
  const isEnclosed = subject[0]?.source === '(' && subject.at(-1)?.source === ')';
  const operand = isEnclosed ? subject.slice(1, -1) : subject;
  return parseComparison(operand, value, place, catalogue);
}

function isBreak(statement: ConfStatement): boolean {
  return statement.kind === 'plain' && keywordOf(statement.words[0]) === 'break';
}

function holdsBreak(statement: ConfStatement): boolean {
  if (statement.kind !== 'conditional') return false;
  const bodies = [...statement.branches.map(({ body }) => body), statement.otherwise?.body ?? []];
  return bodies.some((body) => body.some((inner) => isBreak(inner) || holdsBreak(inner)));
}
