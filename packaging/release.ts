import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceDate } from './source-date.ts';

/** What is said about the program in every package of it. */
export interface Release {
  /** The checkout, built. */
  readonly top: string;
  readonly version: string;
  /** The oldest Node.js that it runs on. */
  readonly nodeVersion: string;
  /** The time that every file bears. */
  readonly date: Date;
  /** A name with an address of mail. */
  readonly maintainer: string;
  readonly summary: string;
  /** Lines of at most 79 characters; an empty one divides paragraphs. */
  readonly description: readonly string[];
}

const SUMMARY = 'boot service for bare machines (DHCP, TFTP, boot files, IPMI)';
const DESCRIPTION = [
  'bootd takes a bare machine from power-on to its kernel: an authoritative',
  'DHCPv4 and BOOTP server, a read-only TFTP server that understands the map-file',
  'of in.tftpd, the same files over HTTP, boot files rendered per machine, and',
  'power over IPMI 2.0. It replaces ISC dhcpd, xinetd and tftp-server on an',
  'OpenStack Ironic controller, and works without Ironic as well.',
  '',
  'Nothing is served before /etc/bootd/bootd.yaml has been written and',
  'bootd.service has been enabled.',
];

/** The release that a checkout is; who packs it is told by DEBFULLNAME and DEBEMAIL, as Debian's tools are. */
export function readRelease(top: string): Release {
  const { version, engines } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly engines: { readonly node: string };
  };
  const { DEBFULLNAME: name = 'ironic-bootd developers', DEBEMAIL: address = 'bootd@localhost' } =
    process.env;
  const [, nodeVersion] = /^>=([\d.]+)$/.exec(engines.node) ?? [];
  if (nodeVersion === undefined) throw new Error(`engines.node of package.json is not read: ${engines.node}`);
  return {
    top,
    version,
    nodeVersion,
    date: sourceDate(top),
    maintainer: `${name} <${address}>`,
    summary: SUMMARY,
    description: DESCRIPTION,
  };
}
