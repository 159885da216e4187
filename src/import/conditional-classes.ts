import { formatSubnet, type Subnet } from '../addr/subnet.ts';
import { allOf, showCondition, type Condition } from './condition.ts';
import type { LossList } from './loss-list.ts';
import type { ChainBranch, ScopeContent, Setting } from './scope-content.ts';
import type { PoolDraft, Site, SubnetDraft } from './site.ts';
import type { SourcePlace } from './source-place.ts';
import { subjectOf } from './token-reader.ts';

/** A class of bootd.yaml. */
export interface ClassOutline {
  readonly name: string;
  readonly match: Condition;
  readonly settings: readonly Setting[];
  /** Undefined: on all. */
  readonly onlyOn: readonly Subnet[] | undefined;
  readonly place: SourcePlace;
}

/** Settings that hold together, under one condition. */
export interface ConditionalBlock {
  readonly keyword: ChainBranch['keyword'];
  readonly place: SourcePlace;
  readonly guard: Condition;
  readonly settings: readonly Setting[];
}

/**
 * The conditional settings of a scope in the order in which classes win: the first one that matches. Of what dhcpd evaluates, the
 * last one wins, so later chains come first, and what is inside of a branch comes before the branch.
 */
export function conditionalBlocks(
  { chains }: ScopeContent,
  outer: readonly Condition[] = [],
): readonly ConditionalBlock[] {
  return chains.toReversed().flatMap(({ branches }) =>
    branches.flatMap(({ keyword, place, guard: own, content }) => {
      const guard = allOf([...outer, own]);
      const settings = [...content.settings.values()];
      const block = settings.length === 0 ? [] : [{ keyword, place, guard, settings }];
      return [...conditionalBlocks(content, [guard]), ...block];
    }),
  );
}

/** A name for a class that was a condition: where it stood. */
export function nameOfBlock({ keyword, place }: ConditionalBlock, mainFile: string): string {
  const file = place.file === mainFile ? '' : `${baseName(place.file)}-`;
  return `${file}line-${place.line}-${keyword}`;
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Classes for the conditions of networks and of the whole file. A class comes before ranges and subnets, whatever its condition
 * stood in, so each is bound to the subnets that have nothing to say against it.
 */
export function networkClasses(site: Site, mainFile: string, losses: LossList): readonly ClassOutline[] {
  const layers = new LayerReader(site, mainFile, losses);
  const pools = new Set(site.subnets.flatMap(({ ranges }) => ranges.flatMap(({ pool }) => pool ?? [])));
  return [
    ...[...pools].flatMap((pool) => layers.readPool(pool)),
    ...layers.readSubnets(),
    ...site.networks.flatMap(({ content, subnets }) =>
      layers.read(content, subnets, (subnet) => [subnet.content]),
    ),
    ...layers.read(site.global, site.subnets, ({ around, content }) => [around, content]),
  ];
}

class LayerReader {
  readonly #site: Site;
  readonly #mainFile: string;
  readonly #losses: LossList;

  constructor(site: Site, mainFile: string, losses: LossList) {
    this.#site = site;
    this.#mainFile = mainFile;
    this.#losses = losses;
  }

  /** The conditions of one scope that holds on `subnets`, except where a scope inside of it, or a pool, says otherwise. */
  read(
    content: ScopeContent,
    subnets: readonly SubnetDraft[],
    scopesInside: (subnet: SubnetDraft) => readonly ScopeContent[],
  ): readonly ClassOutline[] {
    return conditionalBlocks(content).flatMap((block) => {
      const parts = new Map<string, { readonly on: readonly SubnetDraft[]; readonly settings: Setting[] }>();
      for (const setting of block.settings) {
        const on = subnets.filter(
          (subnet) =>
            !scopesInside(subnet).some(({ settings }) => settings.has(setting.key)) &&
            !this.#isOverruledByPools(subnet, setting),
        );
        if (on.length === 0 && subnets.length > 0) {
          this.#losses.note(
            setting.place,
            subjectOf(setting.words),
            'it never counts: all networks say otherwise',
          );
          continue;
        }
        const key = on.map(({ subnet }) => formatSubnet(subnet)).join();
        const part = parts.get(key) ?? { on, settings: [] };
        parts.set(key, part);
        part.settings.push(setting);
      }
      return [...parts.values()].map(({ on, settings }) => this.#outline(block, settings, on));
    });
  }

  /** The conditions inside of subnets. Where several subnets hold the same ones, they share their classes. */
  readSubnets(): readonly ClassOutline[] {
    const bySignature = new Map<string, SubnetDraft[]>();
    for (const subnet of this.#site.subnets) {
      const blocks = conditionalBlocks(subnet.content);
      if (blocks.length === 0) continue;
      const signature = JSON.stringify(
        blocks.map(({ guard, settings }) => [
          showCondition(guard),
          settings.map(({ key, value }) => [
            key,
            value,
            poolsSaying(key, subnet).length > 0 && subnet.subnet,
          ]),
        ]),
      );
      bySignature.set(signature, [...(bySignature.get(signature) ?? []), subnet]);
    }
    return [...bySignature.values()].flatMap((subnets) =>
      subnets[0] === undefined ? [] : this.read(subnets[0].content, subnets, () => []),
    );
  }

  /** Classes cannot be bound to ranges; where a pool has its subnets for itself, that is the same. */
  readPool(pool: PoolDraft): readonly ClassOutline[] {
    const home = this.#site.subnets.filter(({ ranges }) => ranges.some((range) => range.pool === pool));
    if (home.every(({ ranges }) => ranges.every((range) => range.pool === pool))) {
      return conditionalBlocks(pool.content).map((block) => this.#outline(block, block.settings, home));
    }
    for (const { settings } of conditionalBlocks(pool.content)) {
      for (const { place, words } of settings) {
        const reason =
          'a condition of one pool beside others; bootd binds conditions to subnets, not to ranges';
        this.#losses.lose(place, subjectOf(words), reason);
      }
    }
    return [];
  }

  #isOverruledByPools(subnet: SubnetDraft, { key, place, words }: Setting): boolean {
    const saying = poolsSaying(key, subnet);
    if (saying.length === 0) return false;
    if (saying.length === subnet.ranges.length) return true;
    const reason = `the pool in line ${saying[0]?.place.line ?? 0} says otherwise, which bootd heeds only where the condition fails`;
    this.#losses.lose(place, subjectOf(words), reason);
    return false;
  }

  #outline(block: ConditionalBlock, settings: readonly Setting[], on: readonly SubnetDraft[]): ClassOutline {
    const isEverywhere = on.length === this.#site.subnets.length;
    return {
      name: nameOfBlock(block, this.#mainFile),
      match: block.guard,
      settings,
      onlyOn: isEverywhere ? undefined : on.map(({ subnet }) => subnet),
      place: block.place,
    };
  }
}

/** The pools, one for each of their ranges, that say something themselves. */
function poolsSaying(key: string, { ranges }: SubnetDraft): readonly PoolDraft[] {
  return ranges.flatMap(({ pool }) => (pool?.content.settings.has(key) === true ? [pool] : []));
}
