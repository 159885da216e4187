import { Command } from 'commander';
import { systemClock } from '../io/clock.ts';
import { DEFAULT_RETRY_POLICY } from '../ipmi/ipmi-settings.ts';
import { openBmcConsole } from '../services/bmc-console.ts';
import { BmcConnection } from '../services/bmc-connection.ts';
import type { CommandContext } from './command-context.ts';
import { ConsoleEscape } from './console-escape.ts';
import { controlClient } from './control-options.ts';
import { EXIT_CODE, UsageError } from './exit-code.ts';
import { requireNode } from './node-resolution.ts';
import { directTarget, withPowerOptions, type PowerOptions } from './power-target.ts';

interface ConsoleOptions extends PowerOptions {
  readonly readOnly?: true;
  readonly takeOver?: true;
}

/** A serial console that is open, whichever way it is reached. */
interface Line {
  type(characters: Uint8Array): void;
  close(): void;
  /** Resolves when the other side has ended it. */
  readonly ended: Promise<void>;
}

/** `bootd console NODE`: serial over LAN, until `~.` is typed. */
export function consoleCommand(context: CommandContext): Command {
  return withPowerOptions(new Command('console'))
    .description('the serial console of a machine, over LAN')
    .argument('[node]', 'UUID, name, or MAC of a port')
    .option('--read-only', 'type nothing, only show')
    .option('--take-over', 'put out another console that has the serial port')
    .addHelpText('after', '\nAt the beginning of a line, ~. leaves and ~~ is a tilde.')
    .action((node: string | undefined, options: ConsoleOptions) => runConsole(node, options, context));
}

async function runConsole(
  node: string | undefined,
  options: ConsoleOptions,
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  if (options.json === true) throw new UsageError('a console has no JSON');
  const line = await openLine(node, options, context, (characters) => terminal.write(characters));
  terminal.writeError(options.readOnly === true ? 'connected, read only' : 'connected; ~. leaves');
  const escape = new ConsoleEscape();
  let letGo: () => void = () => undefined;
  try {
    const left = new Promise<void>((resolve) => {
      letGo = terminal.readKeys({
        onTyped(typed) {
          for (const key of escape.read(typed)) {
            if (key.kind === 'leave') resolve();
            else if (options.readOnly !== true) line.type(key.characters);
          }
        },
        // Read only it goes on: a pipe has nothing to type and still wants to see.
        onEnd: () => (options.readOnly === true ? undefined : resolve()),
      });
    });
    await Promise.race([left, line.ended, context.untilStopSignal()]);
  } finally {
    letGo();
    line.close();
  }
  await line.ended;
  context.finish(EXIT_CODE.done);
}

async function openLine(
  node: string | undefined,
  options: ConsoleOptions,
  context: CommandContext,
  onOutput: (characters: Uint8Array) => void,
): Promise<Line> {
  const takeOver = options.takeOver === true;
  if (options.host === undefined) {
    if (node === undefined) throw new UsageError('say which node is meant, or which BMC with --host');
    const client = controlClient(options, context);
    const uuid = await requireNode(client, node);
    return client.converse(`/v1/nodes/${uuid}/console?take_over=${takeOver}`, onOutput);
  }
  if (node !== undefined) throw new UsageError(`--host and the node "${node}" cannot stand together`);
  const connection = await BmcConnection.open(directTarget(options.host, options), {
    retries: DEFAULT_RETRY_POLICY,
    clock: systemClock,
  });
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const console = await openBmcConsole(connection, systemClock, takeOver, {
    onOutput,
    onEnd(error) {
      context.terminal.writeError(error.message);
      end();
    },
  });
  return {
    type: (characters) => console.type(characters),
    close: () => void console.close().then(end),
    ended,
  };
}
