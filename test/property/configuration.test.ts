import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { checkShape } from '../../src/config/check-shape.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { parseYaml } from '../../src/config/parse-yaml.ts';
import { ProblemList } from '../../src/config/problem-list.ts';
import { RawConfigSchema } from '../../src/config/raw-config.ts';
import { parseClassExpression } from '../../src/dhcp/class-expression-parser.ts';
import { OptionCatalogue } from '../../src/dhcp/option-catalogue.ts';
import { configJsonSchema } from '../documents/config-schema.ts';

const root = resolve(import.meta.dirname, '../..');
const EXAMPLES = ['docs/examples/bootd.yaml', 'test/data/config/everything.yaml'].map((file) =>
  readFileSync(resolve(root, file), 'utf8'),
);

/** Each run reads a whole file, a few milliseconds. */
const RUNS = 250;

/** Settings, or a ConfigError whose problems have places inside the text; anything else fails the property. */
function loadOrRefuse(text: string): void {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  try {
    const { settings } = loadConfig('/etc/bootd/bootd.yaml', () => text);
    expect(settings.control.socket).toMatch(/^\//);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.problems.some((problem) => problem.severity === 'error')).toBe(true);
    for (const { line, column, message } of error.problems) {
      expect(line).toBeGreaterThanOrEqual(1);
      expect(line).toBeLessThanOrEqual(lines.length);
      expect(column).toBeGreaterThanOrEqual(1);
      expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
      expect(message).not.toMatch(/undefined|\[object|NaN/);
    }
  }
}

const PIECES = [
  '\t',
  '\n',
  ' ',
  ':',
  '- ',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '#',
  '&a ',
  '*a',
  '<<: ',
  '|',
  '>',
  '!',
  '?',
  ',',
  '%',
  '0',
  '-1',
  '~',
  '\0',
  '\uFEFF',
  'é',
  '𝄞',
  '---\n',
];

/** An example with a few pieces cut out, put in, or doubled. */
const mutatedText = fc
  .tuple(
    fc.constantFrom(...EXAMPLES),
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        cut: fc.integer({ min: 0, max: 12 }),
        put: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4 }), fc.constant('')),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([text, edits]) =>
    edits.reduce((result, { at, cut, put }) => {
      const index = Math.floor(at * result.length);
      return result.slice(0, index) + put + result.slice(index + cut);
    }, text),
  );

const anyValue = fc.oneof(
  fc.constantFrom('', 'x', '10.0.0.1', '10.0.0.0/8', '10.0.0.1-10.0.0.9', '1:2', 'true', 'none'),
  fc.integer({ min: -1, max: 70_000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -2, max: 300 }),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null)), { maxLength: 3 }),
  fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), fc.oneof(fc.string(), fc.integer()), {
    maxKeys: 2,
  }),
);

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Every place of a value, as the container and the key in it. */
function placesOf(value: Json): { container: Json[] | Record<string, Json>; key: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  const container = value as Record<string, Json>;
  return Object.keys(container).flatMap((key) => [{ container, key }, ...placesOf(container[key] ?? null)]);
}

/** An example with the value of one key replaced, removed, or renamed. */
const mutatedValue = fc
  .tuple(
    fc.constantFrom(...EXAMPLES),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('replace', 'remove', 'rename'), anyValue), {
      minLength: 1,
      maxLength: 2,
    }),
  )
  .map(([text, edits]) => {
    const value = parse(text, { merge: true }) as Json;
    for (const [choice, edit, replacement] of edits) {
      const places = placesOf(value);
      const place = places[choice % places.length];
      if (place === undefined) continue;
      const { key } = place;
      const container = place.container as Record<string, Json>;
      if (edit === 'replace') container[key] = structuredClone(replacement);
      else if (Array.isArray(place.container)) place.container.splice(Number(key), 1);
      else {
        if (edit === 'rename') container[`${key}x`] = container[key] ?? null;
        Reflect.deleteProperty(container, key);
      }
    }
    return value;
  });

describe('any configuration', () => {
  it('that was damaged as text gives settings or a ConfigError', () => {
    fc.assert(fc.property(mutatedText, loadOrRefuse), { numRuns: RUNS });
  });

  it('that was damaged as a value gives settings or a ConfigError', () => {
    fc.assert(
      fc.property(mutatedValue, (value) => loadOrRefuse(stringify(value))),
      { numRuns: RUNS },
    );
  });

  it('of random text gives settings or a ConfigError', () => {
    fc.assert(fc.property(fc.string({ maxLength: 60, unit: 'grapheme' }), loadOrRefuse), { numRuns: RUNS });
  });
});

describe('the shape that the reader takes', () => {
  it('is the one that the schema describes for editors', () => {
    const validate = new Ajv({ strict: false }).compile(configJsonSchema());
    fc.assert(
      fc.property(mutatedValue, (value) => {
        const problems = new ProblemList('f');
        const yaml = parseYaml(stringify(value), problems);
        if (yaml === undefined) throw new Error('what was written cannot be read');
        checkShape(RawConfigSchema, yaml, problems);
        expect(!problems.hasErrors, JSON.stringify([problems.sorted(), validate.errors])).toBe(
          validate(value),
        );
      }),
      { numRuns: RUNS },
    );
  });
});

describe('any expression', () => {
  const words = [
    'option',
    'exists',
    'known',
    'and',
    'or',
    'not',
    '(',
    ')',
    ',',
    '=',
    '!=',
    '"x"',
    '1:2',
    '7',
    'hardware',
    'substring',
    'user-class',
    'agent.circuit-id',
    'concat',
    'ff',
    '"',
    '~',
    'ü',
  ];
  const catalogue = new OptionCatalogue();

  it('is a tree, or a problem inside its text', () => {
    const text = fc.oneof(
      fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((list) => list.join(' ')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (source) => {
        const parsed = parseClassExpression(source, catalogue);
        if (parsed.kind === 'expression') return;
        expect(parsed.problem.offset).toBeGreaterThanOrEqual(0);
        expect(parsed.problem.offset).toBeLessThanOrEqual(source.length);
      }),
      { numRuns: 10 * RUNS },
    );
  });
});
