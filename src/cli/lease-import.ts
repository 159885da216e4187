import { resolve } from 'node:path';
import { Command } from 'commander';
import { CONFIG_DEFAULTS } from '../config/raw-config.ts';
import { allRanges } from '../dhcp/subnet-selection.ts';
import { formatLoss } from '../import/loss-list.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODE, UsageError } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import {
  describeLeaseImport,
  leasesOutside,
  readLeaseText,
  unplacedHosts,
  writeLeases,
} from './lease-file-import.ts';
import { readConfiguration, readInput } from './read-configuration.ts';

interface LeaseImportOptions {
  readonly leases: string;
  readonly config?: string;
  readonly stateDirectory?: string;
  readonly json?: true;
}

/** `bootd lease import`: leases of dhcpd, or of another bootd, into the store of a daemon that is stopped. */
export function leaseImportCommand(context: CommandContext): Command {
  return new Command('import')
    .description('put the leases of a file into the store; bootd must be stopped meanwhile')
    .requiredOption('--leases <file>', 'dhcpd.leases, or what `bootd lease export --format json` wrote')
    .option(
      '-c, --config <file>',
      'take the state directory from this configuration, and compare with its ranges',
    )
    .option('--state-directory <folder>', `where the store is (default: ${CONFIG_DEFAULTS.stateDirectory})`)
    .option('--json', 'print JSON, for programs')
    .action((options: LeaseImportOptions) => importLeases(options, context));
}

async function importLeases(options: LeaseImportOptions, context: CommandContext): Promise<void> {
  const { leases: file, config, stateDirectory } = options;
  const { terminal } = context;
  if (config !== undefined && stateDirectory !== undefined) {
    throw new UsageError('give either --config or --state-directory');
  }
  const settings = config === undefined ? undefined : readConfiguration(config).settings;
  const folder = resolve(stateDirectory ?? settings?.stateDirectory ?? CONFIG_DEFAULTS.stateDirectory);
  const read = readLeaseText(readInput(file), file);
  const imported = await writeLeases(folder, read.leases);
  const outside =
    settings?.dhcp === undefined ? [] : leasesOutside(read.leases, allRanges(settings.dhcp), file);
  const losses = [...read.losses, ...unplacedHosts(read), ...outside];
  if (options.json === true) {
    terminal.writeLine(formatJson({ ...imported, losses }));
  } else {
    for (const line of describeLeaseImport(imported, file, folder)) terminal.writeLine(line);
    for (const loss of losses) terminal.writeError(formatLoss(loss));
  }
  context.finish(losses.some(({ essential }) => essential) ? EXIT_CODE.losses : EXIT_CODE.done);
}
