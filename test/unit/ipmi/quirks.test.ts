import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { QUIRKS } from '../../../src/ipmi/quirks.ts';

describe('docs/power.md', () => {
  it('describes every quirk as the table has it', () => {
    const file = resolve(import.meta.dirname, '../../../docs/power.md');
    const [, section = ''] = readFileSync(file, 'utf8').split('## Quirks');
    const rows = [...section.matchAll(/^\| `([a-z0-9-]+)` \| (.*) \| (.*) \|$/gm)].map(
      ([, name, vendor, effect]) => ({ name, vendor, effect }),
    );
    expect(rows).toEqual(QUIRKS.map(({ name, vendor, effect }) => ({ name, vendor, effect })));
  });
});
