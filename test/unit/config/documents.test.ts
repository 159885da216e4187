import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatConfigProblem } from '../../../src/config/config-error.ts';
import { RawConfigSchema } from '../../../src/config/raw-config.ts';
import { parseConfig } from '../../../src/config/parse-config.ts';
import { mappingsOfSchema, TABLES, tablesIn, withFreshTables } from '../../documents/config-reference.ts';
import { configJsonSchema, configJsonSchemaText } from '../../documents/config-schema.ts';

const root = resolve(import.meta.dirname, '../../..');
const reference = readFileSync(resolve(root, 'docs/configuration.md'), 'utf8');
const HOW = 'run `npx tsx test/documents/write.ts`';

describe('bootd.schema.json', () => {
  it('is what the schema of the source says', () => {
    expect(readFileSync(resolve(root, 'bootd.schema.json'), 'utf8'), HOW).toBe(configJsonSchemaText());
  });

  it('is a valid schema that accepts the example', () => {
    const validate = new Ajv({ strict: true, allowUnionTypes: true, strictTypes: false }).compile(
      configJsonSchema(),
    );
    const example: unknown = parse(readFileSync(resolve(root, 'docs/examples/bootd.yaml'), 'utf8'));
    expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
  });

  it('describes every key', () => {
    const undescribed: string[] = [];
    const visit = (schema: unknown, path: string): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { properties = {} } = schema as { properties?: Record<string, { description?: string }> };
      for (const [key, child] of Object.entries(properties)) {
        if ((child.description ?? '').length < 5) undescribed.push(`${path}/${key}`);
      }
      for (const [key, child] of Object.entries(schema)) visit(child, `${path}/${key}`);
    };
    visit(configJsonSchema(), '');
    expect(undescribed).toEqual([]);
  });
});

describe('the schema', () => {
  it('uses only the keywords that the reader of the file knows', () => {
    const known = new Set([
      ...['type', 'properties', 'required', 'additionalProperties', 'items', 'anyOf', 'enum'],
      ...['minimum', 'maximum', 'minItems', 'minProperties', 'maxProperties'],
      ...['description', 'default', 'examples'],
    ]);
    const strange = new Set<string>();
    const visit = (schema: unknown, holdsNames: boolean): void => {
      if (typeof schema !== 'object' || schema === null) return;
      for (const [key, child] of Object.entries(schema)) {
        if (!holdsNames && !known.has(key)) strange.add(key);
        if (holdsNames || ['properties', 'items', 'additionalProperties'].includes(key))
          visit(child, key === 'properties' && !holdsNames);
        if (!holdsNames && key === 'anyOf') for (const choice of child as unknown[]) visit(choice, false);
      }
    };
    visit(RawConfigSchema, false);
    expect([...strange]).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  it('holds the tables that the schema makes', () => {
    expect(reference, HOW).toBe(withFreshTables(reference));
  });

  it('has a table for every mapping of the schema, and each table once', () => {
    const described = tablesIn(reference);
    expect([...described].sort()).toEqual([...TABLES.keys(), 'scopes', 'options'].sort());
    // A mapping with exactly one of `hex` and `text` is explained where values are.
    const needed = mappingsOfSchema().filter((path) => !/(?:client-id|options\/\*)$/.test(path));
    expect(Array.from(TABLES.values(), (path) => path.join('/')).sort()).toEqual([...needed].sort());
  });

  const blocks = Array.from(reference.matchAll(/```yaml\n([\s\S]*?)```/g), (match) => match[1] ?? '');

  it.each(blocks.map((block, index) => [index + 1, block] as const))('example %i can be used', (_, block) => {
    const source = { file: 'example', folder: '/etc/bootd', shippedTemplates: '/usr/share/bootd/templates' };
    const { problems } = parseConfig(block, source);
    const errors = problems.filter((problem) => problem.severity === 'error');
    expect(errors.map(formatConfigProblem)).toEqual([]);
  });

  it('has examples', () => {
    expect(blocks.length).toBeGreaterThan(5);
  });
});
