import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { CommandContext } from '../../src/cli/command-context.ts';
import { describeCommand } from '../../src/cli/command-tree.ts';
import { completionScript } from '../../src/cli/completion.ts';
import { createProgram } from '../../src/cli/program.ts';
import { programVersion } from '../../src/cli/version.ts';
import { markdownPage } from './markdown-page.ts';
import { sourceDate } from '../source-date.ts';
import { programPage } from './program-page.ts';
import { wrapLines } from './roff.ts';

/**
 * The last step of `npm run build`: dist/man/ and dist/completions/, made from the commands of the program and from
 * docs/configuration.md. They are not in the repository, so they cannot be older than what they describe.
 */
const TOP = resolve(import.meta.dirname, '../..');

/** Commands are described here, never run. */
const NOBODY: CommandContext = {
  terminal: {
    writeLine: () => undefined,
    writeError: () => undefined,
    write: () => undefined,
    readKeys: () => () => undefined,
    decorated: false,
  },
  platform: { node: process.version, name: process.platform },
  process: { environment: {}, pid: process.pid },
  finish: () => undefined,
  untilStopSignal: () => new Promise(() => undefined),
  onReloadSignal: () => undefined,
};

function write(name: string, text: string): void {
  const path = join(TOP, 'dist', name);
  mkdirSync(resolve(path, '..'), { recursive: true });
  writeFileSync(path, text);
}

const program = describeCommand(createProgram(NOBODY));
const version = programVersion();
const day = sourceDate(TOP).toISOString().slice(0, 10);
write(
  'man/bootd.8',
  wrapLines(
    programPage(
      { name: 'bootd', section: 8, version, day, summary: 'boot service for bare machines' },
      program,
    ),
  ),
);
write(
  'man/bootd.yaml.5',
  wrapLines(
    markdownPage(
      { name: 'bootd.yaml', section: 5, version, day, summary: 'configuration of bootd' },
      readFileSync(join(TOP, 'docs/configuration.md'), 'utf8'),
    ),
  ),
);
write('completions/bootd.bash', completionScript('bash', program));
write('completions/_bootd', completionScript('zsh', program));
write('completions/bootd.fish', completionScript('fish', program));
