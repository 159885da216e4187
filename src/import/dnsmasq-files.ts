import { formatIpv4 } from '../addr/ipv4.ts';
import { parseMac, type Mac } from '../addr/mac.ts';
import { effectiveLeaseState, type Lease } from '../dhcp/lease.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';

/**
 * The files that Ironic's `dnsmasq` provider writes for dnsmasq (ironic/dhcp/dnsmasq.py, since 2022), and the lease file
 * that it reads: what of dnsmasq's own formats Ironic uses, and nothing more.
 */

/** What a file says, or that its writer is still at it: Ironic truncates a file and then fills it, in place. */
export type DnsmasqFile<Entry> =
  | { readonly kind: 'unfinished' }
  | {
      readonly kind: 'complete';
      readonly entries: readonly Entry[];
      /** Lines that could not be used, with their number and the reason. */
      readonly problems: readonly string[];
    };

/** A line of a hosts file (dnsmasq's `dhcp-host`). */
export type DnsmasqHost =
  | { readonly kind: 'tagged'; readonly mac: Mac; readonly tags: readonly string[] }
  /** No answer at all for this machine; Ironic writes it at undeploy, and never takes it back by itself. */
  | { readonly kind: 'ignored'; readonly mac: Mac };

/** A line of an options file (dnsmasq's `dhcp-option`), with the option as Ironic's API has it. */
export interface DnsmasqOption {
  /** The tag of the hosts that it is for. */
  readonly tag: string;
  /** A code, with `tag:ipxe` or `tag:!ipxe` in front where it depends on who asks. */
  readonly name: string;
  readonly value: string;
  readonly ipVersion: 4 | 6;
}

/** The boot file's URL in DHCPv6, which Ironic writes without a word of the version; 59 is T2 in DHCPv4. */
const BOOTFILE_URL_V6 = '59';
const CLIENT_TAG = /^tag:!?(ipxe6?)$/;

/** Reads a hosts file: `MAC,set:TAG,set:ironic`, or `MAC,ignore`. */
export function parseDnsmasqHosts(text: string): DnsmasqFile<DnsmasqHost> {
  return parseLines(text, (line) => {
    const [address = '', ...words] = line.split(',').map((word) => word.trim());
    const mac = parseMac(address);
    if (mac === undefined) return `'${address}' is no MAC`;
    if (words.length === 1 && words[0] === 'ignore') return { kind: 'ignored', mac };
    const stranger = words.find((word) => !word.startsWith('set:'));
    if (stranger !== undefined) return `'${stranger}' is no tag; Ironic writes set:TAG or ignore`;
    return { kind: 'tagged', mac, tags: words.map((word) => word.slice('set:'.length)) };
  });
}

/** Reads an options file: `tag:TAG,67,pxelinux.0`, `tag:TAG,tag:!ipxe,67,undionly.kpxe`. */
export function parseDnsmasqOptions(text: string): DnsmasqFile<DnsmasqOption> {
  return parseLines(text, (line) => {
    const words = line.split(',');
    const tags: string[] = [];
    while (words[0]?.startsWith('tag:') === true) tags.push(words.shift() ?? '');
    const code = words.shift()?.trim() ?? '';
    if (!/^\d{1,3}$/.test(code)) return `'${code}' is no code of a DHCP option`;
    const owners = tags.filter((tag) => !CLIENT_TAG.test(tag));
    const audience = tags.filter((tag) => CLIENT_TAG.test(tag));
    const [owner] = owners;
    if (owner === undefined || owners.length > 1) {
      return `a line needs one tag of a node, and this one has ${owners.length}`;
    }
    const isV6 = code === BOOTFILE_URL_V6 || audience.some((tag) => tag.endsWith('6'));
    return {
      tag: owner.slice('tag:'.length),
      name: [...audience, code].join(','),
      // A value may hold commas of its own.
      value: words.join(','),
      ipVersion: isV6 ? 6 : 4,
    };
  });
}

/**
 * Leases as dnsmasq keeps them, one a line: `EXPIRY MAC ADDRESS NAME CLIENTID`. Only those in force: Ironic's provider
 * takes every line for an address in use, and fails on an empty one. A lease without end has expiry 0.
 */
export function formatDnsmasqLeases(leases: readonly Lease[], now: number): string {
  return leases
    .filter((lease) => lease.mac !== undefined && effectiveLeaseState(lease, now) === 'bound')
    .map(({ expiresAt, mac, address, hostname, clientId }) => {
      const expiry = expiresAt === undefined ? 0 : Math.floor(expiresAt / 1000);
      const name = hostname === undefined || /\s/.test(hostname) ? '*' : hostname;
      return `${expiry} ${mac ?? ''} ${formatIpv4(address)} ${name} ${clientId === undefined ? '*' : formatOctets(clientId)}\n`;
    })
    .join('');
}

/** `parse` gives an entry, or what is wrong with the line. */
function parseLines<Entry extends object>(
  text: string,
  parse: (line: string) => Entry | string,
): DnsmasqFile<Entry> {
  if (!text.endsWith('\n')) return { kind: 'unfinished' };
  const entries: Entry[] = [];
  const problems: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const entry = parse(line);
    if (typeof entry === 'string') problems.push(`line ${index + 1}: ${entry}`);
    else entries.push(entry);
  }
  return { kind: 'complete', entries, problems };
}
