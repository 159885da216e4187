import { Command } from 'commander';
import { formatConfigProblem, type ConfigProblem } from '../config/config-error.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODE } from './exit-code.ts';
import { inspectConfiguration } from './read-configuration.ts';

interface CheckOptions {
  readonly config: string;
  readonly json?: true;
}

/** `bootd check`: everything that is wrong with what an admin wrote, before a daemon has to refuse it. */
export function checkCommand(context: CommandContext): Command {
  return new Command('check')
    .description(
      'read configuration, templates and map-file; print every problem as file:line:column: message',
    )
    .requiredOption('-c, --config <file>', 'the configuration (bootd.yaml)')
    .option('--json', 'print JSON, for programs')
    .action((options: CheckOptions) => check(options, context));
}

function check(options: CheckOptions, context: CommandContext): void {
  const { problems } = inspectConfiguration(options.config);
  const errors = problems.filter(isError).length;
  if (options.json === true) context.terminal.writeLine(JSON.stringify({ problems }, undefined, 2));
  else {
    for (const problem of problems) context.terminal.writeLine(formatConfigProblem(problem));
    if (problems.length === 0) context.terminal.writeError(`${options.config}: no problems found`);
  }
  context.finish(errors > 0 ? EXIT_CODE.wrongUse : EXIT_CODE.done);
}

function isError(problem: ConfigProblem): boolean {
  return problem.severity === 'error';
}
