import { formatIpv4 } from '../addr/ipv4.ts';
import { formatSubnet } from '../addr/subnet.ts';
import type { LossList } from './loss-list.ts';
import type { ScopeContent } from './scope-content.ts';
import { allEntries, originOf, scopeEntries } from './scope-entries.ts';
import type { Permit, RangeDraft, Site, SubnetDraft } from './site.ts';
import { subjectOf } from './token-reader.ts';
import type { YamlEntry, YamlItem, YamlNode } from './yaml-document.ts';

/** What ranges may name, besides their losses. */
export interface RangeContext {
  /** The name in bootd.yaml of a class of dhcpd.conf; undefined when there is no such class. */
  readonly classNameOf: (name: string) => string | undefined;
  readonly losses: LossList;
}

/** `shared-networks` and `subnets`. */
export function networkEntries(site: Site, context: RangeContext): readonly YamlEntry[] {
  const items = new Map(site.subnets.map((subnet) => [subnet, subnetItem(subnet, site, context)]));
  const itemsOf = (subnets: readonly SubnetDraft[]): readonly YamlItem[] =>
    subnets.flatMap((subnet) => items.get(subnet) ?? []);
  const inNetworks = new Set(site.networks.flatMap(({ subnets }) => subnets));
  const names = new Set<string>();
  const networks = site.networks.map(({ name, place, content, subnets }): YamlItem => {
    const unique = uniqueName(name, names);
    const entries = [
      { key: 'name', value: unique, comment: originOf(place) },
      ...allEntries(scopeEntries([...content.settings.values()], 'network', context.losses)),
      { key: 'subnets', value: { kind: 'list', items: itemsOf(subnets) } } as const,
    ];
    return { value: { kind: 'map', entries } };
  });
  const alone = itemsOf(site.subnets.filter((subnet) => !inNetworks.has(subnet)));
  return [...listEntry('shared-networks', networks), ...listEntry('subnets', alone)];
}

/** A list under its key; nothing for an empty one. */
export function listEntry(key: string, items: readonly YamlItem[]): readonly YamlEntry[] {
  return items.length === 0 ? [] : [{ key, value: { kind: 'list', items } }];
}

/** The name, or the name with a number behind it where it is taken. */
export function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  for (let number = 2; taken.has(unique); number += 1) unique = `${name}-${number}`;
  taken.add(unique);
  return unique;
}

function subnetItem(subnet: SubnetDraft, site: Site, context: RangeContext): YamlItem {
  const { content, around, place, ranges } = subnet;
  const admitsStrangers = lastWord('unknown-clients', [site.global, around, content]) ?? true;
  const entries = [
    { key: 'subnet', value: formatSubnet(subnet.subnet), comment: originOf(place) },
    ...allEntries(scopeEntries([...content.settings.values()], 'network', context.losses)),
    ...listEntry(
      'ranges',
      ranges.map((range) => rangeItem(range, admitsStrangers === true, context)),
    ),
  ];
  return { value: { kind: 'map', entries } };
}

function lastWord(key: string, scopes: readonly ScopeContent[]): YamlNode | undefined {
  return scopes.flatMap(({ settings }) => settings.get(key) ?? []).at(-1)?.value;
}

function rangeItem(range: RangeDraft, admitsStrangers: boolean, context: RangeContext): YamlItem {
  const { first, last, dynamicBootp, place, pool } = range;
  const text = first === last ? formatIpv4(first) : `${formatIpv4(first)}-${formatIpv4(last)}`;
  const settings = pool === undefined ? [] : [...pool.content.settings.values()];
  const { allow, deny } = permitsOf(range, admitsStrangers, context);
  const scope = allEntries(scopeEntries(settings, 'range', context.losses));
  const comment = originOf(place);
  const head: readonly YamlEntry[] = [
    { key: 'range', value: text },
    ...(dynamicBootp ? [{ key: 'dynamic-bootp', value: true }] : []),
    ...flowListEntry('allow', allow),
    ...flowListEntry('deny', deny),
  ];
  return scope.length === 0
    ? { value: flowMap(head), comment }
    : {
        value: {
          kind: 'map',
          entries: [...head.map((entry, index) => (index === 0 ? { ...entry, comment } : entry)), ...scope],
        },
      };
}

/** A mapping on one line. */
export function flowMap(entries: readonly YamlEntry[]): YamlNode {
  return { kind: 'flow-map', entries: entries.map(({ key, value }) => [key, value] as const) };
}

function flowListEntry(key: string, items: readonly string[]): readonly YamlEntry[] {
  return items.length === 0 ? [] : [{ key, value: { kind: 'flow-list', items } }];
}

const EVERYBODY = ['known-machines', 'unknown-machines'] as const;

/** A pool without a permit list is open to all; one whose list has nothing left to say is closed to all. */
function permitsOf(
  { pool }: RangeDraft,
  admitsStrangers: boolean,
  context: RangeContext,
): { readonly allow: readonly string[]; readonly deny: readonly string[] } {
  const wordsOf = (permits: readonly Permit[]): readonly string[] => [
    ...new Set(permits.flatMap((permit) => permitWords(permit, context))),
  ];
  const allow = wordsOf(pool?.allow ?? []);
  const deny = new Set(wordsOf(pool?.deny ?? []));
  const onlyKnown = allow.length === 1 && allow[0] === 'known-machines';
  if (!admitsStrangers && !onlyKnown) deny.add('unknown-machines');
  const isClosed = (pool?.allow.length ?? 0) > 0 && allow.length === 0;
  if (isClosed) EVERYBODY.forEach((word) => deny.add(word));
  const admitsAll = EVERYBODY.every((word) => allow.includes(word));
  return { allow: admitsAll ? [] : allow, deny: [...deny] };
}

function permitWords(permit: Permit, { classNameOf, losses }: RangeContext): readonly string[] {
  switch (permit.kind) {
    case 'all':
      return EVERYBODY;
    case 'class': {
      const name = classNameOf(permit.name);
      if (name !== undefined) return [name];
      losses.lose(permit.place, subjectOf(permit.words), `there is no class '${permit.name}'`);
      return [];
    }
    default:
      return [permit.kind];
  }
}
