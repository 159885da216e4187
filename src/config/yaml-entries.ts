import { isAlias, isMap, isScalar, isSeq, type Pair, type ParsedNode, type YAMLMap } from 'yaml';
import type { Place } from './located.ts';
import type { YamlFile } from './parse-yaml.ts';
import type { ProblemList } from './problem-list.ts';

/** A key of a mapping and what is written behind it. */
export interface YamlEntry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly node: ParsedNode | null;
}

/** Reads mappings of one file: aliases, merges and double keys. */
export class YamlEntryReader {
  readonly #yaml: YamlFile;
  readonly #problems: ProblemList;

  constructor(yaml: YamlFile, problems: ProblemList) {
    this.#yaml = yaml;
    this.#problems = problems;
  }

  /** The node itself, or the one that an alias stands for; `unresolved` when there is none, which is reported. */
  resolve(node: ParsedNode | null | undefined): ParsedNode | undefined | 'unresolved' {
    if (node === null || node === undefined) return undefined;
    if (!isAlias(node)) return node;
    const target = this.#yaml.resolveAlias(node);
    if (target !== undefined) return target;
    this.#problems.error(this.placeOf(node), `nothing above is marked '&${node.source}'`);
    return 'unresolved';
  }

  /** Where a node begins. */
  placeOf(node: ParsedNode): Place {
    return this.#yaml.placeOf(node.range[0]);
  }

  /** The entries of a mapping; those merged by `<<` come last, and only for keys that it lacks itself. */
  entriesOf(mapping: YAMLMap.Parsed): readonly YamlEntry[] {
    const entries = new Map<string, YamlEntry>();
    const merged: YAMLMap.Parsed[] = [];
    for (const pair of mapping.items) {
      const keyPlace = this.placeOf(pair.key);
      const key = this.#keyOf(pair);
      if (key === undefined) this.#problems.error(keyPlace, 'a key must be a plain word');
      else if (key === '<<') merged.push(...this.#mappingsIn(pair.value, keyPlace));
      else {
        const first = entries.get(key);
        if (first === undefined) entries.set(key, { key, keyPlace, node: pair.value });
        else {
          const { line } = first.keyPlace;
          this.#problems.error(keyPlace, `the key '${key}' stands here twice, first in line ${line}`);
        }
      }
    }
    for (const pair of merged.flatMap((source) => source.items)) {
      const key = this.#keyOf(pair);
      if (key === undefined || key === '<<' || entries.has(key)) continue;
      entries.set(key, { key, keyPlace: this.placeOf(pair.key), node: pair.value });
    }
    return [...entries.values()];
  }

  #mappingsIn(value: ParsedNode | null, keyPlace: Place): YAMLMap.Parsed[] {
    const sources = this.resolve(value);
    if (sources === 'unresolved') return [];
    const list = isSeq(sources) ? sources.items : [sources];
    return list.flatMap((item) => {
      const source = this.resolve(item);
      if (isMap(source)) return [source];
      if (source !== 'unresolved') {
        this.#problems.error(keyPlace, "'<<' takes a mapping, as a rule an alias of one: <<: *name");
      }
      return [];
    });
  }

  #keyOf(pair: Pair<ParsedNode, ParsedNode | null>): string | undefined {
    const key = this.resolve(pair.key);
    if (!isScalar(key)) return undefined;
    // The yaml package turns `<<` into a symbol, and `1` or `true` into what they mean; a key is what is written.
    if (typeof key.value === 'symbol') return '<<';
    return typeof key.value === 'string' ? key.value : key.source;
  }
}
