import { dirname } from 'node:path';
import type { BootdSettings } from '../config/settings.ts';

/** A drop-in for a unit of bootd: a file in the unit's folder `UNIT.d`. */
export interface UnitDropIn {
  readonly unit: string;
  readonly content: string;
}

/** What systemd has to know of a configuration. */
export interface ServiceUnits {
  readonly dropIns: readonly UnitDropIn[];
  /** What cannot be had from systemd, and what happens instead; in sentences. */
  readonly remarks: readonly string[];
}

/** The first line of every drop-in, by which those of an earlier run are known. */
export const DROP_IN_MARK = '# Written by `bootd units` from ';

/** Where bootd.service may write whatever the configuration says (StateDirectory=, RuntimeDirectory=). */
const OWN_FOLDERS = ['/var/lib/bootd', '/run/bootd'];

const SERVICE = 'bootd.service';

/**
 * What a unit's name may hold (systemd.unit(5)), without `\`, which begins an escape there, and without `:`, which
 * separates the names of sockets.
 */
const INSTANCE_NAME = /^[\w.@-]+$/;

/**
 * The drop-ins that fit the shipped units to a configuration: a socket unit for each interface and conversation, tied
 * to its interface (systemd expands no specifier in BindToDevice=, so the templates alone cannot), and the folders that
 * the service may write to besides its own.
 */
export function describeServiceUnits(settings: BootdSettings, configFile: string): ServiceUnits {
  const mark = `${DROP_IN_MARK}${configFile}\n`;
  const remarks: string[] = [];
  const sockets: UnitDropIn[] = [];
  for (const { purpose, port } of conversations(settings)) {
    for (const device of settings.interfaces) {
      if (!INSTANCE_NAME.test(device)) {
        remarks.push(
          `no socket unit can be named after interface "${device}": bootd opens its ${purpose.toUpperCase()} socket itself`,
        );
        continue;
      }
      // An empty value takes back what the template says.
      const listen = `ListenDatagram=\nListenDatagram=0.0.0.0:${port}\n`;
      sockets.push({
        unit: `bootd-${purpose}@${device}.socket`,
        content: `${mark}[Socket]\n${listen}BindToDevice=${device}\n`,
      });
    }
  }
  return { dropIns: [...sockets, ...describeService(settings, sockets, mark)], remarks };
}

function describeService(
  settings: BootdSettings,
  sockets: readonly UnitDropIn[],
  mark: string,
): readonly UnitDropIn[] {
  const folders = writtenFolders(settings);
  const wants = sockets.map(({ unit }) => `Wants=${unit}\n`).join('');
  // The leading minus: a folder that is not there yet does not keep the service from starting.
  const paths = folders.map((folder) => `ReadWritePaths="-${escapeValue(folder)}"\n`).join('');
  if (wants === '' && paths === '') return [];
  const unit = wants === '' ? '' : `[Unit]\n${wants}`;
  const service = paths === '' ? '' : `[Service]\n${paths}`;
  return [{ unit: SERVICE, content: `${mark}${unit}${service}` }];
}

/** Which requests are heard on interfaces, rather than on addresses. */
function conversations({
  dhcp,
  tftp,
}: BootdSettings): readonly { readonly purpose: 'dhcp' | 'tftp'; readonly port: number }[] {
  return [
    ...(dhcp === undefined ? [] : [{ purpose: 'dhcp', port: dhcp.serverPort } as const]),
    ...(tftp === undefined || tftp.listen !== undefined
      ? []
      : [{ purpose: 'tftp', port: tftp.port } as const]),
  ];
}

/** Folders that bootd writes to beside those that the unit gives it. */
function writtenFolders({ stateDirectory, images, control, dnsmasqFiles }: BootdSettings): readonly string[] {
  const folders = [
    stateDirectory,
    images.cacheDirectory,
    dirname(control.socket),
    ...(dnsmasqFiles === undefined
      ? []
      : [dnsmasqFiles.hostsDirectory, dnsmasqFiles.optionsDirectory, dirname(dnsmasqFiles.leaseFile)]),
  ];
  const isForeign = (folder: string): boolean =>
    OWN_FOLDERS.every((own) => folder !== own && !folder.startsWith(`${own}/`));
  return [...new Set(folders.filter(isForeign))].sort();
}

/** A value between double quotes; `%` begins a specifier. */
function escapeValue(text: string): string {
  return text.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('%', '%%');
}
