import { randomBytes } from 'node:crypto';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseMac, type Mac } from '../addr/mac.ts';
import { parseNodeUuid, swapUuidFields, type NodeUuid } from '../boot/node.ts';
import type { BootdSettings } from '../config/settings.ts';
import { PROBE_ARCHITECTURES, type ProbeArchitecture, type ProbeMachine } from '../probe/firmware-shapes.ts';
import type { CommandContext, Terminal } from './command-context.ts';
import { EXIT_CODE, UsageError, type ExitCode } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import { chooseMachineWire } from './machine-wire.ts';
import {
  formatProbeEvent,
  isDifference,
  isWholeChain,
  probeEventDocument,
  type ProbeEvent,
} from './probe-report.ts';
import { playMachine } from './probe-session.ts';
import { readConfiguration } from './read-configuration.ts';

interface ProbeOptions {
  readonly config: string;
  readonly mac: Mac;
  readonly arch: ProbeArchitecture;
  readonly interface?: string;
  readonly uuid?: NodeUuid;
  readonly grubPrefix: string;
  readonly realPace?: true;
  readonly keepLease?: true;
  readonly json?: true;
}

const DEFAULT_TFTP_PORT = 69;

/** `bootd probe`: plays the firmware and the loader of a machine against the running server. */
export function probeCommand(context: CommandContext): Command {
  return new Command('probe')
    .description(
      'play a machine from its DISCOVER to its ramdisk against the running server, and print each step',
    )
    .requiredOption('-c, --config <file>', "the server's configuration")
    .requiredOption('-m, --mac <mac>', 'the machine that is played', readMac)
    .addOption(new Option('-a, --arch <arch>', 'its firmware').choices(PROBE_ARCHITECTURES).default('bios'))
    .option(
      '-i, --interface <name>',
      'play it on this interface, from another host or namespace than the server',
    )
    .option('--uuid <uuid>', "the machine's UUID in option 97 (default: made from the MAC)", readUuid)
    .option('--grub-prefix <path>', 'the folder that GRUB was built to look in', '/EFI/centos')
    .option('--real-pace', 'wait for further offers as long as the firmware does')
    .option('--keep-lease', 'do not give the lease back at the end')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', HELP)
    .action(async (options: ProbeOptions) => context.finish(await probe(options, context.terminal)));
}

const HELP = `
Firmware: bios is SeaBIOS with iPXE's option ROM, which says that it is iPXE; bios-undi a ROM of a card maker, which
does not; uefi-* is OVMF; ipxe is iPXE loaded from the network; bootp a BOOTP ROM; linux the machine's own DHCP client.
With --grub-prefix /grub, GRUB behaves as Debian's signed image does.

Where the daemon can be asked, each file is compared with what bootd serves this machine (size and SHA-256), and the boot
with the node and its boot profile: address, kernel, ramdisk, arguments, local disk.

Exit codes: 0 the whole chain was served as it should be, 1 it was not, 2 wrong use, 3 served as far as the loader is known.`;

function readMac(text: string): Mac {
  const mac = parseMac(text);
  if (mac === undefined) throw new InvalidArgumentError('It is no MAC, like 0c:c4:7a:0e:2b:6b.');
  return mac;
}

function readUuid(text: string): NodeUuid {
  const uuid = parseNodeUuid(text);
  if (uuid === undefined) throw new InvalidArgumentError('It is no UUID.');
  return uuid;
}

async function probe(options: ProbeOptions, terminal: Terminal): Promise<ExitCode> {
  const { settings } = readConfiguration(options.config);
  const { dhcp } = settings;
  if (dhcp === undefined)
    throw new UsageError(`${options.config} has no dhcp section, so there is nothing to play`);
  const wire = chooseMachineWire(settings, { client: dhcp.clientPort }, options.interface);
  const startedAt = performance.now();
  const documents: Readonly<Record<string, unknown>>[] = [];
  let differences = 0;
  const tell = (event: ProbeEvent): void => {
    if (isDifference(event)) differences += 1;
    const ms = performance.now() - startedAt;
    if (options.json === true) documents.push(probeEventDocument(event, ms));
    else terminal.writeLine(formatProbeEvent(event, ms).join('\n'));
  };
  const verdict = await playMachine(
    {
      wire,
      machine: machineOf(options),
      firmware: options.arch,
      ports: { dhcp: dhcp.serverPort, tftp: tftpPortOf(settings) },
      controlSocket: settings.control.socket,
      tftpRoot: settings.tftp?.root,
      grubPrefix: options.grubPrefix,
      realPace: options.realPace ?? false,
      keepLease: options.keepLease ?? false,
      randomXid: () => randomBytes(4).readUInt32BE(0),
    },
    tell,
  );
  const booted = verdict !== undefined && isWholeChain(verdict);
  const asExpected = differences === 0;
  if (options.json === true) {
    const summary = {
      mac: options.mac,
      arch: options.arch,
      booted,
      as_expected: asExpected,
      steps: documents,
    };
    terminal.writeLine(formatJson(summary));
  }
  if (booted && asExpected) return EXIT_CODE.done;
  return verdict?.kind === 'not-followed' && asExpected ? EXIT_CODE.losses : EXIT_CODE.failed;
}

function tftpPortOf(settings: BootdSettings): number {
  return settings.tftp?.port ?? DEFAULT_TFTP_PORT;
}

function machineOf({ mac, uuid }: ProbeOptions): ProbeMachine {
  const text = uuid ?? readUuid(`00000000-0000-4000-8000-${mac.replaceAll(':', '')}`);
  return { mac, uuid: Buffer.from(swapUuidFields(text).replaceAll('-', ''), 'hex') };
}
