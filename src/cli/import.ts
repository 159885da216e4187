import { dirname, isAbsolute, resolve } from 'node:path';
import { Command } from 'commander';
import { formatConfigProblem, type ConfigProblem } from '../config/config-error.ts';
import { readConfig } from '../config/load-config.ts';
import type { AddressRange } from '../addr/subnet.ts';
import { allRanges } from '../dhcp/subnet-selection.ts';
import { importDhcpdConf, type ImportedDhcp } from '../import/dhcpd-conf-to-config.ts';
import type { IncludedText, ReadInclude } from '../import/dhcpd-conf-parser.ts';
import { formatImportedConfig } from '../import/imported-config.ts';
import { formatLoss, type Loss } from '../import/loss-list.ts';
import { importMapFile, importTftpSetup, type ImportedTftp } from '../import/tftp-setup.ts';
import { IoError } from '../io/io-error.ts';
import { readRegularFileSync } from '../io/regular-file.ts';
import { parseMapFile } from '../tftp/map-file.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODE, UsageError } from './exit-code.ts';
import {
  describeLeaseImport,
  leasesOutside,
  readLeaseText,
  unplacedHosts,
  writeLeases,
  type ReadLeases,
} from './lease-file-import.ts';
import { readInput } from './read-configuration.ts';

interface ImportOptions {
  readonly dhcpdConf?: string;
  readonly xinetd?: string;
  readonly mapFile?: string;
  readonly leases?: string;
  readonly stateDirectory?: string;
}

/** `bootd import`: dhcpd.conf, the file of xinetd for tftp and dhcpd.leases, said as bootd.yaml and in bootd's store. */
export function importCommand(context: CommandContext): Command {
  return new Command('import')
    .description(
      'turn dhcpd.conf and the setup of in.tftpd into a bootd.yaml on standard output; what cannot be carried over is listed',
    )
    .option('--dhcpd-conf <file>', "ISC dhcpd's configuration; files that it includes are read too")
    .option('--xinetd <file>', "xinetd's file for tftp, or /etc/default/tftpd-hpa")
    .option('--map-file <file>', "in.tftpd's map-file, where the file above does not name it")
    .option('--leases <file>', "dhcpd.leases, whose leases go into bootd's store; bootd must be stopped")
    .option('--state-directory <folder>', "bootd's state directory, for --leases")
    .action((options: ImportOptions) => runImport(options, context));
}

async function runImport(options: ImportOptions, context: CommandContext): Promise<void> {
  const { dhcpdConf, xinetd, mapFile, leases, stateDirectory } = options;
  if (dhcpdConf === undefined && xinetd === undefined && mapFile === undefined && leases === undefined) {
    throw new UsageError('nothing to import: name --dhcpd-conf, --xinetd or --leases');
  }
  if ((leases === undefined) !== (stateDirectory === undefined)) {
    throw new UsageError('--leases and --state-directory belong together');
  }
  const leaseFile = leases === undefined ? undefined : readLeaseText(readInput(leases), leases);
  const dhcp = dhcpdConf === undefined ? undefined : readDhcpdConf(dhcpdConf, leaseFile);
  const tftp = readTftp(xinetd, mapFile);
  const { terminal } = context;
  let losses: readonly Loss[] = [...(dhcp?.losses ?? []), ...(tftp?.losses ?? [])];
  let problems: readonly ConfigProblem[] = [];
  let ranges: readonly AddressRange[] | undefined;
  if (dhcp !== undefined || tftp !== undefined) {
    const text = formatImportedConfig({
      sources: [dhcpdConf, xinetd ?? mapFile].filter((name) => name !== undefined),
      interfaces: dhcp?.interfaces ?? [],
      dhcp: dhcp?.dhcp,
      tftp: tftp?.tftp,
    });
    terminal.writeLine(text.trimEnd());
    const checked = readConfig('bootd.yaml', () => text);
    problems = checked.problems.filter(({ severity }) => severity === 'error');
    ranges = checked.settings?.dhcp && allRanges(checked.settings.dhcp);
  }
  if (leases !== undefined && leaseFile !== undefined && stateDirectory !== undefined) {
    const imported = await writeLeases(resolve(stateDirectory), leaseFile.leases);
    const unplaced = dhcp === undefined ? unplacedHosts(leaseFile) : [];
    const outside = ranges === undefined ? [] : leasesOutside(leaseFile.leases, ranges, leases);
    losses = [...losses, ...leaseFile.losses, ...unplaced, ...outside];
    describeLeaseImport(imported, leases, stateDirectory).forEach((line) => terminal.writeError(line));
  }
  for (const loss of losses) terminal.writeError(formatLoss(loss));
  for (const problem of problems) terminal.writeError(formatConfigProblem(problem));
  const isLossy = problems.length > 0 || losses.some(({ essential }) => essential);
  context.finish(isLossy ? EXIT_CODE.losses : EXIT_CODE.done);
}

function readDhcpdConf(file: string, leaseFile: ReadLeases | undefined): ImportedDhcp {
  return importDhcpdConf(readInput(file), file, includesOf(file), leaseFile?.hosts);
}

/** Of one file. The one that the command line names is the admin's own choice, and may be a pipe. */
const MOST_INCLUDED_OCTETS = 32 * 1024 * 1024;

/** dhcpd takes relative names from the folder that it runs in; here they count from the folder of the configuration. */
function includesOf(mainFile: string): ReadInclude {
  return (name): IncludedText => {
    const path = isAbsolute(name) ? name : resolve(dirname(mainFile), name);
    const file = path === resolve(mainFile) ? mainFile : path;
    try {
      return { kind: 'text', file, text: readRegularFileSync(path, MOST_INCLUDED_OCTETS) };
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
      return { kind: 'problem', reason: error.message };
    }
  };
}

function readTftp(xinetd: string | undefined, mapFile: string | undefined): ImportedTftp | undefined {
  const absolute = mapFile === undefined ? undefined : resolve(mapFile);
  const mapLosses = mapFile === undefined ? [] : mapFileLosses(mapFile);
  if (xinetd !== undefined) {
    const { tftp, losses } = importTftpSetup(readInput(xinetd), xinetd, absolute);
    return { tftp, losses: [...losses, ...mapLosses] };
  }
  if (absolute === undefined || mapFile === undefined) return undefined;
  const guess: Loss = {
    place: { file: mapFile, line: 1, column: 1 },
    essential: true,
    subject: 'the folder that in.tftpd serves',
    reason: 'only --xinetd names it; the folder of the map-file was taken',
  };
  return { tftp: importMapFile(absolute), losses: [guess, ...mapLosses] };
}

/** Rules that in.tftpd, and bootd, refuse to start with. */
function mapFileLosses(file: string): readonly Loss[] {
  return parseMapFile(readInput(file, 'latin1')).problems.map(({ line, message }) => ({
    place: { file, line, column: 1 },
    essential: true,
    subject: 'a rule of the map-file',
    reason: message,
  }));
}
