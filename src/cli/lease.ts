import { Command } from 'commander';
import { parseIpv4 } from '../addr/ipv4.ts';
import { parseMac } from '../addr/mac.ts';
import type { CommandContext } from './command-context.ts';
import type { ControlClient } from './control-client.ts';
import { controlClient, withControlOptions, type ControlOptions } from './control-options.ts';
import { listOf, recordOf, textOf } from './document.ts';
import { EXIT_CODE, UsageError } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import { leaseExportCommand } from './lease-export.ts';
import { leaseImportCommand } from './lease-import.ts';
import { formatRecord, formatTable, type Column } from './table.ts';

type LeaseDocument = Readonly<Record<string, unknown>>;

const COLUMNS: readonly Column<LeaseDocument>[] = [
  { title: 'ADDRESS', cell: (lease) => textOf(lease['address']) },
  { title: 'STATE', cell: (lease) => textOf(lease['state']) },
  { title: 'MAC', cell: (lease) => textOf(lease['mac']) ?? textOf(lease['hardware_address']) },
  { title: 'EXPIRES', cell: (lease) => textOf(lease['expires_at']) ?? 'never' },
  { title: 'HOSTNAME', cell: (lease) => textOf(lease['hostname']) },
  { title: 'NODE', cell: (lease) => textOf(lease['node']) },
];

interface LeaseListOptions extends ControlOptions {
  readonly mac?: string;
  readonly state?: string;
  readonly subnet?: string;
}

/** `bootd lease list|show|release|export|import`: who has which address. */
export function leaseCommand(context: CommandContext): Command {
  const lease = new Command('lease').description('list, show, free, export and import leases');
  lease.addCommand(
    withControlOptions(new Command('list'))
      .description('leases in the order of their addresses')
      .option('--mac <mac>', 'only of this machine')
      .option('--state <state>', 'only offered, bound, released, expired or declined ones')
      .option('--subnet <network>', 'only in this network, like 192.168.0.0/24')
      .action((options: LeaseListOptions) => listLeases(options, context)),
  );
  lease.addCommand(
    withControlOptions(new Command('show'))
      .description('everything that is known of the lease of an address, or of the leases of a MAC')
      .argument('<address|mac>')
      .action((subject: string, options: ControlOptions) => showLease(subject, options, context)),
  );
  lease.addCommand(
    withControlOptions(new Command('release'))
      .description('free addresses now; one that is free already is no error')
      .argument('<address...>')
      .action((addresses: readonly string[], options: ControlOptions) =>
        releaseLeases(addresses, options, context),
      ),
  );
  lease.addCommand(leaseExportCommand(context));
  lease.addCommand(leaseImportCommand(context));
  return lease;
}

async function listLeases(options: LeaseListOptions, context: CommandContext): Promise<void> {
  const query = new URLSearchParams();
  for (const key of ['mac', 'state', 'subnet'] as const) {
    const value = options[key];
    if (value !== undefined) query.set(key, value);
  }
  const leases = await fetchLeases(controlClient(options, context), query);
  if (options.json === true) context.terminal.writeLine(formatJson(leases));
  else if (leases.length === 0) context.terminal.writeError('No leases.');
  else context.terminal.writeLine(formatTable(COLUMNS, leases, context.terminal.decorated).join('\n'));
  context.finish(EXIT_CODE.done);
}

async function fetchLeases(client: ControlClient, query: URLSearchParams): Promise<readonly LeaseDocument[]> {
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  const { body } = await client.get(`/v1/leases${search}`);
  return listOf(recordOf(body)['leases']).map(recordOf);
}

async function showLease(subject: string, options: ControlOptions, context: CommandContext): Promise<void> {
  const client = controlClient(options, context);
  const leases = await leasesOf(subject, client);
  if (leases.length === 0) {
    context.terminal.writeError(`${subject} has no lease.`);
    context.finish(EXIT_CODE.failed);
    return;
  }
  if (options.json === true) context.terminal.writeLine(formatJson(leases));
  else leases.map(leaseRecord).forEach((lines) => context.terminal.writeLine(lines.join('\n')));
  context.finish(EXIT_CODE.done);
}

async function leasesOf(subject: string, client: ControlClient): Promise<readonly LeaseDocument[]> {
  const mac = parseMac(subject);
  if (mac !== undefined) return fetchLeases(client, new URLSearchParams({ mac }));
  if (parseIpv4(subject) === undefined)
    throw new UsageError(`"${subject}" is neither an IPv4 address nor a MAC`);
  const { body } = await client.get(`/v1/leases/${subject}`);
  return [recordOf(body)];
}

function leaseRecord(lease: LeaseDocument): readonly string[] {
  const text = (name: string): string | undefined => textOf(lease[name]);
  return formatRecord([
    ['address', text('address')],
    ['state', text('state')],
    ['mac', text('mac') ?? text('hardware_address')],
    ['client-id', text('client_id')],
    ['hostname', text('hostname')],
    ['vendor class', text('vendor_class')],
    ['node', text('node')],
    ['protocol', lease['bootp'] === true ? 'BOOTP' : 'DHCP'],
    ['since', text('starts_at')],
    ['expires', text('expires_at') ?? 'never'],
    ['last seen', text('last_seen_at')],
    ['relay', text('relay_agent_info')],
  ]);
}

async function releaseLeases(
  addresses: readonly string[],
  options: ControlOptions,
  context: CommandContext,
): Promise<void> {
  const wrong = addresses.find((address) => parseIpv4(address) === undefined);
  if (wrong !== undefined) throw new UsageError(`"${wrong}" is no IPv4 address`);
  const client = controlClient(options, context);
  for (const address of addresses) await client.delete(`/v1/leases/${address}`);
  if (options.json === true) context.terminal.writeLine(JSON.stringify({ released: addresses }));
  else for (const address of addresses) context.terminal.writeLine(`${address} is free`);
  context.finish(EXIT_CODE.done);
}
