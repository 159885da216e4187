import { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { controlClient, withControlOptions, type ControlOptions } from './control-options.ts';
import { listOf, recordOf, textOf } from './document.ts';
import { EXIT_CODE } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import { formatTable, type Column } from './table.ts';

type ChangeDocument = Readonly<Record<string, unknown>>;

const COLUMNS: readonly Column<ChangeDocument>[] = [
  { title: 'KEY', cell: (change) => textOf(change['key']) },
  { title: 'EFFECT', cell: effectOf },
];

interface ReloadOptions extends ControlOptions {
  readonly dryRun?: true;
}

/** `bootd reload`: the running daemon reads its configuration again, and says what came of it. */
export function reloadCommand(context: CommandContext): Command {
  return withControlOptions(new Command('reload'))
    .description('have the daemon read its configuration again: all of it comes into force, or nothing')
    .option('-n, --dry-run', 'only say what would change')
    .action((options: ReloadOptions) => reload(options, context));
}

/** A configuration that the daemon refuses is a ControlError, whose message has every problem with its place. */
async function reload(options: ReloadOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const isDryRun = options.dryRun === true;
  const { body } = await controlClient(options, context).post('/v1/reload', { dry_run: isDryRun });
  const changes = listOf(recordOf(body)['changes']).map(recordOf);
  if (options.json === true) terminal.writeLine(formatJson(body));
  else if (changes.length === 0) terminal.writeLine('Nothing changed.');
  else terminal.writeLine(formatTable(COLUMNS, changes, terminal.decorated).join('\n'));
  context.finish(EXIT_CODE.done);
}

function effectOf(change: ChangeDocument): string {
  const reason = textOf(change['reason']);
  return change['effect'] === 'live' ? 'live' : `needs a restart${reason === undefined ? '' : `: ${reason}`}`;
}
