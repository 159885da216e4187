import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { recordOf, textOf } from './document.ts';
import { EXIT_CODE } from './exit-code.ts';

/** The version in package.json, which lies two folders up from here both in a checkout and in a package. */
export function programVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return textOf(recordOf(JSON.parse(text))['version']) ?? 'unknown';
}

/** `bootd version`: the same as `--version`, and what it runs on, for bug reports. */
export function versionCommand(context: CommandContext, version: string): Command {
  return new Command('version')
    .description('print the version of bootd, Node.js and the platform')
    .option('--json', 'for programs')
    .action((options: { json?: true }) => {
      const facts = { bootd: version, node: context.platform.node, platform: context.platform.name };
      if (options.json === true) context.terminal.writeLine(JSON.stringify(facts));
      else context.terminal.writeLine(`bootd ${facts.bootd} (Node.js ${facts.node}, ${facts.platform})`);
      context.finish(EXIT_CODE.done);
    });
}
