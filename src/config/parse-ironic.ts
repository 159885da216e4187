import type { Located } from './located.ts';
import { parsePath } from './parse-path.ts';
import type { ProblemList } from './problem-list.ts';
import type { RawConfig } from './raw-config.ts';
import type { DnsmasqFilesSettings } from './settings.ts';

/** Builds the settings of `ironic.dnsmasq`; they may be used only when no error was reported. */
export function parseDnsmasqFiles(
  config: Located<RawConfig>['value'],
  folder: string,
  problems: ProblemList,
): DnsmasqFilesSettings | undefined {
  const written = config.ironic?.value.dnsmasq;
  if (written === undefined) return undefined;
  const { hostsdir, optsdir, leasefile } = written.value;
  const settings = {
    hostsDirectory: parsePath(hostsdir, folder, problems),
    optionsDirectory: parsePath(optsdir, folder, problems),
    leaseFile: parsePath(leasefile, folder, problems),
  };
  if (settings.hostsDirectory === settings.optionsDirectory) {
    problems.error(optsdir.place, "'hostsdir' and 'optsdir' cannot be the same folder");
  }
  if (config.dhcp === undefined) {
    problems.error(written.place, "'ironic.dnsmasq' needs a 'dhcp' section: its nodes are DHCP options");
  }
  return settings;
}
