import { Argument, Command } from 'commander';
import { BOOT_DEVICES, type BootDevice } from '../ipmi/boot-device.ts';
import { POWER_ACTIONS } from '../ipmi/chassis-commands.ts';
import type { CommandContext } from './command-context.ts';
import { listOf, textOf } from './document.ts';
import { EXIT_CODE } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import type { PowerPort } from './power-port.ts';
import { openPowerPort, withPowerOptions, type PowerOptions } from './power-target.ts';
import { formatRecord } from './table.ts';

const SAYS = {
  on: 'switches it on',
  off: 'switches it off, without asking its operating system',
  soft: 'asks its operating system to shut down',
  cycle: 'switches it off and on again',
  reset: 'resets it',
} as const;

/** `bootd power status|on|off|soft|cycle|reset`: the power of a node, or of any machine with a BMC. */
export function powerCommand(context: CommandContext): Command {
  const power = new Command('power').description('power of a machine, by IPMI 2.0');
  power.addCommand(
    withPowerOptions(new Command('status'))
      .description('whether it is on, and what is wrong with it')
      .argument('[node]', 'UUID, name, or MAC of a port')
      .action((node: string | undefined, options: PowerOptions) => showStatus(node, options, context)),
  );
  for (const action of POWER_ACTIONS) {
    power.addCommand(
      withPowerOptions(new Command(action))
        .description(SAYS[action])
        .argument('[node]', 'UUID, name, or MAC of a port')
        .action((node: string | undefined, options: PowerOptions) =>
          withPort(node, options, context, async (port) => {
            await port.control(action);
            return { document: { action }, lines: [`the BMC took it: power ${action}`] };
          }),
        ),
    );
  }
  return power;
}

interface BootDeviceOptions extends PowerOptions {
  readonly uefi?: true;
  readonly persistent?: true;
  readonly expiry: boolean;
}

/** `bootd bootdev pxe|disk|...`: where a machine boots from next. */
export function bootDeviceCommand(context: CommandContext): Command {
  return withPowerOptions(new Command('bootdev'))
    .description('where a machine boots from next, by IPMI 2.0')
    .addArgument(new Argument('<device>', 'show tells what is set').choices(['show', ...BOOT_DEVICES]))
    .argument('[node]', 'UUID, name, or MAC of a port')
    .option('--uefi', 'the loader of UEFI; without it that of a BIOS')
    .option('--persistent', 'for every boot from now on, instead of the next one')
    .option('--no-expiry', 'keep the order beyond 60 seconds without a power command')
    .action((device: BootDevice | 'show', node: string | undefined, options: BootDeviceOptions) =>
      withPort(node, options, context, async (port) => {
        if (device === 'show') {
          const document = await port.bootDevice();
          return { document, lines: formatRecord(fieldsOf(document)) };
        }
        const order = {
          device,
          uefi: options.uefi === true,
          persistent: options.persistent === true,
          expires: options.expiry,
        };
        await port.setBootDevice(order);
        const until = order.persistent
          ? 'from now on'
          : order.expires
            ? 'next, if it is switched on within 60 seconds'
            : 'next';
        return { document: order, lines: [`the machine boots from ${device} ${until}`] };
      }),
    );
}

/** What a subcommand found out: for programs, and for people. */
export interface Finding {
  readonly document: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

/** Opens the BMC that is meant, does the work, prints what came out, and lets go of the BMC again. */
export async function withPort(
  node: string | undefined,
  options: PowerOptions,
  context: CommandContext,
  work: (port: PowerPort) => Promise<Finding>,
): Promise<void> {
  const port = await openPowerPort(node, options, context);
  try {
    const { document, lines } = await work(port);
    if (options.json === true) context.terminal.writeLine(formatJson(document));
    else if (lines.length > 0) context.terminal.writeLine(lines.join('\n'));
    context.finish(EXIT_CODE.done);
  } finally {
    port.close();
  }
}

function showStatus(node: string | undefined, options: PowerOptions, context: CommandContext): Promise<void> {
  return withPort(node, options, context, async (port) => {
    const document = await port.status();
    const list = (value: unknown): string => listOf(value).map(String).join(', ');
    const lines = formatRecord([
      ['power', textOf(document['state'])],
      ['after a power failure', textOf(document['restore_policy'])],
      ['faults', list(document['faults']) || 'none'],
      ['last change', list(document['last_events'])],
    ]);
    return { document, lines };
  });
}

/** Every member of a flat document, with spaces instead of underscores. */
export function fieldsOf(
  document: Readonly<Record<string, unknown>>,
): readonly (readonly [string, string | undefined])[] {
  return Object.entries(document).map(([name, value]) => [
    name.replaceAll('_', ' '),
    typeof value === 'string' ? value : value === null ? undefined : JSON.stringify(value),
  ]);
}
