import { runProgram } from '../../../src/cli/program.ts';
import type { Terminal } from '../../../src/cli/command-context.ts';
import type { ExitCode } from '../../../src/cli/exit-code.ts';

/** How a command line ended, and what it wrote. */
export interface Run {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line in this process, with a terminal that only remembers. */
export async function run(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  terminal: Partial<Terminal> = {},
): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runProgram(words, {
    terminal: {
      writeLine: (line) => void out.push(line),
      writeError: (line) => void err.push(line),
      write: (octets) => void out.push(Buffer.from(octets).toString('latin1')),
      readKeys: () => () => undefined,
      decorated: false,
      ...terminal,
    },
    platform: { node: 'v20.20.2', name: 'linux x64' },
    process: { environment, pid: process.pid },
    untilStopSignal: () =>
      Object.keys(terminal).length > 0 ? new Promise(() => undefined) : Promise.resolve('SIGTERM'),
    onReloadSignal: () => undefined,
    onReportSignal: () => undefined,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}
