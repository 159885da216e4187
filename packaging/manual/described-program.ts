import type { CommandContext } from '../../src/cli/command-context.ts';
import { describeCommand, type CommandFacts } from '../../src/cli/command-tree.ts';
import { createProgram } from '../../src/cli/program.ts';

/** For commands that are described and never run. */
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
  onReportSignal: () => undefined,
};

/** Every command of bootd, as its help shows it. */
export function describeProgram(): CommandFacts {
  return describeCommand(createProgram(NOBODY));
}
