import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { completionScript } from '../../src/cli/completion.ts';
import { programVersion } from '../../src/cli/version.ts';
import { sourceDate } from '../source-date.ts';
import { describeProgram } from './described-program.ts';
import { markdownPage } from './markdown-page.ts';
import { programPage } from './program-page.ts';

/**
 * The last step of `npm run build`: dist/man/ and dist/completions/, made from the commands of the program and from
 * docs/configuration.md. They are not in the repository, so they cannot be older than what they describe.
 */
const TOP = resolve(import.meta.dirname, '../..');

function write(name: string, text: string): void {
  const path = join(TOP, 'dist', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const program = describeProgram();
const edition = { version: programVersion(), day: sourceDate(TOP).toISOString().slice(0, 10) };
write('man/bootd.8', programPage(edition, program));
write(
  'man/bootd.yaml.5',
  markdownPage(edition, readFileSync(join(TOP, 'docs/configuration.md'), 'utf8'), {
    name: 'bootd.yaml',
    section: 5,
    summary: 'configuration of bootd',
  }),
);
write('completions/bootd.bash', completionScript('bash', program));
write('completions/_bootd', completionScript('zsh', program));
write('completions/bootd.fish', completionScript('fish', program));
