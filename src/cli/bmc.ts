import { Argument, Command, InvalidArgumentError } from 'commander';
import { LONGEST_IDENTIFY_SECONDS } from '../ipmi/chassis-commands.ts';
import type { CommandContext } from './command-context.ts';
import { listOf, numberOf, recordOf, textOf } from './document.ts';
import { EXIT_CODE, UsageError } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import { fieldsOf, withPort } from './power.ts';
import type { PowerDocument } from './power-port.ts';
import {
  askPresence,
  withAddressOptions,
  withPowerOptions,
  type BmcAddressOptions,
  type PowerOptions,
} from './power-target.ts';
import { formatRecord, formatTable, type Column } from './table.ts';

type Row = Readonly<Record<string, unknown>>;

const LOG_COLUMNS: readonly Column<Row>[] = [
  { title: 'ID', align: 'right', cell: (entry) => String(entry['id']) },
  { title: 'TIME', cell: (entry) => textOf(entry['at']) },
  { title: 'SENSOR', cell: (entry) => sensorOf(entry) },
  { title: 'EVENT', cell: (entry) => textOf(entry['event']) },
  { title: 'DIRECTION', cell: (entry) => textOf(entry['direction']) },
];

const SENSOR_COLUMNS: readonly Column<Row>[] = [
  { title: 'SENSOR', cell: (sensor) => textOf(sensor['name']) },
  { title: 'TYPE', cell: (sensor) => textOf(sensor['type']) },
  { title: 'READING', align: 'right', cell: (sensor) => readingOf(sensor) },
  { title: 'STATES', cell: (sensor) => listOf(sensor['states']).map(String).join(', ') },
];

/** `bootd bmc ping|info|sel|sensors|identify|raw`: what else a BMC tells, or does. */
export function bmcCommand(context: CommandContext): Command {
  const bmc = new Command('bmc').description('event log, sensors and more of a BMC, by IPMI 2.0');
  const { decorated } = context.terminal;
  const add = (name: string, description: string): Command => {
    const command = withPowerOptions(new Command(name)).description(description);
    bmc.addCommand(command);
    return command;
  };

  bmc.addCommand(
    withAddressOptions(new Command('ping'))
      .description('whether it is there, which IPMI and cipher suites it speaks; needs no user')
      .argument('[node]', 'UUID, name, or MAC of a port')
      .action((node: string | undefined, options: BmcAddressOptions) => pingBmc(node, options, context)),
  );

  add('info', 'maker, product and firmware')
    .argument('[node]', 'UUID, name, or MAC of a port')
    .action((node: string | undefined, options: PowerOptions) =>
      withPort(node, options, context, async (port) => {
        const document = await port.device();
        return { document, lines: formatRecord(fieldsOf(document)) };
      }),
    );

  add('sel', 'the system event log, oldest first')
    .argument('[node]', 'UUID, name, or MAC of a port')
    .action((node: string | undefined, options: PowerOptions) =>
      withPort(node, options, context, async (port) => {
        const document = await port.eventLog();
        const entries = listOf(document['entries']).map(recordOf);
        const lines = entries.length === 0 ? ['No entries.'] : formatTable(LOG_COLUMNS, entries, decorated);
        return { document, lines };
      }),
    );

  add('sensors', 'what its sensors read now')
    .argument('[node]', 'UUID, name, or MAC of a port')
    .action((node: string | undefined, options: PowerOptions) =>
      withPort(node, options, context, async (port) => {
        const document = await port.sensors();
        const sensors = listOf(document['sensors']).map(recordOf);
        const lines =
          sensors.length === 0 ? ['No sensors.'] : formatTable(SENSOR_COLUMNS, sensors, decorated);
        return { document, lines };
      }),
    );

  add('identify', 'make the machine show itself')
    .addArgument(
      new Argument('<seconds>', `0 to ${LONGEST_IDENTIFY_SECONDS}, or forever`).argParser(readSeconds),
    )
    .argument('[node]', 'UUID, name, or MAC of a port')
    .action((seconds: number | 'forever', node: string | undefined, options: PowerOptions) =>
      withPort(node, options, context, async (port) => {
        await port.identify(seconds);
        return { document: { seconds }, lines: [seconds === 0 ? 'it stops' : 'it shows itself'] };
      }),
    );

  add('raw', 'any command: network function, command, and octets of data')
    .argument('<words...>', '[NODE] NETFN COMMAND [OCTET...], numbers as 0x06 or 6; no NODE with --host')
    .addHelpText('after', '\nExample: bootd bmc raw bm1 0x06 0x01')
    .action((words: readonly string[], options: PowerOptions) => {
      const [node, numbers] = options.host === undefined ? [words[0], words.slice(1)] : [undefined, words];
      const [netFn, command, ...data] = numbers.map(readOctet);
      if (netFn === undefined || command === undefined) {
        throw new UsageError('say the network function and the command: bootd bmc raw NODE 0x06 0x01');
      }
      return withPort(node, options, context, async (port) => {
        const octets = Buffer.from(data).toString('hex');
        const document = await port.raw({ net_fn: netFn, command, data: octets });
        return { document, lines: formatRecord(fieldsOf(document)) };
      });
    });

  return bmc;
}

/** Tells what there is at the address; that somebody answers at all is success. */
async function pingBmc(
  node: string | undefined,
  options: BmcAddressOptions,
  context: CommandContext,
): Promise<void> {
  const presence = await askPresence(node, options, context);
  const text = options.json === true ? formatJson(presence) : describePresence(presence).join('\n');
  context.terminal.writeLine(text);
  context.finish(EXIT_CODE.done);
}

function describePresence(presence: PowerDocument): readonly string[] {
  const [pong, ipmi] = [recordOf(presence['pong']), recordOf(presence['ipmi'])];
  const versions = listOf(ipmi['versions']).map(String);
  const extras = [pong['dash'] === true && 'DASH', pong['rmcp_security'] === true && 'RMCP security'];
  return formatRecord([
    [
      'presence ping',
      presence['pong'] === null
        ? 'no answer, which some BMCs never give'
        : `answered in ${numberOf(pong['round_trip_ms']) ?? 0} ms`,
    ],
    [
      'speaks',
      [...versions.map((version) => `IPMI ${version}`), ...extras.filter((one) => one !== false)].join(', '),
    ],
    ...(presence['ipmi'] === null ? [] : describeLogin(ipmi, versions.includes('2.0'))),
  ]);
}

function describeLogin(ipmi: Row, speaksRmcpPlus: boolean): readonly (readonly [string, string])[] {
  const types = listOf(ipmi['authentication_types']).map(String).join(', ');
  const logins = [
    ipmi['named_users'] === true && 'users with a name',
    ipmi['nameless_users'] === true && 'a password without a name',
    ipmi['anonymous_login'] === true && 'anybody',
  ];
  const login = ['may log in', logins.filter((one) => one !== false).join(', ')] as const;
  if (!speaksRmcpPlus) {
    return [['RMCP+ (IPMI 2.0)', 'no, and bootd needs it'], ['authentication', types], login];
  }
  const suites = listOf(ipmi['cipher_suites']).map(String).join(', ');
  const chosen = numberOf(ipmi['chosen_suite']);
  return [
    ['cipher suites', suites === '' ? 'not listed; bootd tries 17, then 3' : suites],
    ...(suites === ''
      ? []
      : [['bootd takes', chosen === undefined ? 'none of them' : String(chosen)] as const]),
    ['BMC key (Kg)', ipmi['kg_set'] === true ? 'set: put it into `kg`' : 'not set'],
    login,
  ];
}

function sensorOf(entry: Row): string | undefined {
  const type = textOf(entry['sensor_type']);
  const number = entry['sensor_number'];
  if (type === undefined || typeof number !== 'number') return undefined;
  return `${type} 0x${number.toString(16).padStart(2, '0')}`;
}

function readingOf(sensor: Row): string | undefined {
  if (sensor['available'] === false) return 'no reading';
  const value = sensor['value'];
  return typeof value === 'number' ? `${value} ${textOf(sensor['unit']) ?? ''}`.trim() : undefined;
}

function readSeconds(text: string): number | 'forever' {
  if (text === 'forever') return text;
  const seconds = Number(text);
  if (/^\d{1,3}$/.test(text) && seconds <= LONGEST_IDENTIFY_SECONDS) return seconds;
  throw new InvalidArgumentError(`0 to ${LONGEST_IDENTIFY_SECONDS}, or forever.`);
}

function readOctet(text: string): number {
  const value = Number(text);
  if (/^(?:0x[0-9a-f]{1,2}|\d{1,3})$/i.test(text) && value <= 255) return value;
  throw new UsageError(`"${text}" is no octet; write 0x06 or 6`);
}
