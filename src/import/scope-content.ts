import type { Token } from './dhcpd-conf-lexer.ts';
import type { Condition } from './condition.ts';
import type { SourcePlace } from './source-place.ts';
import type { YamlNode } from './yaml-document.ts';

/** One thing that a scope says. */
export interface Setting {
  /** Equal exactly for what replaces each other: the key of bootd.yaml, or `option SPACE.CODE`. */
  readonly key: string;
  /** The key of bootd.yaml, or the name below `options`. */
  readonly name: string;
  readonly isOption: boolean;
  readonly value: YamlNode;
  readonly place: SourcePlace;
  /** The statement, for messages. */
  readonly words: readonly Token[];
}

/**
 * What a scope says, evaluated as dhcpd does, from its first statement to its last: a later statement replaces an earlier
 * one. So a conditional statement counts only as long as no later one says the same without a condition.
 */
export interface ScopeContent {
  /** What holds where no chain says otherwise, by key. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** In the order of the file; a later one wins over an earlier one, and each over `settings`. */
  readonly chains: readonly ConditionalChain[];
}

/** `if … elsif … else …`: the guards exclude each other. */
export interface ConditionalChain {
  readonly branches: readonly ChainBranch[];
}

export interface ChainBranch {
  readonly keyword: 'if' | 'elsif' | 'else' | 'case' | 'default';
  readonly place: SourcePlace;
  readonly guard: Condition;
  readonly content: ScopeContent;
}

/** A scope that says nothing. */
export const EMPTY_SCOPE: ScopeContent = { settings: new Map(), chains: [] };

/** Builds a scope statement by statement. */
export class ScopeBuilder {
  readonly #settings: Map<string, Setting>;
  #chains: readonly ConditionalChain[];

  constructor(start: ScopeContent = EMPTY_SCOPE) {
    this.#settings = new Map(start.settings);
    this.#chains = start.chains;
  }

  /** Says something, instead of what was said before; returns the earlier conditional settings that it makes void. */
  set(setting: Setting): readonly Setting[] {
    const { key } = setting;
    // Said anew, it stands where it was said last.
    this.#settings.delete(key);
    this.#settings.set(key, setting);
    const voided = this.#chains.flatMap(settingsOfChain).filter((other) => other.key === key);
    if (voided.length > 0) this.#chains = this.#chains.map((chain) => withoutKey(chain, key));
    return voided;
  }

  add(chain: ConditionalChain): void {
    this.#chains = [...this.#chains, chain];
  }

  build(): ScopeContent {
    return { settings: this.#settings, chains: this.#chains };
  }
}

/** The scopes as one, the later ones inside of, and so winning over, the earlier ones. */
export function mergeScopes(...scopes: readonly ScopeContent[]): ScopeContent {
  const builder = new ScopeBuilder();
  for (const { settings, chains } of scopes) {
    for (const setting of settings.values()) builder.set(setting);
    for (const chain of chains) builder.add(chain);
  }
  return builder.build();
}

/** Every key that a chain says something about. */
export function keysOfChains(chains: readonly ConditionalChain[]): ReadonlySet<string> {
  return new Set(chains.flatMap(settingsOfChain).map(({ key }) => key));
}

/** Everything that a scope says, under whatever condition. */
export function allSettings({ settings, chains }: ScopeContent): readonly Setting[] {
  return [...settings.values(), ...chains.flatMap(settingsOfChain)];
}

function settingsOfChain({ branches }: ConditionalChain): readonly Setting[] {
  return branches.flatMap(({ content }) => allSettings(content));
}

/** The scope without the settings that `keeps` turns down. */
function filterScope({ settings, chains }: ScopeContent, keeps: (setting: Setting) => boolean): ScopeContent {
  return {
    settings: new Map([...settings].filter(([, setting]) => keeps(setting))),
    chains: chains.map((chain) => filterChain(chain, keeps)),
  };
}

function filterChain({ branches }: ConditionalChain, keeps: (setting: Setting) => boolean): ConditionalChain {
  return {
    branches: branches.map((branch) => ({ ...branch, content: filterScope(branch.content, keeps) })),
  };
}

function withoutKey(chain: ConditionalChain, key: string): ConditionalChain {
  return filterChain(chain, (setting) => setting.key !== key);
}
