import type { InnerKey } from './parameter-statements.ts';
import type { LossList } from './loss-list.ts';
import type { Setting } from './scope-content.ts';
import { baseName } from './conditional-classes.ts';
import type { SourcePlace } from './source-place.ts';
import { subjectOf } from './token-reader.ts';
import type { YamlEntry } from './yaml-document.ts';

/** The scopes of bootd.yaml, which take different keys. */
export type ScopeKind = 'global' | 'network' | 'range' | 'class' | 'reservation';

/** Keys that not every scope has, and those that do. */
const HOMES: Readonly<Record<string, readonly ScopeKind[]>> = {
  authoritative: ['global', 'network'],
  'ping-check': ['global', 'network', 'range'],
  'abandon-lease-time': ['global'],
  port: ['global'],
  'client-port': ['global'],
};

/** The order in which the keys of a scope are written; options come last. */
const ORDER: readonly string[] = [
  'port',
  'client-port',
  'authoritative',
  'default-lease-time',
  'min-lease-time',
  'max-lease-time',
  'abandon-lease-time',
  'allow-booting',
  'allow-bootp',
  'ignore-client-uids',
  'ping-check',
  'next-server',
  'server-identifier',
  'server-name',
  'filename',
];

const INNER_KEYS: ReadonlySet<string> = new Set<InnerKey>([
  'unknown-clients',
  'use-host-decl-names',
  'vendor-option-space',
]);

/** What a scope says, as keys of bootd.yaml. */
export interface ScopeEntries {
  readonly fields: readonly YamlEntry[];
  /** One entry or none. */
  readonly options: readonly YamlEntry[];
}

/** Where something comes from, for the comment behind it. */
export function originOf({ file, line }: SourcePlace): string {
  return `${baseName(file)}:${line}`;
}

/** Lays out the settings of a scope. Those that bootd.yaml does not take in such a scope are listed. */
export function scopeEntries(settings: readonly Setting[], kind: ScopeKind, losses: LossList): ScopeEntries {
  const own = settings.filter((setting) => isAtHome(setting, kind, losses));
  const fields = withSoundTimes(own, losses)
    .filter(({ isOption }) => !isOption)
    .toSorted((a, b) => ORDER.indexOf(a.key) - ORDER.indexOf(b.key));
  const options = own.filter(({ isOption }) => isOption);
  return {
    fields: fields.map(entryOf),
    options:
      options.length === 0 ? [] : [{ key: 'options', value: { kind: 'map', entries: options.map(entryOf) } }],
  };
}

/** The fields and the options together. */
export function allEntries({ fields, options }: ScopeEntries): readonly YamlEntry[] {
  return [...fields, ...options];
}

function entryOf({ name, value, place }: Setting): YamlEntry {
  return { key: name, value, comment: originOf(place) };
}

function isAtHome(setting: Setting, kind: ScopeKind, losses: LossList): boolean {
  const { key, place, words } = setting;
  if (INNER_KEYS.has(key)) {
    // Networks and reservations look for these themselves.
    if (key === 'unknown-clients' && (kind === 'class' || kind === 'reservation')) {
      losses.lose(place, subjectOf(words), 'bootd lets machines into ranges, not into classes');
    }
    return false;
  }
  const homes = HOMES[key];
  if (homes === undefined || homes.includes(kind)) return true;
  if (key === 'authoritative') {
    losses.note(place, subjectOf(words), 'it counts only for networks, in dhcpd as in bootd');
  } else losses.lose(place, subjectOf(words), `bootd has no such key for ${HOME_WORDS[kind]}`);
  return false;
}

const HOME_WORDS: Readonly<Record<ScopeKind, string>> = {
  global: 'all',
  network: 'one network',
  range: 'one range',
  class: 'a class or a condition',
  reservation: 'one machine',
};

/**
 * In one scope, min-lease-time <= default-lease-time <= max-lease-time must hold. dhcpd takes others too: the minimum wins over the
 * maximum (observed), and both win over the default. Written so, they mean the same.
 */
function withSoundTimes(settings: readonly Setting[], losses: LossList): readonly Setting[] {
  const byKey = new Map(settings.map((setting) => [setting.key, setting]));
  const bound = (
    key: string,
    limitKey: string,
    isBeyond: (value: number, limit: number) => boolean,
  ): void => {
    const setting = byKey.get(key);
    const limit = byKey.get(limitKey);
    if (typeof setting?.value !== 'number' || typeof limit?.value !== 'number') return;
    if (!isBeyond(setting.value, limit.value)) return;
    losses.note(setting.place, subjectOf(setting.words), `${limitKey} ${limit.value} wins, as in dhcpd`);
    byKey.set(key, { ...setting, value: limit.value });
  };
  bound('max-lease-time', 'min-lease-time', (max, min) => max < min);
  bound('default-lease-time', 'max-lease-time', (value, max) => value > max);
  bound('default-lease-time', 'min-lease-time', (value, min) => value < min);
  return [...byKey.values()];
}
