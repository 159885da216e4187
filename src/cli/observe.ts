import { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { controlClient, withControlOptions, type ControlOptions } from './control-options.ts';
import { listOf, numberOf, recordOf, textOf } from './document.ts';
import { EXIT_CODE } from './exit-code.ts';
import { formatJson } from './json-text.ts';

/** `bootd observe report`: what a running `bootd serve --observe` has found so far. */
export function observeCommand(context: CommandContext): Command {
  const observe = new Command('observe').description('ask a running rehearsal (bootd serve --observe)');
  observe.addCommand(
    withControlOptions(new Command('report'))
      .description("where bootd's answers would have differed so far; exit code 3 if anywhere")
      .action((options: ControlOptions) => showReport(options, context)),
  );
  return observe;
}

async function showReport(options: ControlOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const { body } = await controlClient(options, context).get('/v1/observations');
  const report = recordOf(body);
  if (options.json === true) {
    terminal.writeLine(formatJson(report));
  } else {
    for (const line of listOf(report['report'])) terminal.writeLine(textOf(line) ?? '');
  }
  const differences = numberOf(report['differences']) ?? 0;
  context.finish(differences > 0 ? EXIT_CODE.losses : EXIT_CODE.done);
}
