import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { withFreshTables } from './config-reference.ts';
import { configJsonSchemaText } from './config-schema.ts';

/**
 * Writes what is made from the configuration's schema: bootd.schema.json and the tables of docs/configuration.md.
 * Run `npx tsx test/documents/write.ts` after a change of src/config/raw-*.ts; a test compares.
 */
const root = resolve(import.meta.dirname, '../..');
writeFileSync(resolve(root, 'bootd.schema.json'), configJsonSchemaText());
const reference = resolve(root, 'docs/configuration.md');
writeFileSync(reference, withFreshTables(readFileSync(reference, 'utf8')));
