import { OptionCatalogue } from '../dhcp/option-catalogue.ts';
import { optionByName } from '../wire/dhcp/option-codes.ts';
import { formatOptionType, parseOptionType } from '../wire/dhcp/option-types.ts';
import { showTokens } from './dhcpd-conf-lexer.ts';
import { isSign, keywordOf, type ConfStatement, type PlainStatement } from './dhcpd-conf-parser.ts';
import type { LossList } from './loss-list.ts';
import type { SourcePlace } from './source-place.ts';
import { StatementFault, subjectOf, TokenReader } from './token-reader.ts';

/** `option NAME code CODE = TYPE;` */
export interface DefinedOption {
  readonly name: string;
  readonly code: number;
  /** In the words of `option-definitions`. */
  readonly type: string;
  readonly place: SourcePlace;
}

/** The names that options have in a dhcpd.conf. */
export interface DefinedOptions {
  readonly catalogue: OptionCatalogue;
  readonly definitions: readonly DefinedOption[];
  /** Names, in lower case, that the file defines in a way that bootd cannot say; what uses them is lost as well. */
  readonly unusable: ReadonlySet<string>;
}

/** What bootd takes for the name of an option. */
const OPTION_NAME = /^(?:[a-z][\w-]*\.)?[a-z0-9][\w-]*$/i;

const HIGHEST_CODE = 254;

/** Whether the statement defines an option or a space, instead of giving an option a value. */
export function definesOption({ words }: PlainStatement): boolean {
  if (keywordOf(words[0]) !== 'option') return false;
  if (keywordOf(words[1]) === 'space') return true;
  const afterName = isSign(words[2], '.') ? words[4] : words[2];
  return keywordOf(afterName) === 'code';
}

/** Collects every definition of the file, at whatever depth: dhcpd knows no scopes of names. */
export function collectOptionDefinitions(
  statements: readonly ConfStatement[],
  losses: LossList,
): DefinedOptions {
  const definitions = new Map<string, DefinedOption>();
  const unusable = new Set<string>();
  const catalogue = new OptionCatalogue();
  for (const statement of plainStatements(statements)) {
    if (!definesOption(statement)) continue;
    const { place, words } = statement;
    try {
      const reader = new TokenReader(words.slice(1), place);
      if (reader.takeWord('space') !== undefined) {
        readSpace(reader);
        continue;
      }
      const definition = readDefinition(reader, place, unusable);
      const key = definition.name.toLowerCase();
      definitions.delete(key);
      definitions.set(key, definition);
      unusable.delete(key);
      defineIn(catalogue, definition);
    } catch (error) {
      if (!(error instanceof StatementFault)) throw error;
      losses.lose(error.place, subjectOf(words), error.message);
    }
  }
  return { catalogue, definitions: [...definitions.values()], unusable };
}

function defineIn(catalogue: OptionCatalogue, { name, code, type }: DefinedOption): void {
  const parsed = parseOptionType(type);
  if (parsed === undefined) return;
  const dot = name.indexOf('.');
  const space = dot === -1 ? undefined : name.slice(0, dot).toLowerCase();
  catalogue.define({ name, code, type: parsed, space });
}

/** A space is there as soon as one of its sub-options is; only unusual widths would have to be said. */
function readSpace(reader: TokenReader): void {
  reader.readWord('the name of a space');
  while (!reader.isAtEnd) {
    const { place } = reader;
    const what = reader.takeWord('code', 'length', 'hash');
    if (what === undefined) throw reader.expected("';'");
    if (reader.takeWord('width', 'size') === undefined) throw reader.expected("'width'");
    const width = reader.readDecimal('a number');
    if (what !== 'hash' && width !== 1) {
      throw new StatementFault(
        place,
        `codes and lengths of sub-options have one octet in bootd, not ${width}`,
      );
    }
  }
}

function readDefinition(reader: TokenReader, place: SourcePlace, unusable: Set<string>): DefinedOption {
  const name = reader.readDotted('the name of an option');
  unusable.add(name.toLowerCase());
  reader.takeWord('code');
  const codePlace = reader.place;
  const code = reader.readDecimal('the code of the option');
  if (!reader.takeSign('=')) throw reader.expected("'='");
  const typePlace = reader.place;
  const written = showTokens(reader.readRest()).replace(/\s+/g, ' ');
  const type = parseOptionType(written);
  if (type === undefined) throw new StatementFault(typePlace, `bootd has no type '${written}'`);
  if (code < 1 || code > HIGHEST_CODE) {
    throw new StatementFault(codePlace, `codes of options go from 1 to ${HIGHEST_CODE}`);
  }
  if (!OPTION_NAME.test(name)) throw new StatementFault(place, `'${name}' cannot name an option in bootd`);
  const standard = name.includes('.') ? undefined : optionByName(name);
  if (standard !== undefined && standard.code !== code) {
    const reason = `'${name}' is the name of option ${standard.code} in bootd; give option ${code} another one`;
    throw new StatementFault(place, reason);
  }
  if (name.includes('.') && type.kind === 'encapsulate') {
    throw new StatementFault(typePlace, 'a sub-option cannot carry a space of its own in bootd');
  }
  return { name, code, type: formatOptionType(type), place };
}

function* plainStatements(statements: readonly ConfStatement[]): Iterable<PlainStatement> {
  for (const statement of statements) {
    switch (statement.kind) {
      case 'plain':
        yield statement;
        break;
      case 'block':
        yield* plainStatements(statement.body);
        break;
      case 'conditional':
        for (const { body } of statement.branches) yield* plainStatements(body);
        yield* plainStatements(statement.otherwise?.body ?? []);
        break;
      case 'switch':
        for (const { body } of statement.cases) yield* plainStatements(body);
        break;
    }
  }
}
