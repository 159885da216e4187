import { Command } from 'commander';
import { checkConfiguration } from '../config/check-configuration.ts';
import { formatConfigProblem } from '../config/config-error.ts';
import { printableLines } from '../wire/visible-text.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODE } from './exit-code.ts';
import { FILE_CHECKS } from './file-checks.ts';
import { formatJson } from './json-text.ts';
import { readText } from './read-configuration.ts';

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

async function check(options: CheckOptions, context: CommandContext): Promise<void> {
  const problems = await checkConfiguration(options.config, readText, FILE_CHECKS);
  if (options.json === true) {
    context.terminal.writeLine(formatJson({ problems }));
  } else {
    for (const problem of problems) context.terminal.writeLine(printableLines(formatConfigProblem(problem)));
    if (problems.length === 0) context.terminal.writeError(`${options.config}: no problems found`);
  }
  const isWrong = problems.some((problem) => problem.severity === 'error');
  context.finish(isWrong ? EXIT_CODE.wrongUse : EXIT_CODE.done);
}
