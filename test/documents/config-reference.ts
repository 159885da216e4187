import { NETWORK_KEYS, SCOPE_KEYS } from '../../src/config/raw-scope.ts';
import { RawConfigSchema } from '../../src/config/raw-config.ts';
import { reloadEffectOf } from '../../src/config/reload-rules.ts';
import type { ShapeSchema } from '../../src/config/shape-schema.ts';
import { formatOptionType } from '../../src/wire/dhcp/option-types.ts';
import { namedOptions } from '../../src/wire/dhcp/option-codes.ts';

/** What a schema says for people, beside its shape. */
interface DescribedSchema extends ShapeSchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, DescribedSchema>>;
  readonly additionalProperties?: boolean | DescribedSchema;
  readonly items?: DescribedSchema;
  readonly anyOf?: readonly DescribedSchema[];
}

const WHOLE: DescribedSchema = RawConfigSchema;

/** Keys that stand in the table of scopes, and not again in the table of each scope. */
const SCOPE_KEY_NAMES: ReadonlySet<string> = new Set([
  ...Object.keys(SCOPE_KEYS),
  ...Object.keys(NETWORK_KEYS),
]);

/**
 * The tables that docs/configuration.md holds, by the words behind `keys:` in their markers, each with the mapping of
 * the schema that it describes. The test sees to it that no mapping is left out.
 */
export const TABLES: ReadonlyMap<string, readonly string[]> = new Map([
  ['top level', []],
  ['dhcp', ['dhcp']],
  ['dhcp.option-definitions.NAME', ['dhcp', 'option-definitions', '*']],
  ['dhcp.subnets[]', ['dhcp', 'subnets', '*']],
  ['dhcp.subnets[].ranges[]', ['dhcp', 'subnets', '*', 'ranges', '*']],
  ['dhcp.shared-networks[]', ['dhcp', 'shared-networks', '*']],
  ['dhcp.classes[]', ['dhcp', 'classes', '*']],
  ['dhcp.reservations[]', ['dhcp', 'reservations', '*']],
  ['dhcp.reservations[].hardware', ['dhcp', 'reservations', '*', 'hardware']],
  ['filename-by-arch', ['dhcp', 'filename-by-arch']],
  ['tftp', ['tftp']],
  ['boot', ['boot']],
  ['control', ['control']],
  ['http', ['http']],
  ['ironic', ['ironic']],
  ['ironic.dnsmasq', ['ironic', 'dnsmasq']],
  ['http-boot', ['http-boot']],
  ['images', ['images']],
  ['power', ['power']],
  ['power.boot-watch', ['power', 'boot-watch']],
]);

const MARKER = /<!-- keys: (.+?) -->\n[\s\S]*?<!-- end -->/g;

/** The document with every table between its markers made anew. */
export function withFreshTables(document: string): string {
  return document.replaceAll(
    MARKER,
    (_, name: string) => `<!-- keys: ${name} -->\n\n${tableOf(name)}\n<!-- end -->`,
  );
}

/** The names of the tables that the document holds. */
export function tablesIn(document: string): readonly string[] {
  return Array.from(document.matchAll(MARKER), (match) => match[1] ?? '');
}

/** Every mapping with fixed keys in the schema, as a path; `*` is an item of a list, or any name. */
export function mappingsOfSchema(): readonly string[] {
  const found = new Map<string, string>();
  const visit = (schema: DescribedSchema, path: readonly string[]): void => {
    const keys = Object.keys(schema.properties ?? {});
    // Options have names, not keys; subnets of a shared network are the same mapping as those that stand alone.
    const isOptions = path.at(-1) === 'options';
    if (keys.length > 0 && !isOptions) {
      const identity = keys.join(' ');
      if (!found.has(identity)) found.set(identity, path.join('/'));
      for (const [key, child] of Object.entries(schema.properties ?? {})) visit(child, [...path, key]);
    }
    const inner = [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])];
    for (const child of inner) {
      if (typeof child === 'object')
        visit(child, child === schema.items || !('anyOf' in schema) ? [...path, '*'] : path);
    }
  };
  visit(WHOLE, []);
  return [...found.values()];
}

function tableOf(name: string): string {
  if (name === 'scopes') return scopeTable();
  if (name === 'options') return optionTable();
  const path = TABLES.get(name);
  if (path === undefined) throw new Error(`no table is called '${name}'`);
  const schema = schemaAt(path);
  const rows = Object.entries(schema.properties ?? {})
    .filter(([key]) => !SCOPE_KEY_NAMES.has(key))
    .map(([key, child]) => keyRow([...path, key], child, schema.required?.includes(key) === true));
  return `${HEADING}${rows.join('')}`;
}

function schemaAt(path: readonly string[]): DescribedSchema {
  return path.reduce<DescribedSchema>((schema, step) => {
    const child =
      step === '*'
        ? (schema.items ??
          (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined))
        : schema.properties?.[step];
    if (child === undefined) throw new Error(`the schema has no ${path.join('/')}`);
    return child;
  }, WHOLE);
}

function scopeTable(): string {
  const rows = Object.entries<DescribedSchema>({ ...SCOPE_KEYS, ...NETWORK_KEYS }).map(([key, schema]) =>
    keyRow(['dhcp', key], schema, false),
  );
  return `${HEADING}${rows.join('')}`;
}

/** Where the schema has its keys, `*` for an item of a list or any name; in the order of the file. */
export function keysOfSchema(): readonly (readonly string[])[] {
  const visit = (schema: DescribedSchema, path: readonly string[]): (readonly string[])[] => {
    // Options have names, not keys.
    if (path.at(-1) === 'options') return [];
    const own = Object.entries(schema.properties ?? {}).flatMap(([key, child]) => [
      [...path, key],
      ...visit(child, [...path, key]),
    ]);
    const items = [schema.items, schema.additionalProperties].filter((child) => typeof child === 'object');
    return [
      ...own,
      ...items.flatMap((child) => visit(child, [...path, '*'])),
      ...(schema.anyOf ?? []).flatMap((child) => visit(child, path)),
    ];
  };
  return visit(WHOLE, []);
}

const HEADING = '| key | type | default | reload | meaning |\n|---|---|---|---|---|\n';

function keyRow(path: readonly string[], schema: DescribedSchema, required: boolean): string {
  const key = path.at(-1) ?? '';
  const standard = required
    ? 'required'
    : schema.default === undefined
      ? ''
      : `\`${asYaml(schema.default)}\``;
  const example = schema.examples?.[0];
  const shown = example === undefined ? '' : ` Example: \`${asYaml(example)}\`.`;
  const reload = reloadEffectOf(path)?.kind ?? '';
  return `| \`${key}\` | ${typeOf(schema)} | ${standard} | ${reload} | ${(schema.description ?? '').replaceAll('|', '\\|')}${shown} |\n`;
}

function typeOf(schema: DescribedSchema): string {
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeOf))].join(' or ');
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(', ');
  switch (schema.type) {
    case 'string':
      return 'text';
    case 'boolean':
      return '`true`, `false`';
    case 'integer':
      return `whole number, ${schema.minimum ?? ''} to ${schema.maximum ?? ''}`;
    case 'number':
      return `number, at least ${schema.minimum ?? ''}`;
    case 'array':
      return `list of ${schema.items?.type === 'object' ? 'mappings' : typeOf(schema.items ?? {})}`;
    default:
      return schema.properties !== undefined && schema.maxProperties === 1
        ? `\`{ ${Object.keys(schema.properties).join(': ... }` or `{ ')}: ... }\``
        : 'mapping';
  }
}

/** A value in YAML's flow style, as it may stand in a line. */
function asYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(asYaml).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, item]) => `${key}: ${asYaml(item)}`)
      .join(', ')} }`;
  }
  // Within quotes of YAML a quote is doubled.
  return typeof value === 'string' && /[:{[]\s|"|, /.test(value) ? `'${value}'` : String(value);
}

function optionTable(): string {
  const rows = namedOptions().map(
    ({ code, name, type, rfc }) =>
      `| ${code} | \`${name}\` | ${formatOptionType(type)} | ${rfc === undefined ? '' : `RFC ${rfc}`} |\n`,
  );
  return `| code | name | type | defined in |\n|---|---|---|---|\n${rows.join('')}`;
}
