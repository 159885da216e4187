import { isAlias, isMap, isScalar, isSeq, type Pair, type ParsedNode, type Scalar, type YAMLMap } from 'yaml';
import type { Static, TSchema } from '@sinclair/typebox';
import type { Located, Place } from './located.ts';
import { didYouMean } from './nearest-name.ts';
import type { YamlFile } from './parse-yaml.ts';
import type { ProblemList } from './problem-list.ts';
import { adviceForUnknownKey } from './unknown-key-advice.ts';

/** The keywords of JSON Schema that our schemas use; another one would be ignored here, which a test prevents. */
export interface ShapeSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, ShapeSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | ShapeSchema;
  readonly items?: ShapeSchema;
  readonly anyOf?: readonly ShapeSchema[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
}

/**
 * Compares the file with a schema and returns what has the right shape, with its places. Each part that does not fit
 * is reported once and left out, so that later checks see only sound values: a wrong type makes no second complaint.
 * Undefined when nothing is left.
 */
export function checkShape<S extends TSchema>(
  schema: S,
  yaml: YamlFile,
  problems: ProblemList,
): Located<Static<S>> | undefined {
  const shape = schema as ShapeSchema;
  const reader = new ShapeReader(yaml, problems, shape);
  // The reader has compared every part with the schema that the static type is derived from.
  return reader.read(shape, yaml.root, { line: 1, column: 1 }, '');
}

type Kind = 'mapping' | 'list' | 'text' | 'number' | 'boolean' | 'nothing';

const KIND_WORDS: Readonly<Record<Kind, string>> = {
  mapping: 'a mapping',
  list: 'a list',
  text: 'text',
  number: 'a number',
  boolean: 'true or false',
  nothing: 'nothing',
};

const KIND_OF_TYPE: Readonly<Record<string, Kind>> = {
  object: 'mapping',
  array: 'list',
  string: 'text',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
};

/** The words that YAML 1.1, and dhcpd, take for true and false, and YAML 1.2 takes for text. */
const OLD_BOOLEANS = /^(?:on|off|yes|no)$/i;

class ShapeReader {
  readonly #yaml: YamlFile;
  readonly #problems: ProblemList;
  readonly #whole: ShapeSchema;

  constructor(yaml: YamlFile, problems: ProblemList, whole: ShapeSchema) {
    this.#yaml = yaml;
    this.#problems = problems;
    this.#whole = whole;
  }

  /** `key` is the name under which the value stands, for the message; empty in lists. */
  read(
    schema: ShapeSchema,
    written: ParsedNode | null | undefined,
    keyPlace: Place,
    key: string,
  ): Located<unknown> | undefined {
    const node = this.#resolve(written);
    if (node === 'unresolved') return undefined;
    const place = node === undefined ? keyPlace : this.#placeOf(node);
    const kind = kindOf(node);
    const choice = chooseSchema(schema, kind);
    if (node === undefined || kind === 'nothing' || choice === undefined) {
      this.#reportKind(schema, node, kind, place, keyPlace, key);
      return undefined;
    }
    if (isMap(node)) return this.#readMapping(choice, node, place, keyPlace);
    if (isSeq(node)) return this.#readList(choice, node.items, place, keyPlace, key);
    return this.#readScalar(choice, node as Scalar.Parsed, place, keyPlace);
  }

  #readScalar(
    schema: ShapeSchema,
    node: Scalar.Parsed,
    place: Place,
    keyPlace: Place,
  ): Located<unknown> | undefined {
    const { value } = node;
    if (schema.enum !== undefined && typeof value === 'string' && !schema.enum.includes(value)) {
      const hint = didYouMean(value, schema.enum);
      this.#problems.error(place, `'${value}' is none of ${schema.enum.join(', ')}${hint}`);
      return undefined;
    }
    if (typeof value === 'number') {
      const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
      if (schema.type === 'integer' && !Number.isInteger(value)) {
        this.#problems.error(place, `expected a whole number, found ${node.source}`);
        return undefined;
      }
      if (!(value >= minimum && value <= maximum)) {
        this.#problems.error(place, `${node.source} is not between ${minimum} and ${maximum}`);
        return undefined;
      }
    }
    return { value, place, keyPlace, source: node.source, incomplete: false };
  }

  #readList(
    schema: ShapeSchema,
    items: readonly ParsedNode[],
    place: Place,
    keyPlace: Place,
    key: string,
  ): Located<unknown> | undefined {
    if (items.length < (schema.minItems ?? 0)) {
      this.#problems.error(place, `the list${key === '' ? '' : ` '${key}'`} is empty`);
      return undefined;
    }
    const { items: itemSchema = {} } = schema;
    const read = items.map((item) => {
      const resolved = this.#resolve(item);
      const itemPlace = resolved === undefined || resolved === 'unresolved' ? place : this.#placeOf(resolved);
      return this.read(itemSchema, item, itemPlace, '');
    });
    const value = read.filter((item) => item !== undefined);
    return { value, place, keyPlace, source: '', incomplete: value.length < read.length };
  }

  #readMapping(
    schema: ShapeSchema,
    node: YAMLMap.Parsed,
    place: Place,
    keyPlace: Place,
  ): Located<unknown> | undefined {
    const { properties = {}, additionalProperties = false } = schema;
    // Without a prototype, so that a key like `__proto__` is a key like any other.
    const value = Object.create(null) as Record<string, Located<unknown>>;
    let incomplete = false;
    const present = new Set<string>();
    for (const { key, keyPlace: at, node: item } of this.#entriesOf(node)) {
      present.add(key);
      const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
      const itemSchema = known ?? additionalProperties;
      if (typeof itemSchema === 'boolean') {
        const advice = adviceForUnknownKey(key, Object.keys(properties), this.#whole);
        this.#problems.error(at, `unknown key '${key}'${advice}`);
        incomplete = true;
        continue;
      }
      const read = this.read(itemSchema, item, at, key);
      if (read === undefined) incomplete = true;
      else value[key] = read;
    }
    const missing = (schema.required ?? []).filter((key) => !present.has(key));
    for (const key of missing) this.#problems.error(place, `the key '${key}' is missing here`);
    const few = present.size < (schema.minProperties ?? 0);
    if (few || present.size > (schema.maxProperties ?? Number.POSITIVE_INFINITY)) {
      this.#problems.error(place, `expected exactly one of the keys ${Object.keys(properties).join(', ')}`);
      return undefined;
    }
    const sound = (schema.required ?? []).every((key) => value[key] !== undefined);
    return sound ? { value, place, keyPlace, source: '', incomplete } : undefined;
  }

  /** The pairs of a mapping, those merged by `<<` included; a key's first appearance counts, a second is reported. */
  #entriesOf(node: YAMLMap.Parsed): { key: string; keyPlace: Place; node: ParsedNode | null }[] {
    const own = new Map<string, { key: string; keyPlace: Place; node: ParsedNode | null }>();
    const merged: YAMLMap.Parsed[] = [];
    for (const pair of node.items) {
      const keyPlace = this.#placeOf(pair.key);
      const key = this.#keyOf(pair);
      if (key === undefined) {
        this.#problems.error(keyPlace, 'a key must be a plain word');
      } else if (key === '<<') {
        merged.push(...this.#mappingsIn(pair.value, keyPlace));
      } else {
        const first = own.get(key);
        if (first === undefined) own.set(key, { key, keyPlace, node: pair.value });
        else
          this.#problems.error(
            keyPlace,
            `the key '${key}' stands here twice, first in line ${first.keyPlace.line}`,
          );
      }
    }
    for (const source of merged) {
      for (const pair of source.items) {
        const key = this.#keyOf(pair);
        if (key === undefined || key === '<<' || own.has(key)) continue;
        own.set(key, { key, keyPlace: this.#placeOf(pair.key), node: pair.value });
      }
    }
    return [...own.values()];
  }

  #mappingsIn(value: ParsedNode | null, keyPlace: Place): YAMLMap.Parsed[] {
    const node = this.#resolve(value);
    if (node === 'unresolved') return [];
    if (isSeq(node)) return node.items.flatMap((item) => this.#mappingsIn(item, keyPlace));
    if (isMap(node)) return [node];
    this.#problems.error(keyPlace, "'<<' takes a mapping, as a rule an alias of one: <<: *name");
    return [];
  }

  #keyOf(pair: Pair<ParsedNode, ParsedNode | null>): string | undefined {
    const key = this.#resolve(pair.key);
    if (key === undefined || key === 'unresolved' || !isScalar(key)) return undefined;
    if (typeof key.value === 'symbol') return '<<';
    return typeof key.value === 'string' ? key.value : key.source;
  }

  #resolve(node: ParsedNode | null | undefined): ParsedNode | undefined | 'unresolved' {
    if (node === null || node === undefined) return undefined;
    if (!isAlias(node)) return node;
    const target = this.#yaml.resolveAlias(node);
    if (target !== undefined) return target;
    this.#problems.error(this.#placeOf(node), `nothing above is marked '&${node.source}'`);
    return 'unresolved';
  }

  #reportKind(
    schema: ShapeSchema,
    node: ParsedNode | undefined,
    kind: Kind,
    place: Place,
    keyPlace: Place,
    key: string,
  ): void {
    const expected = [...new Set(kindsOf(schema).map((item) => KIND_WORDS[item]))].join(' or ');
    const written = isScalar(node) ? node.source : '';
    if (kind === 'nothing') {
      this.#problems.error(
        keyPlace,
        `${key === '' ? 'this' : `'${key}'`} has no value; expected ${expected}`,
      );
      return;
    }
    const found = kind === 'mapping' || kind === 'list' ? KIND_WORDS[kind] : `'${written}'`;
    let hint = '';
    if (expected === KIND_WORDS.text)
      hint = kind === 'mapping' || kind === 'list' ? '' : '; put it in quotes';
    if (expected === KIND_WORDS.boolean && OLD_BOOLEANS.test(written)) {
      hint = ` (YAML reads '${written}' as text)`;
    }
    this.#problems.error(place, `expected ${expected}, found ${found}${hint}`);
  }

  #placeOf(node: ParsedNode): Place {
    return this.#yaml.placeOf(node.range[0]);
  }
}

function kindOf(node: ParsedNode | undefined): Kind {
  if (isMap(node)) return 'mapping';
  if (isSeq(node)) return 'list';
  if (!isScalar(node)) return 'nothing';
  switch (typeof node.value) {
    case 'string':
      return 'text';
    case 'number':
    case 'bigint':
      return 'number';
    case 'boolean':
      return 'boolean';
    default:
      return 'nothing';
  }
}

function kindsOf(schema: ShapeSchema): readonly Kind[] {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(kindsOf);
  const kind = KIND_OF_TYPE[schema.type ?? ''];
  return kind === undefined ? [] : [kind];
}

/** The alternatives of a union differ in kind, so that the value itself tells which one is meant. */
function chooseSchema(schema: ShapeSchema, kind: Kind): ShapeSchema | undefined {
  if (schema.anyOf !== undefined) return schema.anyOf.find((choice) => kindsOf(choice).includes(kind));
  return kindsOf(schema).includes(kind) ? schema : undefined;
}
