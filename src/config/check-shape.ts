import { isCollection, isMap, isScalar, isSeq, type ParsedNode, type Scalar, type YAMLMap } from 'yaml';
import type { Static, TSchema } from '@sinclair/typebox';
import type { Located, Place } from './located.ts';
import { didYouMean } from './nearest-name.ts';
import type { YamlFile } from './parse-yaml.ts';
import type { ProblemList } from './problem-list.ts';
import { offsetInScalar } from './scalar-position.ts';
import { chooseSchema, KIND_WORDS, kindOf, kindsOf, type Kind, type ShapeSchema } from './shape-schema.ts';
import { adviceForUnknownKey } from './unknown-key-advice.ts';
import { YamlEntryReader } from './yaml-entries.ts';

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

/** The words that YAML 1.1, and dhcpd, take for true and false, and YAML 1.2 takes for text. */
const OLD_BOOLEANS = /^(?:on|off|yes|no)$/i;

class ShapeReader {
  readonly #yaml: YamlFile;
  readonly #problems: ProblemList;
  readonly #entries: YamlEntryReader;
  readonly #whole: ShapeSchema;

  constructor(yaml: YamlFile, problems: ProblemList, whole: ShapeSchema) {
    this.#entries = new YamlEntryReader(yaml, problems);
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
    const node = this.#entries.resolve(written);
    if (node === 'unresolved') return undefined;
    const place = node === undefined ? keyPlace : this.#entries.placeOf(node);
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
    const placeWithin = (index: number): Place =>
      typeof value === 'string' && node.type !== undefined
        ? this.#yaml.placeOf(offsetInScalar(this.#yaml.text, node.range[0], node.type, value, index))
        : place;
    return { value, place, keyPlace, source: node.source, placeWithin, incomplete: false };
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
    const read = items.map((item) => this.read(itemSchema, item, this.#entries.placeOf(item), ''));
    const value = read.filter((item) => item !== undefined);
    return {
      value,
      place,
      keyPlace,
      source: '',
      placeWithin: () => place,
      incomplete: value.length < read.length,
    };
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
    for (const { key, keyPlace: at, node: item } of this.#entries.entriesOf(node)) {
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
    const count = Object.keys(value).length;
    const { minProperties = 0, maxProperties = Number.POSITIVE_INFINITY } = schema;
    if (!incomplete && (count < minProperties || count > maxProperties)) {
      this.#problems.error(place, `expected exactly one of the keys ${Object.keys(properties).join(', ')}`);
    }
    if (count < minProperties || count > maxProperties) return undefined;
    const sound = (schema.required ?? []).every((key) => value[key] !== undefined);
    return sound ? { value, place, keyPlace, source: '', placeWithin: () => place, incomplete } : undefined;
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
    const isText = expected === KIND_WORDS.text && isScalar(node);
    const example = typeof schema.examples?.[0] === 'string' ? schema.examples[0] : undefined;
    const found = isScalar(node) ? `'${written}'` : KIND_WORDS[kind];
    let hint = isText ? '; put it in quotes' : '';
    if (expected === KIND_WORDS.text && isCollection(node) && node.flow === true) {
      hint = '; text that begins with a bracket or a brace needs quotes';
    }
    if (expected === KIND_WORDS.boolean && OLD_BOOLEANS.test(written)) {
      hint = `, which YAML reads as text`;
    }
    const wanted = isText && example !== undefined ? `${expected} such as ${example}` : expected;
    this.#problems.error(place, `expected ${wanted}, found ${found}${hint}`);
  }
}
