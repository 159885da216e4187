import { isMap, isScalar, isSeq, type ParsedNode } from 'yaml';

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
  readonly examples?: readonly unknown[];
}

/** What a value is, as YAML sees it. */
export type Kind = 'mapping' | 'list' | 'text' | 'number' | 'boolean' | 'nothing';

/** What a kind is called in messages. */
export const KIND_WORDS: Readonly<Record<Kind, string>> = {
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

/** The kind of a node; `nothing` for one that is absent or null. */
export function kindOf(node: ParsedNode | undefined): Kind {
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

/** The kinds that a schema takes. */
export function kindsOf(schema: ShapeSchema): readonly Kind[] {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(kindsOf);
  const kind = KIND_OF_TYPE[schema.type ?? ''];
  return kind === undefined ? [] : [kind];
}

/**
 * The part of a schema that takes a kind; undefined when none does. The alternatives of a union differ in kind, so that
 * the value itself tells which one is meant.
 */
export function chooseSchema(schema: ShapeSchema, kind: Kind): ShapeSchema | undefined {
  if (schema.anyOf !== undefined) return schema.anyOf.find((choice) => kindsOf(choice).includes(kind));
  return kindsOf(schema).includes(kind) ? schema : undefined;
}
