import { formatIpv4, parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { Lease } from '../dhcp/lease.ts';
import { formatLoss } from '../import/loss-list.ts';
import { countDifferences, formatReport, type RehearsalReport } from '../rehearsal/report.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { BootdSettings } from '../config/settings.ts';
import type { StartingConfiguration } from '../services/reload-service.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODE, UsageError, type ExitCode } from './exit-code.ts';
import { readLeaseText, unplacedHosts } from './lease-file-import.ts';
import { readInput } from './read-configuration.ts';
import { programVersion } from './version.ts';

/** What `bootd serve --observe` can be told besides. */
export interface RehearsalChoices {
  readonly leases?: string;
  readonly server?: string;
}

/**
 * `bootd serve --observe`: listens beside another server until a signal comes, and says then, and at each SIGUSR1, where bootd's
 * answers would have been others. Ends with 3 if there were any.
 */
export async function runRehearsal(
  settings: BootdSettings,
  configuration: StartingConfiguration,
  choices: RehearsalChoices,
  logger: Logger,
  context: CommandContext,
): Promise<ExitCode> {
  const server = serverIn(choices);
  const leases = readLeases(choices, context);
  const stopSignal = context.untilStopSignal();
  const { startRehearsal } = await import('../daemon/rehearsal.ts');
  const { process } = context;
  const version = programVersion();
  const starting = startRehearsal({ settings, configuration, logger, version, process, leases, server });
  const rehearsal = await Promise.race([starting, stopSignal]);
  if (typeof rehearsal === 'string') return EXIT_CODE.done;
  context.onReloadSignal(() =>
    logger.warn(
      { event: EVENTS.configWarned },
      'a rehearsal keeps the configuration that it began with: end it, and begin another one',
    ),
  );
  context.onReportSignal(() => giveReport(rehearsal.report(), logger, context));
  await stopSignal;
  await rehearsal.stop();
  const report = rehearsal.report();
  giveReport(report, logger, context);
  return countDifferences(report) > 0 ? EXIT_CODE.losses : EXIT_CODE.done;
}

function serverIn({ server }: RehearsalChoices): Ipv4 | undefined {
  const address = server === undefined ? undefined : parseIpv4(server);
  if (server !== undefined && address === undefined) {
    throw new UsageError(`--server takes an IPv4 address, and "${server}" is none`);
  }
  return address;
}

/** The other server's leases, as `bootd lease import` would take them; what it could not is said. */
function readLeases({ leases: file }: RehearsalChoices, { terminal }: CommandContext): readonly Lease[] {
  if (file === undefined) return [];
  const read = readLeaseText(readInput(file), file);
  for (const loss of [...read.losses, ...unplacedHosts(read)]) terminal.writeError(formatLoss(loss));
  return read.leases;
}

/** Counts for the log, and the report for people on standard error: standard output stays a log. */
function giveReport(report: RehearsalReport, logger: Logger, { terminal }: CommandContext): void {
  const { machines, compared, results, unpaired, framesLost, unlisted } = report;
  const differences = countDifferences(report);
  const servers = report.servers.map(formatIpv4);
  logger.info(
    {
      event: EVENTS.rehearsalSummed,
      servers,
      machines,
      compared,
      results,
      differences,
      unpaired,
      framesLost,
      unlisted,
    },
    `${compared} answers compared: ${differences} differences`,
  );
  for (const line of formatReport(report)) terminal.writeError(line);
}
