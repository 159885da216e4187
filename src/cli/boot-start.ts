import { InvalidArgumentError, type Command } from 'commander';
import { BootTeller, followStream, pause } from './boot-follow.ts';
import type { NodeUuid } from '../boot/node.ts';
import { printable } from '../wire/visible-text.ts';
import type { CommandContext } from './command-context.ts';
import { ControlError, type ControlClient } from './control-client.ts';
import { controlClient, type ControlOptions } from './control-options.ts';
import { listOf, numberOf, recordOf, textOf } from './document.ts';
import { EventParser } from './event-parser.ts';
import { EXIT_CODE, type ExitCode } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import { requireNode } from './node-resolution.ts';

type WatchDocument = Readonly<Record<string, unknown>>;

/** What a boot is started with; what is left out is as the configuration has it. */
export interface StartOptions extends ControlOptions {
  readonly uefi?: boolean;
  readonly console?: true;
  readonly evenIfManaged?: true;
  readonly attempts?: number;
  readonly firstRequest?: number;
  readonly bootTime?: number;
  readonly wait: boolean;
}

/** How often the daemon is asked how it stands. */
const ASK_MS = 500;
const MOST_ATTEMPTS = 20;
const MOST_SECONDS = 86_400;

/** Adds the options of `bootd boot start`. */
export function withStartOptions(command: Command): Command {
  return command
    .option('--uefi', "boot by UEFI (default: as the node's boot_mode says)")
    .option('--no-uefi', 'boot as a BIOS does')
    .option('--attempts <number>', 'how often it is started in all', (text) => readCount(text, MOST_ATTEMPTS))
    .option('--first-request <seconds>', 'until its first DHCP request', (text) =>
      readCount(text, MOST_SECONDS),
    )
    .option('--boot-time <seconds>', 'from power-on until its kernel is sent', (text) =>
      readCount(text, MOST_SECONDS),
    )
    .option('--console', 'read its serial console along, and show the last lines when it fails')
    .option('--even-if-managed', 'also a node whose power another program manages, such as Ironic')
    .option('--no-wait', 'return once it is begun, instead of following it');
}

/** Has a machine booted from the network by its BMC, and follows it to its kernel, or to the reason why it has none. */
export async function startBoot(
  wanted: string,
  options: StartOptions,
  context: CommandContext,
): Promise<void> {
  const machine = await findMachine(wanted, options, context);
  const order = {
    ...(options.uefi !== undefined && { uefi: options.uefi }),
    ...(options.console === true && { console: true }),
    ...(options.evenIfManaged === true && { even_if_managed: true }),
    ...(options.attempts !== undefined && { attempts: options.attempts }),
    ...(options.firstRequest !== undefined && { first_request: options.firstRequest }),
    ...(options.bootTime !== undefined && { boot_time: options.bootTime }),
  };
  const begin = async (): Promise<WatchDocument> =>
    recordOf((await machine.client.post(machine.path, order)).body);
  if (options.wait) {
    await followWatch(machine, begin, options, context);
    return;
  }
  const watch = await begin();
  if (options.json === true) context.terminal.writeLine(formatJson(watch));
  else context.terminal.writeLine(`begun; ${hints(wanted)}`);
  context.finish(EXIT_CODE.done);
}

/** Follows the boot of a machine that has been begun, to its end. */
export async function watchBoot(
  wanted: string,
  options: ControlOptions,
  context: CommandContext,
): Promise<void> {
  const machine = await findMachine(wanted, options, context);
  await followWatch(machine, () => readWatch(machine), options, context);
}

/** Watches a machine no longer, and leaves it as it is. */
export async function cancelBoot(
  wanted: string,
  options: ControlOptions,
  context: CommandContext,
): Promise<void> {
  const { client, path } = await findMachine(wanted, options, context);
  await client.delete(path);
  if (options.json === true) context.terminal.writeLine(JSON.stringify({ cancelled: wanted }));
  else context.terminal.writeLine('it is watched no longer; the machine is as it was');
  context.finish(EXIT_CODE.done);
}

/** A node whose boot is started or followed. */
interface Machine {
  readonly client: ControlClient;
  readonly uuid: NodeUuid;
  /** As it was called on the command line. */
  readonly wanted: string;
  /** Of its boot, in the API. */
  readonly path: string;
}

async function findMachine(
  wanted: string,
  options: ControlOptions,
  context: CommandContext,
): Promise<Machine> {
  const client = controlClient(options, context);
  const uuid = await requireNode(client, wanted);
  return { client, uuid, wanted, path: `/v1/nodes/${uuid}/boot` };
}

/** Tells each step as it happens, then how it ended. JSON is the end alone, as the API has it. */
async function followWatch(
  machine: Machine,
  begin: () => Promise<WatchDocument>,
  options: ControlOptions,
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  const end = new AbortController();
  void context.untilStopSignal().then(() => end.abort());
  const isInterrupted = (): boolean => end.signal.aborted;
  // Listening begins before the boot does, so that its first step is heard.
  if (options.json !== true) void tellSteps(machine, end.signal, context);
  try {
    let watch = await begin();
    let told = 0;
    for (;;) {
      const failures = listOf(watch['failures']).map(recordOf);
      if (watch['state'] !== 'under-way') break;
      if (options.json !== true) tellFailures(failures, told, watch, context);
      told = failures.length;
      await pause(ASK_MS, end.signal);
      if (isInterrupted()) {
        terminal.writeError(`The boot goes on; ${hints(machine.wanted)}`);
        context.finish(EXIT_CODE.failed);
        return;
      }
      watch = await readWatch(machine);
    }
    if (options.json === true) terminal.writeLine(formatJson(watch));
    else terminal.writeLine((await describeEnd(machine.client, watch)).map(printable).join('\n'));
    context.finish(exitCodeOf(watch));
  } finally {
    end.abort();
  }
}

async function readWatch({ client, path }: Machine): Promise<WatchDocument> {
  return recordOf((await client.get(path)).body);
}

/** Steps are an extra: where they cannot be had, the end is told all the same. */
async function tellSteps(
  { client, uuid }: Machine,
  signal: AbortSignal,
  context: CommandContext,
): Promise<void> {
  const teller = new BootTeller(false, context);
  const parser = new EventParser((type, data) => {
    const boot = recordOf(data);
    if (type === 'boot' && boot['node'] === uuid) teller.tell(boot, data);
  });
  try {
    await followStream(client, parser, signal, context);
  } catch (error) {
    if (signal.aborted) return;
    context.terminal.writeError(`Its steps cannot be shown: ${error instanceof Error ? error.message : ''}`);
  }
}

function tellFailures(
  failures: readonly WatchDocument[],
  told: number,
  watch: WatchDocument,
  { terminal }: CommandContext,
): void {
  const attempts = numberOf(watch['attempts']) ?? failures.length;
  for (const [index, failure] of failures.entries()) {
    if (index < told) continue;
    const sentence = textOf(failure['sentence']) ?? '';
    terminal.writeLine(
      printable(`start ${index + 1} of ${attempts} failed: ${sentence}; it is started again`),
    );
  }
}

async function describeEnd(client: ControlClient, watch: WatchDocument): Promise<readonly string[]> {
  const sentence = textOf(watch['sentence']) ?? '';
  const boot = textOf(watch['boot']);
  switch (watch['state']) {
    case 'booted':
      return [`BOOTED: ${sentence}`];
    case 'failed': {
      const attempts = numberOf(watch['attempt']) ?? 1;
      const remedy = textOf(recordOf(listOf(watch['failures']).at(-1))['remedy']);
      return [
        `FAILED after ${attempts === 1 ? 'one start' : `${attempts} starts`}: ${sentence}`,
        ...(remedy === undefined ? [] : [`remedy: ${remedy}`]),
        ...(boot === undefined ? [] : await describeConsole(client, boot)),
      ];
    }
    default:
      return [`${(textOf(watch['state']) ?? 'unknown').toUpperCase()}: ${sentence}`];
  }
}

async function describeConsole(client: ControlClient, boot: string): Promise<readonly string[]> {
  const more = [`\`bootd boot show ${boot}\` shows all of it`];
  try {
    const { body } = await client.get(`/v1/boots/${boot}`);
    const lines = listOf(recordOf(body)['console']).map((line) => `  | ${textOf(line) ?? ''}`);
    return lines.length === 0 ? more : ['the last lines of its console:', ...lines, ...more];
  } catch (error) {
    // Many other boots since then: it is not remembered any more.
    if (error instanceof ControlError) return [];
    throw error;
  }
}

function exitCodeOf({ state }: WatchDocument): ExitCode {
  return state === 'booted' ? EXIT_CODE.done : EXIT_CODE.failed;
}

function hints(wanted: string): string {
  return `\`bootd boot watch ${wanted}\` follows it, \`bootd boot cancel ${wanted}\` ends the watching`;
}

function readCount(text: string, most: number): number {
  const count = Number(text);
  if (/^\d{1,5}$/.test(text) && count >= 1 && count <= most) return count;
  throw new InvalidArgumentError(`1 to ${most}.`);
}
