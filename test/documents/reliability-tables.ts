import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const DOCUMENT = resolve(import.meta.dirname, '../../docs/reliability.md');

/** With this variable set to `write`, a test that measures puts its table into docs/reliability.md. */
const VARIABLE = 'BOOTD_TABLES';

/**
 * Prints a table, and puts it between its markers in docs/reliability.md when that is asked for, so that each table there
 * is what its command made. Throws when the document has no such place.
 */
export function publishTable(name: string, table: string): void {
  console.log(`\n${table}\n`);
  if (process.env[VARIABLE] !== 'write') return;
  const text = readFileSync(DOCUMENT, 'utf8');
  const place = new RegExp(`<!-- table: ${name} -->\n[\\s\\S]*?<!-- end -->`);
  if (!place.test(text)) throw new Error(`docs/reliability.md has no place for the table ${name}`);
  writeFileSync(
    DOCUMENT,
    text.replace(place, () => `<!-- table: ${name} -->\n\n${table}\n\n<!-- end -->`),
  );
}
