import { isIP } from 'node:net';
import { TFTP_DEFAULTS, type TftpSettings } from '../tftp/tftp-settings.ts';
import { checkZone } from './check-zone.ts';
import { itemsOf, type Located } from './located.ts';
import { parsePath } from './parse-path.ts';
import type { ProblemList } from './problem-list.ts';
import type { RawTftp } from './raw-tftp.ts';

/** Builds the settings of the `tftp` section; they may be used only when no error was reported. */
export function parseTftp(tftp: Located<RawTftp>, folder: string, problems: ProblemList): TftpSettings {
  const { value } = tftp;
  const pathOf = (written: Located<string>): string => parsePath(written, folder, problems);
  const singlePort = value['single-port']?.value ?? TFTP_DEFAULTS.singlePort;
  const portRange = parsePortRange(value['port-range'], problems);
  if (singlePort && portRange !== undefined && value['port-range'] !== undefined) {
    problems.error(value['port-range'].keyPlace, "'port-range' has no meaning with 'single-port'");
  }
  return {
    root: pathOf(value.root),
    mapFile: value['map-file'] === undefined ? undefined : pathOf(value['map-file']),
    secure: value.secure?.value ?? value['map-file'] === undefined,
    permissive: value.permissive?.value ?? false,
    followSymlinksTo: itemsOf(value['follow-symlinks-to']).map(pathOf),
    listen:
      value.listen === undefined
        ? undefined
        : itemsOf(value.listen).flatMap((item) => parseHost(item, problems)),
    port: value.port?.value ?? TFTP_DEFAULTS.port,
    portRange,
    singlePort,
    collapseDoubledSlashes: value['collapse-doubled-slashes']?.value ?? TFTP_DEFAULTS.collapseDoubledSlashes,
    blockSizeMax: value['block-size-max']?.value,
    windowSizeMax: value['window-size-max']?.value ?? TFTP_DEFAULTS.windowSizeMax,
    retransmitMs: parseRetransmit(value.retransmit, problems),
  };
}

/** More than this is a number of microseconds, which in.tftpd's `--retransmit` counts. */
const LONGEST_RETRANSMIT_SECONDS = 255;

function parseRetransmit(written: Located<number> | undefined, problems: ProblemList): number {
  if (written === undefined) return TFTP_DEFAULTS.retransmitMs;
  if (written.value > LONGEST_RETRANSMIT_SECONDS) {
    problems.error(
      written.place,
      `${written.source} is more than ${LONGEST_RETRANSMIT_SECONDS} seconds; in.tftpd counts microseconds, this file seconds`,
    );
  }
  return Math.round(written.value * 1000);
}

function parseHost(written: Located<string>, problems: ProblemList): readonly string[] {
  if (isIP(written.value) !== 0) {
    checkZone(written, written.value, problems);
    return [written.value];
  }
  const host = /^(?:\[([^\]]*)\]|([^:]*)):\d+$/.exec(written.value);
  const hasPort = host !== null && isIP(host[1] ?? host[2] ?? '') !== 0;
  problems.error(
    written.place,
    `'${written.value}' is no IPv4 or IPv6 address${hasPort ? "; the port goes into 'port'" : ''}`,
  );
  return [];
}

/** in.tftpd writes the range with a colon, everybody else with a dash; both are taken. */
function parsePortRange(
  written: Located<string> | undefined,
  problems: ProblemList,
): TftpSettings['portRange'] {
  if (written === undefined) return undefined;
  const match = /^(\d{1,5})\s*[-:]\s*(\d{1,5})$/.exec(written.value);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (first >= 1 && last <= 65_535 && first <= last) return { first, last };
  problems.error(
    written.place,
    `'${written.value}' is no range of ports; write FIRST-LAST, such as 4096-5119`,
  );
  return undefined;
}
