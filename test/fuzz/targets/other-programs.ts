import { importDhcpdConf } from '../../../src/import/dhcpd-conf-to-config.ts';
import { parseDhcpdLeases } from '../../../src/import/dhcpd-leases-parser.ts';
import { formatDhcpdLeases } from '../../../src/import/dhcpd-leases-writer.ts';
import {
  formatDnsmasqLeases,
  parseDnsmasqHosts,
  parseDnsmasqOptions,
} from '../../../src/import/dnsmasq-files.ts';
import { formatImportedConfig, type ImportedConfig } from '../../../src/import/imported-config.ts';
import { formatLeaseCsv } from '../../../src/import/lease-csv.ts';
import { formatLeaseJson, parseLeaseJson } from '../../../src/import/lease-documents.ts';
import { leaseOfRecord } from '../../../src/import/lease-file-records.ts';
import { formatLoss, type Loss } from '../../../src/import/loss-list.ts';
import { ImportError } from '../../../src/import/source-place.ts';
import { importTftpSetup } from '../../../src/import/tftp-setup.ts';
import type { Lease } from '../../../src/dhcp/lease.ts';
import { NOW } from '../../unit/dhcp/fake-view.ts';
import { keptTexts, sampleTexts } from '../corpus.ts';
import { mustHold, textTarget, type FuzzTarget, type FuzzVerdict, type OpenTarget } from '../fuzz-target.ts';
import { checkConfiguration } from './configuration.ts';

const DHCPD_WORDS = [
  ...[
    'subnet 10.0.0.0 netmask 255.255.255.0 {',
    'shared-network "x" {',
    'pool {',
    'group {',
    'host a {',
    'class "c" {',
    'subclass "c" 1:2;',
    'zone x. {',
  ],
  ...[
    'if exists user-class {',
    '} elsif known {',
    '} else {',
    'switch (option arch) {',
    'case 7:',
    'default:',
    'break;',
    '}',
    '{',
    ';',
    'include "x";',
  ],
  ...[
    'option',
    'code',
    'array of',
    'text',
    'ip-address',
    'option space A;',
    'option A.b code 1 = integer 8;',
    'range',
    'fixed-address',
    'hardware ethernet',
  ],
  ...[
    'match if',
    'substring',
    'spawn with',
    'lease limit 4;',
    'allow members of "c";',
    'deny unknown-clients;',
    'on commit {',
    'failover peer "f";',
  ],
];

/** What an import says in the end must be a configuration that bootd reads, or refuses with places. */
function checkImported(config: Omit<ImportedConfig, 'sources'>, losses: readonly Loss[]): void {
  checkConfiguration(formatImportedConfig({ sources: ['a file'], ...config }));
  for (const loss of losses) mustHold(loss.place.line >= 1 && loss.place.column >= 1, () => formatLoss(loss));
}

function refusedUnless<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ImportError) return undefined;
    throw error;
  }
}

function openDhcpdConf(): OpenTarget {
  const seeds = [...sampleTexts('data/dhcpd-conf', '.conf'), ...keptTexts('dhcpd-conf')];
  return textTarget({
    limitMs: 1000,
    seeds,
    tokens: DHCPD_WORDS,
    check: (text) => {
      const result = refusedUnless(() =>
        importDhcpdConf(text, 'dhcpd.conf', (name) => ({
          kind: 'text',
          file: name,
          text: 'authoritative;\n',
        })),
      );
      if (result === undefined) return 'refused';
      const { interfaces, dhcp, losses } = result;
      checkImported({ interfaces, dhcp, tftp: undefined }, losses);
      return 'taken';
    },
  });
}

const LEASE_WORDS = [
  ...[
    'lease 10.0.0.9 {',
    'host x {',
    '}',
    'starts 2 2026/11/17 10:00:00;',
    'ends never;',
    'ends epoch 1500000000;',
    'ends 9 9999999/99/99 99:99:99;',
  ],
  ...[
    'binding state active;',
    'binding state abandoned;',
    'hardware ethernet 52:54:00:00:00:01;',
    'uid "\\001\\377";',
    'client-hostname "a";',
    'bootp;',
    'reserved;',
  ],
  ...[
    'option agent.circuit-id 1:2;',
    'on expiry {',
    'set vendor-class-identifier = "x";',
    'deleted;',
    'dynamic;',
    'failover peer "f" state {',
  ],
];

/** What is read can be written in every format, and what is written as JSON or for dhcpd is read again as the same. */
export function checkLeases(leases: readonly Lease[]): void {
  const json = formatLeaseJson(leases, NOW);
  const again = parseLeaseJson(json);
  mustHold(
    again?.unreadable.length === 0 && formatLeaseJson(again.leases, NOW) === json,
    () => 'leases do not come back from JSON',
  );
  formatLeaseCsv(leases, NOW);
  formatDnsmasqLeases(leases, NOW);
  const { losses } = parseDhcpdLeases(formatDhcpdLeases(leases, NOW), 'again');
  mustHold(losses.length === 0, () => losses.map(formatLoss).join('\n'));
}

function openDhcpdLeases(): OpenTarget {
  return textTarget({
    limitMs: 500,
    seeds: [...sampleTexts('data/dhcpd-conf/leases', '.leases'), ...keptTexts('dhcpd-leases')],
    tokens: LEASE_WORDS,
    check: (text) => {
      const { records, losses } = parseDhcpdLeases(text, 'dhcpd.leases');
      const leases = records.flatMap((record) => leaseOfRecord(record, NOW) ?? []);
      checkLeases(leases);
      for (const loss of losses) mustHold(loss.place.line >= 1, () => formatLoss(loss));
      return leases.length > 0 ? 'taken' : 'refused';
    },
  });
}

function openLeaseJson(): OpenTarget {
  const expected = sampleTexts('data/dhcpd-conf/leases', '.leases').map((text) => {
    const { records } = parseDhcpdLeases(text, 'f');
    return formatLeaseJson(records.flatMap((record) => leaseOfRecord(record, NOW) ?? []).slice(0, 6), NOW);
  });
  return textTarget({
    limitMs: 500,
    seeds: [...expected, ...keptTexts('lease-json')],
    tokens: [
      '"expires_at": null',
      '"2026-11-22T12:00:00.000Z"',
      '"+275760-09-13T00:00:00.000Z"',
      '"-000001-01-01T00:00:00Z"',
      '"declined"',
      'null',
      '[]',
      '{}',
      '1e308',
    ],
    check: (text) => {
      const parsed = parseLeaseJson(text);
      if (parsed === undefined) return 'refused';
      checkLeases(parsed.leases);
      return parsed.leases.length > 0 ? 'taken' : 'refused';
    },
  });
}

const XINETD_SAMPLES = [
  'service tftp\n{\n\tsocket_type\t= dgram\n\tprotocol\t= udp\n\tport\t= 69\n\twait\t= yes\n\tuser\t= root\n\tserver\t= /usr/sbin/in.tftpd\n\tserver_args\t= -v -v -v -v -v --map-file /tftpboot/map-file /tftpboot\n\tdisable\t= no\n\tflags\t= IPv4\n}\n',
  'TFTP_USERNAME="tftp"\nTFTP_DIRECTORY="/srv/tftp"\nTFTP_ADDRESS=":69"\nTFTP_OPTIONS="--secure -B 1468 -T 1000000 -R 4096:32767 -r blksize"\n',
  'defaults\n{\n}\nservice tftp\n{\n bind = 192.168.0.1\n server_args += -s /x -c -u nobody -m/map\n only_from = 10.0.0.0/8\n}\nincludedir /etc/xinetd.d\n',
];

function openTftpSetup(): OpenTarget {
  return textTarget({
    limitMs: 200,
    seeds: [...XINETD_SAMPLES, ...keptTexts('tftp-setup')],
    tokens: [
      '-s',
      '-m',
      '--map-file',
      '--port-range=1:2',
      '-l',
      '-a',
      '0.0.0.0:69',
      '[::]:69',
      '-vvv',
      '--blocksize',
      '=',
      '+=',
      '-=',
      '{',
      '}',
      'service tftp',
      "'",
      '"',
      '\\',
    ],
    check: (text): FuzzVerdict => {
      const result = refusedUnless(() =>
        importTftpSetup(text, 'tftp', text.length % 3 === 0 ? '/tftpboot/map-file' : undefined),
      );
      if (result === undefined) return 'refused';
      checkImported({ interfaces: [], dhcp: undefined, tftp: result.tftp }, result.losses);
      return 'taken';
    },
  });
}

const DNSMASQ_SAMPLES = [
  '52:54:00:00:00:01,set:1f70d3aa-7c1a-4f45-ac1c-dd0e3342553f,set:ironic\n52:54:00:00:00:02,ignore\n',
  'tag:1f70d3aa,67,pxelinux.0\ntag:1f70d3aa,tag:!ipxe,67,undionly.kpxe\ntag:1f70d3aa,option6:59,tftp://[fe80::1]/x\ntag:1f70d3aa,150,192.168.0.1\n',
];

function openDnsmasq(): OpenTarget {
  return textTarget({
    limitMs: 100,
    seeds: [...DNSMASQ_SAMPLES, ...keptTexts('dnsmasq-files')],
    tokens: ['set:', 'tag:', 'ignore', ',', '!ipxe', 'option6:', '67', '255', '256', '\n'],
    check: (text) => {
      const [hosts, options] = [parseDnsmasqHosts(text), parseDnsmasqOptions(text)];
      if (hosts.kind === 'unfinished' || options.kind === 'unfinished') return 'refused';
      const lines = text.split('\n').length;
      for (const { entries, problems } of [hosts, options]) {
        mustHold(entries.length + problems.length <= lines, () => 'a line is more than one thing');
      }
      return hosts.entries.length + options.entries.length > 0 ? 'taken' : 'refused';
    },
  });
}

export const OTHER_PROGRAMS_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'dhcpd-conf',
    reads: 'dhcpd.conf, said in the words of bootd.yaml, which is read in its turn',
    open: openDhcpdConf,
  },
  {
    name: 'dhcpd-leases',
    reads: 'dhcpd.leases, written again in every format of leases',
    open: openDhcpdLeases,
  },
  { name: 'lease-json', reads: 'leases as JSON, as `bootd lease import` takes them', open: openLeaseJson },
  { name: 'tftp-setup', reads: "xinetd's file for TFTP, and /etc/default/tftpd-hpa", open: openTftpSetup },
  {
    name: 'dnsmasq-files',
    reads: 'hosts and options files that Ironic writes for dnsmasq',
    open: openDnsmasq,
  },
];
