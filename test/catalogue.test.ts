import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DIAGNOSES } from '../src/boot/diagnoses.ts';
import { EVENTS } from '../src/telemetry/events.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { withFreshDiagnoses } from './documents/diagnosis-list.ts';

/** What stands in code and in a document must be the same list; a reader of either relies on it. */

const document = readFileSync(join(import.meta.dirname, '../docs/events-and-metrics.md'), 'utf8');

/** The first cells of every table row under a heading, without their backticks. */
function documented(heading: string): string[] {
  const section = document.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1] ?? '');
}

describe('docs/events-and-metrics.md', () => {
  it('describes every log event, and no other', () => {
    expect(documented('Log events').sort()).toEqual(Object.values(EVENTS).sort());
  });

  it('describes every metric, and no other', async () => {
    const metrics = await createMetrics().registry.getMetricsAsJSON();
    const own = metrics.map((metric) => metric.name).filter((name) => !/^bootd_(process|nodejs)_/.test(name));
    expect(documented('Metrics').sort()).toEqual(own.sort());
  });

  it('names events by room, noun and verb', () => {
    for (const name of Object.values(EVENTS)) expect(name).toMatch(/^[a-z]+(\.[a-z]+){1,2}$/);
  });
});

describe('docs/diagnoses.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../docs/diagnoses.md'), 'utf8');

  it('says what the catalogue says', () => {
    expect(text, 'run `npx tsx test/documents/write.ts`').toBe(withFreshDiagnoses(text));
  });

  it('describes every diagnosis once', () => {
    const described = [...text.matchAll(/^### `([a-z-]+)`$/gm)].map(([, code]) => code);
    expect(described.sort()).toEqual(Object.keys(DIAGNOSES).sort());
  });
});
