import { closeSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { formatIpv6, parseIpv6 } from '../addr/ipv6.ts';
import { parseBootPath } from '../boot/boot-paths.ts';
import { BootRoot } from '../io/boot-root.ts';
import { describeMapPeer, TftpMapping } from '../services/tftp-mapping.ts';
import { explainMapping, type MappingReport } from '../tftp/map-explanation.ts';
import { TFTP_ERRORS } from '../tftp/tftp-errors.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODE, UsageError } from './exit-code.ts';
import { formatJson } from './json-text.ts';
import { readConfiguration } from './read-configuration.ts';

interface MapOptions {
  readonly config: string;
  readonly peer?: Ipv4 | string;
  readonly write?: true;
  readonly json?: true;
}

/** What stands on disk under a name; `rendered` when a loader's configuration of that name is rendered instead. */
interface ServedReport {
  readonly octets: number | null;
  readonly error: { readonly code: number; readonly message: string } | null;
  readonly rendered: boolean;
}

type RequestReport = MappingReport & { readonly served: ServedReport | null };

const NOT_FOUND = TFTP_ERRORS['not-found'].code;
const DEFAULT_PEER = '192.0.2.1';

/** `bootd map`: how the map-file rewrites a request, and what would be served. */
export function mapCommand(context: CommandContext): Command {
  return new Command('map')
    .description('show rule by rule how the map-file rewrites requests, and what would be served')
    .requiredOption('-c, --config <file>', 'the configuration (bootd.yaml)')
    .argument('<request...>', 'names as a TFTP client asks for them')
    .option('--peer <address>', `the client, for \\i, \\x, 4 and 6 (default: ${DEFAULT_PEER})`, readPeer)
    .option('--write', 'as a write request; it is refused in any case, but rules may say how')
    .option('--json', 'print JSON, for programs')
    .action((requests: readonly string[], options: MapOptions) => showMapping(requests, options, context));
}

function readPeer(text: string): Ipv4 | string {
  const ipv6 = parseIpv6(text);
  const peer = ipv6 === undefined ? parseIpv4(text) : formatIpv6(ipv6);
  if (peer === undefined) throw new InvalidArgumentError('It is no IPv4 or IPv6 address.');
  return peer;
}

async function showMapping(
  requests: readonly string[],
  options: MapOptions,
  context: CommandContext,
): Promise<void> {
  const { tftp } = readConfiguration(options.config).settings;
  if (tftp === undefined) throw new UsageError(`${options.config} has no tftp section`);
  const mapping = new TftpMapping(tftp.mapFile);
  await mapping.load();
  const peer = describeMapPeer(options.peer ?? readPeer(DEFAULT_PEER));
  const direction = options.write === true ? 'write' : 'read';
  const reports: RequestReport[] = [];
  const explain = async (name: string): Promise<void> => {
    const { lines, report } = explainMapping(mapping.rules, { name, direction, peer }, tftp);
    const served = report.path === null || direction === 'write' ? null : await lookAt(report.path, tftp);
    reports.push({ ...report, served });
    if (options.json !== true) context.terminal.writeLine([...lines, ...describeServed(served)].join('\n'));
    if (report.retry !== null && served?.error?.code === NOT_FOUND) await explain(report.retry);
  };
  for (const request of requests) await explain(latin1(request));
  if (options.json === true) context.terminal.writeLine(formatJson(reports));
  context.finish(EXIT_CODE.done);
}

/** Map-files and requests are octets, not characters: one code unit an octet. */
function latin1(argument: string): string {
  return Buffer.from(argument, 'utf8').toString('latin1');
}

async function lookAt(path: string, tftp: TftpSettings): Promise<ServedReport> {
  const rendered = parseBootPath(path) !== undefined;
  const found = await new BootRoot({ ...tftp, chrootLinks: tftp.secure }).open(path);
  if (found.kind === 'failed') return { octets: null, error: TFTP_ERRORS[found.reason], rendered };
  closeSync(found.fd);
  return { octets: found.size, error: null, rendered };
}

function describeServed(served: ServedReport | null): readonly string[] {
  if (served === null) return [];
  const disk =
    served.error === null
      ? `on disk: ${served.octets ?? 0} octets`
      : `on disk: error ${served.error.code}, "${served.error.message}"`;
  const rendered = "rendered instead, for a machine that has a boot profile: it is a loader's configuration";
  return served.rendered ? [disk, rendered] : [disk];
}
