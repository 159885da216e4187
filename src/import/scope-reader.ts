import { allOf, opposite, parseCondition, type Condition } from './condition.ts';
import type { Token } from './dhcpd-conf-lexer.ts';
import {
  keywordOf,
  type BlockStatement,
  type ConditionalStatement,
  type ConfStatement,
  type PlainStatement,
  type SwitchStatement,
} from './dhcpd-conf-parser.ts';
import type { LossList } from './loss-list.ts';
import { definesOption } from './option-definitions.ts';
import { readParameter, type OptionNames } from './parameter-statements.ts';
import { allSettings, ScopeBuilder, type ChainBranch, type ScopeContent } from './scope-content.ts';
import type { SourcePlace } from './source-place.ts';
import { layoutSwitch } from './switch-layout.ts';
import { StatementFault, subjectOf } from './token-reader.ts';
import { fateOf } from './uncarried-statements.ts';

/** A statement that declares something, or that only the reader of a certain declaration understands. */
export type Declaration = PlainStatement | BlockStatement;

/** The statements of one pair of braces: what they say, and what they declare. */
export interface ReadScope {
  readonly content: ScopeContent;
  readonly declarations: readonly Declaration[];
}

/** Reads what scopes say. Everything that is not carried over goes to the list of losses. */
export class ScopeReader {
  readonly losses: LossList;
  readonly names: OptionNames;

  constructor(names: OptionNames, losses: LossList) {
    this.names = names;
    this.losses = losses;
  }

  /**
   * Reads the statements between two braces. `declares` says which of them the caller reads itself, by their first word;
   * those come back in their order, and all others are listed.
   */
  read(
    body: readonly ConfStatement[],
    declares: (keyword: string, statement: Declaration) => boolean,
  ): ReadScope {
    const builder = new ScopeBuilder();
    const declarations: Declaration[] = [];
    for (const statement of body) {
      switch (statement.kind) {
        case 'plain':
        case 'block': {
          const keyword = keywordOf(statement.words[0]);
          if (keyword !== undefined && declares(keyword, statement)) declarations.push(statement);
          else if (statement.kind === 'block' || !this.#readPlain(statement, builder))
            this.reportStranger(statement);
          break;
        }
        case 'conditional':
          this.#readConditional(statement, builder);
          break;
        case 'switch':
          this.#readSwitch(statement, builder);
          break;
      }
    }
    return { content: builder.build(), declarations };
  }

  /** Lists a statement that bootd does not carry over, with the reason, or as one that nobody knows. */
  reportStranger(statement: Declaration): void {
    const { words, place } = statement;
    const keyword = keywordOf(words[0]) ?? '';
    const subject = subjectOf(words);
    if (statement.kind === 'block' && keyword === 'on') {
      this.#reportEvent(statement, subject);
      return;
    }
    const fate = fateOf(keyword, words[1]?.source);
    if (fate === undefined) {
      this.losses.lose(place, subject, 'bootd knows no such statement, or not in this place');
    } else if (fate.essential) this.losses.lose(place, subject, fate.reason);
    else this.losses.note(place, subject, fate.reason);
  }

  /** Carries out what reads one statement; a fault in it goes to the list of losses. Undefined after a fault. */
  attempt<T>(words: readonly Token[], action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof StatementFault)) throw error;
      this.losses.lose(error.place, subjectOf(words), error.message);
      return undefined;
    }
  }

  /** False when the statement gives the scope no value. */
  #readPlain(statement: PlainStatement, builder: ScopeBuilder): boolean {
    const { words, place } = statement;
    // Definitions were collected beforehand: they hold for the whole file.
    if (definesOption(statement)) return true;
    let isParameter = true;
    this.attempt(words, () => {
      const parameter = readParameter(statement, this.names);
      switch (parameter?.kind) {
        case 'setting':
          this.#reportVoided(builder.set(parameter.setting), parameter.setting.place);
          break;
        case 'note':
          this.losses.note(place, subjectOf(words), parameter.reason);
          break;
        case 'loss':
          this.losses.lose(place, subjectOf(words), parameter.reason);
          break;
        case undefined:
          isParameter = false;
      }
    });
    return isParameter;
  }

  #reportVoided(voided: ReturnType<ScopeBuilder['set']>, by: SourcePlace): void {
    for (const { place, words } of voided) {
      this.losses.note(
        place,
        subjectOf(words),
        `it never counts, since line ${by.line} says the same for all`,
      );
    }
  }

  /** `if … elsif … else …`: each branch holds where its condition does and none before it. */
  #readConditional({ branches: written, otherwise }: ConditionalStatement, builder: ScopeBuilder): void {
    const branches: ChainBranch[] = [];
    const none: Condition[] = [];
    let isReadable = true;
    for (const { place, condition, body } of written) {
      const content = this.#readBody(body);
      const keyword = branches.length === 0 ? 'if' : 'elsif';
      // Every later branch asks for the opposite, so with one condition all that follow are lost.
      const guard: Condition | undefined = isReadable
        ? this.#readCondition(keyword, condition, place)
        : undefined;
      isReadable = guard !== undefined;
      if (guard === undefined) this.#loseBranch(content);
      else {
        branches.push({ keyword, place, guard: allOf([...none, guard]), content });
        none.push(opposite(guard));
      }
    }
    if (otherwise !== undefined) {
      const content = this.#readBody(otherwise.body);
      if (!isReadable) this.#loseBranch(content);
      else branches.push({ keyword: 'else', place: otherwise.place, guard: allOf(none), content });
    }
    builder.add({ branches });
  }

  #readCondition(keyword: string, words: readonly Token[], place: SourcePlace): Condition | undefined {
    try {
      return parseCondition(words, place, this.names.catalogue);
    } catch (error) {
      if (!(error instanceof StatementFault)) throw error;
      this.losses.lose(error.place, `${keyword} ${subjectOf(words)}`, error.message);
      return undefined;
    }
  }

  #loseBranch(content: ScopeContent): void {
    for (const { place, words } of allSettings(content)) {
      this.losses.lose(place, subjectOf(words), 'bootd cannot ask for the condition that it stands under');
    }
  }

  /** The statements of a branch; nothing can be declared there. */
  #readBody(body: readonly ConfStatement[]): ScopeContent {
    return this.read(body, () => false).content;
  }

  #readSwitch(statement: SwitchStatement, builder: ScopeBuilder): void {
    try {
      const blocks = layoutSwitch(statement, this.names.catalogue);
      builder.add({
        branches: blocks.map(({ body, ...branch }) => ({ ...branch, content: this.#readBody(body) })),
      });
    } catch (error) {
      if (!(error instanceof StatementFault)) throw error;
      this.losses.lose(error.place, `switch ${subjectOf(statement.subject)}`, error.message);
    }
  }

  #reportEvent({ body, place }: BlockStatement, subject: string): void {
    const onlyLogs = body.every(
      (statement) => statement.kind === 'plain' && keywordOf(statement.words[0]) === 'log',
    );
    if (onlyLogs) this.losses.note(place, subject, 'bootd logs what becomes of its leases');
    else this.losses.lose(place, subject, 'bootd runs nothing at events; follow them with GET /v1/events');
  }
}
