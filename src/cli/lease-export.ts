import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { formatDhcpdLeases } from '../import/dhcpd-leases-writer.ts';
import { formatLeaseCsv } from '../import/lease-csv.ts';
import { formatLeaseJson, parseLeaseDocument } from '../import/lease-documents.ts';
import type { Lease } from '../dhcp/lease.ts';
import { systemClock } from '../io/clock.ts';
import type { CommandContext } from './command-context.ts';
import { controlClient, withControlOptions, type ControlOptions } from './control-options.ts';
import { listOf, recordOf } from './document.ts';
import { EXIT_CODE, UsageError } from './exit-code.ts';
import { storePath, withStoppedStore } from './stopped-store.ts';

const FORMATS = ['isc', 'json', 'csv'] as const;

interface ExportOptions extends ControlOptions {
  readonly format?: (typeof FORMATS)[number];
  readonly stateDirectory?: string;
}

/** `bootd lease export`: all leases, for dhcpd or for programs. */
export function leaseExportCommand(context: CommandContext): Command {
  return withControlOptions(new Command('export'))
    .description('write all leases on standard output: dhcpd.leases for the way back to dhcpd, JSON or CSV')
    .addOption(new Option('-f, --format <format>', 'isc is the format of dhcpd.leases').choices(FORMATS))
    .option('--state-directory <folder>', 'read the store in this folder, whose daemon is stopped')
    .action((options: ExportOptions) => exportLeases(options, context));
}

async function exportLeases(options: ExportOptions, context: CommandContext): Promise<void> {
  const format = options.format ?? (options.json === true ? 'json' : 'isc');
  if (options.json === true && format !== 'json') {
    throw new UsageError(`--json and --format ${format} contradict each other`);
  }
  const { stateDirectory } = options;
  const leases =
    stateDirectory === undefined
      ? await fetchLeases(options, context)
      : await readStore(stateDirectory, context);
  context.terminal.writeLine(formatLeases(leases, format).replace(/\n$/, ''));
  context.finish(EXIT_CODE.done);
}

function formatLeases(leases: readonly Lease[], format: (typeof FORMATS)[number]): string {
  const now = systemClock.now();
  switch (format) {
    case 'isc':
      return formatDhcpdLeases(leases, now);
    case 'json':
      return formatLeaseJson(leases, now);
    case 'csv':
      return formatLeaseCsv(leases, now);
  }
}

async function fetchLeases(options: ExportOptions, context: CommandContext): Promise<readonly Lease[]> {
  const { body } = await controlClient(options, context).get('/v1/leases');
  return listOf(recordOf(body)['leases']).map((document) => {
    const lease = parseLeaseDocument(document);
    if (lease === undefined) throw new Error(`this is no lease: ${JSON.stringify(document)}`);
    return lease;
  });
}

/** The leases of a stopped daemon. Rejects with StoreError while it runs. */
function readStore(stateDirectory: string, { terminal }: CommandContext): Promise<readonly Lease[]> {
  const folder = resolve(stateDirectory);
  // Opening makes a store where there is none, which is not what somebody wants who reads.
  if (!existsSync(storePath(folder))) throw new UsageError(`there is no store of bootd in ${stateDirectory}`);
  return withStoppedStore(folder, async (store, report) => {
    const loaded = await store.load();
    for (const sentence of [...report, ...loaded.report]) terminal.writeError(sentence);
    return loaded.leases;
  });
}
