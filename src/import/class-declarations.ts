import {
  allOf,
  anyOf,
  NOBODY,
  parseComparison,
  parseCondition,
  parseExistence,
  type Condition,
} from './condition.ts';
import { showTokens, type Token } from './dhcpd-conf-lexer.ts';
import { keywordOf, type BlockStatement, type PlainStatement } from './dhcpd-conf-parser.ts';
import { EMPTY_SCOPE, mergeScopes, type ScopeContent } from './scope-content.ts';
import type { Declaration, ScopeReader } from './scope-reader.ts';
import type { ClassDraft, SubclassDraft } from './site.ts';
import type { SourcePlace } from './source-place.ts';
import { StatementFault, subjectOf, TokenReader } from './token-reader.ts';

/** A class as it is declared; subclasses may stand anywhere behind it. */
interface DeclaredClass {
  readonly name: string;
  readonly place: SourcePlace;
  readonly words: readonly Token[];
  readonly content: ScopeContent;
  /** `match if`; undefined: everybody, as far as this goes. */
  readonly condition: Condition | undefined;
  /** `match EXPRESSION`, which subclasses are compared with. */
  readonly submatch: readonly Token[] | undefined;
  readonly spawnsWith: Condition | undefined;
  readonly isComplete: boolean;
  readonly subclasses: SubclassDraft[];
}

const CLASS_KEYWORDS: ReadonlySet<string> = new Set(['match', 'spawn', 'lease']);

/** Collects the classes and subclasses of a file. */
export class ClassCollector {
  readonly #scopes: ScopeReader;
  readonly #classes = new Map<string, DeclaredClass>();

  constructor(scopes: ScopeReader) {
    this.#scopes = scopes;
  }

  /** `class NAME { }` inside of these groups. A second declaration of a name is the one that counts for what it says. */
  addClass(statement: BlockStatement, groups: readonly ScopeContent[]): void {
    const { words, place, body } = statement;
    const name = this.#scopes.attempt(words, () => {
      const reader = new TokenReader(words.slice(1), place);
      const text = reader.readName('the name of a class');
      reader.readEnd();
      return text;
    });
    if (name === undefined) return;
    const read = this.#scopes.read(body, (keyword) => CLASS_KEYWORDS.has(keyword));
    const matching = this.#readMatching(read.declarations);
    const subclasses = this.#classes.get(name)?.subclasses ?? [];
    const content = mergeScopes(...groups, read.content);
    this.#classes.set(name, { name, place, words, content, ...matching, subclasses });
  }

  /** `subclass NAME VALUE;` or `subclass NAME VALUE { }` */
  addSubclass(statement: Declaration, groups: readonly ScopeContent[]): void {
    const { words, place } = statement;
    this.#scopes.attempt(words, () => {
      const reader = new TokenReader(words.slice(1), place);
      const name = reader.readName('the name of a class');
      const valuePlace = reader.place;
      const value = reader.readRest();
      const parent = this.#classes.get(name);
      if (parent === undefined) throw new StatementFault(place, `there is no class '${name}' above`);
      if (parent.submatch === undefined) {
        throw new StatementFault(
          place,
          `the class '${name}' has no 'match' that values could be compared with`,
        );
      }
      const match = parseComparison(parent.submatch, value, valuePlace, this.#scopes.names.catalogue);
      const content =
        statement.kind === 'block'
          ? mergeScopes(...groups, this.#scopes.read(statement.body, () => false).content)
          : EMPTY_SCOPE;
      parent.subclasses.push({ value: showTokens(value), place, match, content });
    });
  }

  /** All classes in the order in which they were declared. */
  classes(): readonly ClassDraft[] {
    return [...this.#classes.values()].map((declared) => {
      const { name, place, words, content, subclasses } = declared;
      const conditions = declared.condition === undefined ? [] : [declared.condition];
      const emptyBecause = whyEmpty(declared);
      return {
        name,
        place,
        words,
        content,
        emptyBecause,
        match: emptyBecause === undefined ? allOf([...conditions, membership(declared)]) : NOBODY,
        subclasses: subclasses.map((subclass) => ({
          ...subclass,
          match: allOf([...conditions, subclass.match]),
        })),
      };
    });
  }

  #readMatching(
    declarations: readonly Declaration[],
  ): Pick<DeclaredClass, 'condition' | 'submatch' | 'spawnsWith' | 'isComplete'> {
    let condition: Condition | undefined;
    let submatch: readonly Token[] | undefined;
    let spawnsWith: Condition | undefined;
    let isComplete = true;
    for (const declaration of declarations) {
      const { words, place } = declaration;
      const keyword = keywordOf(words[0]);
      if (declaration.kind === 'block') {
        this.#scopes.reportStranger(declaration);
        isComplete = false;
      } else if (keyword === 'lease') {
        this.#scopes.losses.lose(place, subjectOf(words), 'bootd does not limit how many leases a class has');
      } else if (keyword === 'match' && keywordOf(words[1]) === 'if') {
        condition = this.#scopes.attempt(words, () =>
          parseCondition(words.slice(2), place, this.#scopes.names.catalogue),
        );
        isComplete &&= condition !== undefined;
      } else if (keyword === 'match') submatch = words.slice(1);
      else {
        spawnsWith = this.#scopes.attempt(words, () => this.#readSpawn(declaration));
        isComplete &&= spawnsWith !== undefined;
      }
    }
    return { condition, submatch, spawnsWith, isComplete };
  }

  /** `spawn with option NAME`: whoever sends the option is in a subclass of his own, and so in the class. */
  #readSpawn({ words, place }: PlainStatement): Condition {
    const isOption = keywordOf(words[1]) === 'with' && keywordOf(words[2]) === 'option';
    if (!isOption) throw new StatementFault(place, 'bootd has no classes that are made as machines come');
    return parseExistence(words.slice(3), place, this.#scopes.names.catalogue);
  }
}

function whyEmpty(declared: DeclaredClass): ClassDraft['emptyBecause'] {
  const { isComplete, condition, submatch, spawnsWith, subclasses } = declared;
  if (!isComplete) return 'not-readable';
  const hasMembers = submatch === undefined ? (condition ?? spawnsWith) !== undefined : subclasses.length > 0;
  return hasMembers ? undefined : 'no-match';
}

/** Who belongs to the class among those that its condition lets in. */
function membership({ submatch, spawnsWith, subclasses }: DeclaredClass): Condition {
  return submatch === undefined ? (spawnsWith ?? allOf([])) : anyOf(subclasses.map(({ match }) => match));
}
