import { Command, CommanderError } from 'commander';
import { ConfigError, formatConfigProblem } from '../config/config-error.ts';
import { formatPlace, ImportError } from '../import/source-place.ts';
import { IoError } from '../io/io-error.ts';
import { IpmiError } from '../ipmi/ipmi-error.ts';
import { StoreError } from '../store/store.ts';
import { printableLines } from '../wire/visible-text.ts';
import { bmcCommand } from './bmc.ts';
import { bootCommand } from './boot.ts';
import { checkCommand } from './check.ts';
import { completionCommand } from './completion.ts';
import type { CommandContext, Terminal } from './command-context.ts';
import { ControlError, ControlUnreachableError } from './control-client.ts';
import { EXIT_CODE, UsageError, type ExitCode } from './exit-code.ts';
import { consoleCommand } from './console.ts';
import { importCommand } from './import.ts';
import { leaseCommand } from './lease.ts';
import { loadersCommand } from './loaders.ts';
import { mapCommand } from './map.ts';
import { nodeCommand } from './node.ts';
import { observeCommand } from './observe.ts';
import { bootDeviceCommand, powerCommand } from './power.ts';
import { probeCommand } from './probe.ts';
import { reloadCommand } from './reload.ts';
import { serveCommand } from './serve.ts';
import { unitsCommand } from './units.ts';
import { programVersion, versionCommand } from './version.ts';

/** What main.ts gives; the exit code is this file's. */
export type ProgramEnvironment = Omit<CommandContext, 'finish'>;

/**
 * Runs one command line, without the two words of the interpreter. Never rejects for a reason that a user can cause:
 * what went wrong is on standard error, and what is returned is the exit code.
 */
export async function runProgram(
  words: readonly string[],
  environment: ProgramEnvironment,
): Promise<ExitCode> {
  let code: ExitCode = EXIT_CODE.done;
  // What is said to people quotes files, daemons and controllers that others have written.
  const writeError = (text: string): void => environment.terminal.writeError(printableLines(text));
  const terminal: Terminal = { ...environment.terminal, writeError };
  const context: CommandContext = { ...environment, terminal, finish: (given) => (code = given) };
  try {
    await createProgram(context).parseAsync([...words], { from: 'user' });
    return code;
  } catch (error) {
    return reportFailure(error, context);
  }
}

/** The whole tree of commands; manual page and completions are made from it. */
export function createProgram(context: CommandContext): Command {
  const version = programVersion();
  const program = new Command('bootd')
    .description(
      'DHCP, TFTP and boot files per machine, from one process: bare machines from power-on to their kernel',
    )
    .version(version, '-V, --version', 'print the version')
    .helpCommand(true)
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 done with losses that were listed.',
    );
  const commands = [
    serveCommand(context),
    reloadCommand(context),
    checkCommand(context),
    probeCommand(context),
    mapCommand(context),
    importCommand(context),
    nodeCommand(context),
    leaseCommand(context),
    bootCommand(context),
    observeCommand(context),
    loadersCommand(context),
    powerCommand(context),
    bootDeviceCommand(context),
    bmcCommand(context),
    consoleCommand(context),
    unitsCommand(context),
    completionCommand(context, program),
    versionCommand(context, version),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...allCommands(program)]) {
    command
      .exitOverride()
      .showHelpAfterError('(--help shows how it is used)')
      .configureOutput({
        writeOut: (text) => context.terminal.writeLine(text.trimEnd()),
        writeErr: (text) => context.terminal.writeError(text.trimEnd()),
      });
  }
  return program;
}

function allCommands(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}

/** Says what went wrong in the form that fits it, and how the process ends. */
function reportFailure(error: unknown, { terminal }: CommandContext): ExitCode {
  if (error instanceof CommanderError) {
    // Commander has already written; it ends with 0 after --help and --version only.
    return error.exitCode === 0 ? EXIT_CODE.done : EXIT_CODE.wrongUse;
  }
  if (error instanceof ConfigError) {
    for (const problem of error.problems) terminal.writeError(formatConfigProblem(problem));
    return EXIT_CODE.wrongUse;
  }
  if (error instanceof UsageError) {
    terminal.writeError(`bootd: ${error.message}`);
    return EXIT_CODE.wrongUse;
  }
  if (error instanceof ImportError) {
    terminal.writeError(`${formatPlace(error.place)}: ${error.message}`);
    return EXIT_CODE.wrongUse;
  }
  if (error instanceof ControlUnreachableError) {
    terminal.writeError(error.message);
    return EXIT_CODE.failed;
  }
  if (error instanceof IpmiError) {
    terminal.writeError(`bootd: ${error.message} (${error.code})`);
    return EXIT_CODE.failed;
  }
  if (error instanceof ControlError || error instanceof IoError || error instanceof StoreError) {
    terminal.writeError(`bootd: ${error.message}`);
    return EXIT_CODE.failed;
  }
  terminal.writeError(`bootd: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT_CODE.failed;
}
