import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { withFreshTables } from './config-reference.ts';
import { configJsonSchemaText } from './config-schema.ts';
import { withFreshDiagnoses } from './diagnosis-list.ts';

/**
 * Writes what is made from the source: bootd.schema.json and the tables of docs/configuration.md from the schema of the
 * configuration, docs/diagnoses.md from the catalogue of diagnoses. Run `npx tsx test/documents/write.ts` after a change
 * of src/config/raw-*.ts or src/boot/diagnoses.ts; a test compares.
 */
const root = resolve(import.meta.dirname, '../..');
writeFileSync(resolve(root, 'bootd.schema.json'), configJsonSchemaText());
const reference = resolve(root, 'docs/configuration.md');
writeFileSync(reference, withFreshTables(readFileSync(reference, 'utf8')));
const diagnoses = resolve(root, 'docs/diagnoses.md');
writeFileSync(diagnoses, withFreshDiagnoses(readFileSync(diagnoses, 'utf8')));
