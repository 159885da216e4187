import { RawConfigSchema } from '../../src/config/raw-config.ts';
import { FilenameByArchSchema, OptionsSchema, OptionValueSchema } from '../../src/config/raw-scope.ts';

/** Parts of the schema that stand in many places; written once, under `definitions`. */
const SHARED_PARTS: readonly (readonly [
  name: string,
  keyword: string,
  part: Readonly<Record<string, unknown>>,
])[] = [
  ['option-value', 'anyOf', OptionValueSchema],
  ['options', 'properties', OptionsSchema],
  ['filename-by-arch', 'properties', FilenameByArchSchema],
];

/**
 * The JSON Schema of bootd.yaml, as editors take it. Draft 7 is the one that the YAML language server, and with it most
 * editors, complete from best.
 */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const definitions = Object.fromEntries(
    SHARED_PARTS.map(([name, , part]) => [name, withoutWords(part, name)]),
  );
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'bootd.yaml',
    ...(hoist(RawConfigSchema, undefined) as Record<string, unknown>),
    definitions,
  };
}

/** The file bootd.schema.json. */
export function configJsonSchemaText(): string {
  return `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
}

/** The shared part itself; what is said about it stands where it is used. */
function withoutWords(part: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.fromEntries(
    Object.entries(part)
      .filter(([key]) => key !== 'description' && key !== 'examples')
      .map(([key, value]) => [key, hoist(value, name)]),
  );
}

/** Replaces each shared part by a reference; they are known by the identity of what is in them. */
function hoist(schema: unknown, inside: string | undefined): unknown {
  if (Array.isArray(schema)) return schema.map((item) => hoist(item, inside));
  if (typeof schema !== 'object' || schema === null) return schema;
  const record = schema as Readonly<Record<string, unknown>>;
  const shared = SHARED_PARTS.find(
    ([name, keyword, part]) =>
      name !== inside && record[keyword] !== undefined && record[keyword] === part[keyword],
  );
  if (shared === undefined) {
    return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, hoist(value, inside)]));
  }
  // In draft 7 nothing may stand beside $ref, hence allOf.
  const words = Object.entries(record).filter(([key]) => key === 'description' || key === 'examples');
  return { ...Object.fromEntries(words), allOf: [{ $ref: `#/definitions/${shared[0]}` }] };
}
