import { Command } from 'commander';
import { parseMac } from '../addr/mac.ts';
import { followBoots } from './boot-follow.ts';
import { cancelBoot, startBoot, watchBoot, withStartOptions, type StartOptions } from './boot-start.ts';
import { formatBoot } from './boot-text.ts';
import type { CommandContext } from './command-context.ts';
import { ControlError, type ControlClient } from './control-client.ts';
import { controlClient, withControlOptions, type ControlOptions } from './control-options.ts';
import { listOf, recordOf, textOf } from './document.ts';
import { EXIT_CODE } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import { findNode, requireNode } from './node-resolution.ts';
import { formatTable, type Column } from './table.ts';

/** A boot as the API tells of it. */
export type BootDocument = Readonly<Record<string, unknown>>;

const COLUMNS: readonly Column<BootDocument>[] = [
  { title: 'BOOT', cell: (boot) => textOf(boot['id']) },
  { title: 'STARTED', cell: (boot) => textOf(boot['started_at'])?.replace(/\.\d+Z$/, 'Z') },
  { title: 'MAC', cell: (boot) => textOf(boot['mac']) },
  { title: 'FIRMWARE', cell: (boot) => textOf(boot['firmware']) },
  { title: 'STATE', cell: stateOf },
  { title: 'VERDICT', cell: (boot) => textOf(recordOf(boot['verdict'])['sentence']) },
];

/** Which boots a command is about. */
export interface BootSelection extends ControlOptions {
  readonly mac?: string;
  readonly node?: string;
}

/**
 * `bootd boot list|show|follow`: what machines did when they booted, and why they did not get further;
 * `start|watch|cancel`: boots that bootd starts itself.
 */
export function bootCommand(context: CommandContext): Command {
  const boot = new Command('boot').description(
    'list, show and follow boots, and why they do not go on; start one by the BMC',
  );
  boot.addCommand(
    withControlOptions(new Command('list'))
      .description('boots, newest first, each with its verdict')
      .option('--mac <mac>', 'only of this card')
      .option('--node <node>', 'only of this node: UUID, name, or MAC of a port')
      .option('--stuck', 'only those that do not go on')
      .action((options: BootSelection & { stuck?: true }) => listBoots(options, context)),
  );
  boot.addCommand(
    withControlOptions(new Command('show'))
      .description('everything that happened in a boot, and what to do')
      .argument('<boot>', 'a boot of the list; or UUID, name or MAC of a machine: its last one')
      .action((wanted: string, options: ControlOptions) => showBoot(wanted, options, context)),
  );
  boot.addCommand(
    withControlOptions(new Command('follow'))
      .description('tells of boots as they happen, until Ctrl-C')
      .option('--mac <mac>', 'only of this card')
      .option('--node <node>', 'only of this node: UUID, name, or MAC of a port')
      .action((options: BootSelection) => followBoots(options, context)),
  );
  const machine = ['<node>', 'UUID, name, or MAC of a port'] as const;
  boot.addCommand(
    withStartOptions(withControlOptions(new Command('start')))
      .description('boots a machine from the network by its BMC, and follows it to its kernel')
      .argument(...machine)
      .addHelpText(
        'after',
        '\nEnds with 0 when it has kernel and ramdisk, with 1 and the diagnosis when not.',
      )
      .action((wanted: string, options: StartOptions) => startBoot(wanted, options, context)),
  );
  boot.addCommand(
    withControlOptions(new Command('watch'))
      .description('follows a boot that was started so')
      .argument(...machine)
      .action((wanted: string, options: ControlOptions) => watchBoot(wanted, options, context)),
  );
  boot.addCommand(
    withControlOptions(new Command('cancel'))
      .description('ends the watching of a boot, and leaves the machine as it is')
      .argument(...machine)
      .action((wanted: string, options: ControlOptions) => cancelBoot(wanted, options, context)),
  );
  return boot;
}

async function listBoots(options: BootSelection & { stuck?: true }, context: CommandContext): Promise<void> {
  const client = controlClient(options, context);
  const { body } = await client.get(`/v1/boots${await queryOf(client, options)}`);
  const all = listOf(recordOf(body)['boots']).map(recordOf);
  const boots = options.stuck === true ? all.filter((boot) => boot['state'] === 'stuck') : all;
  if (options.json === true) context.terminal.writeLine(formatJson(boots));
  else if (boots.length === 0) context.terminal.writeError('No boots.');
  else context.terminal.writeLine(formatTable(COLUMNS, boots, context.terminal.decorated).join('\n'));
  context.finish(EXIT_CODE.done);
}

async function showBoot(wanted: string, options: ControlOptions, context: CommandContext): Promise<void> {
  const client = controlClient(options, context);
  const boot = await findBoot(client, wanted);
  if (options.json === true) context.terminal.writeLine(formatJson(boot));
  else context.terminal.writeLine(formatBoot(boot).join('\n'));
  context.finish(EXIT_CODE.done);
}

/** By its id, else the last boot of the machine that is meant. */
async function findBoot(client: ControlClient, wanted: string): Promise<BootDocument> {
  const byId = /^[0-9a-z]{1,12}$/.test(wanted) ? await bootById(client, wanted) : undefined;
  if (byId !== undefined) return byId;
  const mac = parseMac(wanted);
  const node = mac === undefined ? await findNode(client, wanted) : undefined;
  if (mac === undefined && node === undefined) {
    throw new ControlError(404, undefined, `no boot and no node is called "${wanted}"`);
  }
  const query = mac === undefined ? `?node=${node ?? ''}` : `?mac=${mac}`;
  const { body } = await client.get(`/v1/boots${query}`);
  const id = textOf(recordOf(listOf(recordOf(body)['boots'])[0])['id']);
  const last = id === undefined ? undefined : await bootById(client, id);
  if (last === undefined) throw new ControlError(404, undefined, `no boot of ${wanted} is remembered`);
  return last;
}

async function bootById(client: ControlClient, id: string): Promise<BootDocument | undefined> {
  try {
    return recordOf((await client.get(`/v1/boots/${id}`)).body);
  } catch (error) {
    if (error instanceof ControlError && error.status === 404) return undefined;
    throw error;
  }
}

async function queryOf(client: ControlClient, { mac, node }: BootSelection): Promise<string> {
  const query = new URLSearchParams();
  if (mac !== undefined) query.set('mac', mac);
  if (node !== undefined) query.set('node', await requireNode(client, node));
  return query.size === 0 ? '' : `?${query.toString()}`;
}

function stateOf(boot: BootDocument): string | undefined {
  const state = textOf(boot['state']);
  return boot['probe'] === true ? `${state ?? ''} (probe)` : state;
}
