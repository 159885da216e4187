import { describe, expect, it } from 'vitest';
import {
  formatDnsmasqLeases,
  parseDnsmasqHosts,
  parseDnsmasqOptions,
} from '../../../src/import/dnsmasq-files.ts';
import type { Lease } from '../../../src/dhcp/lease.ts';
import { ip, mac } from '../dhcp/fake-view.ts';

// The lines are those of a real Ironic 21.4.4.
const TAG = '3a07c7d7-ff6e-44ae-b187-33f450d08576';

describe('a hosts file', () => {
  it('gives a machine the tag of its node', () => {
    expect(parseDnsmasqHosts(`0c:c4:7a:0e:2b:61,set:${TAG},set:ironic\n`)).toEqual({
      kind: 'complete',
      entries: [{ kind: 'tagged', mac: '0c:c4:7a:0e:2b:61', tags: [TAG, 'ironic'] }],
      problems: [],
    });
  });

  it('has a machine ignored', () => {
    expect(parseDnsmasqHosts('0c:c4:7a:0e:2b:61,ignore\n')).toMatchObject({
      entries: [{ kind: 'ignored', mac: '0c:c4:7a:0e:2b:61' }],
    });
  });

  it.each(['', '0c:c4:7a:0e:2b:61,set:3a07', `0c:c4:7a:0e:2b:61,set:${TAG}\n0c:c4`])(
    'is unfinished as long as it ends without a line end: %j',
    (text) => {
      expect(parseDnsmasqHosts(text)).toEqual({ kind: 'unfinished' });
    },
  );

  it('says which line is of no use, and uses the others', () => {
    const text = `# by hand\n0c:c4:7a,ignore\n\n0c:c4:7a:0e:2b:62,192.168.0.9\n0c:c4:7a:0e:2b:61,ignore\n`;
    expect(parseDnsmasqHosts(text)).toMatchObject({
      entries: [{ mac: '0c:c4:7a:0e:2b:61' }],
      problems: [
        "line 2: '0c:c4:7a' is no MAC",
        "line 4: '192.168.0.9' is no tag; Ironic writes set:TAG or ignore",
      ],
    });
  });
});

describe('an options file', () => {
  it('of the boot interface pxe', () => {
    const text = ['67,pxelinux.0', '210,/tftpboot/', '66,192.168.0.1', '150,192.168.0.1', '255,192.168.0.1']
      .concat('59,tftp://192.168.0.1/pxelinux.0')
      .map((line) => `tag:${TAG},${line}\n`)
      .join('');
    const file = parseDnsmasqOptions(text);
    expect(file).toMatchObject({ problems: [] });
    expect(file.kind === 'complete' && file.entries).toEqual([
      { tag: TAG, name: '67', value: 'pxelinux.0', ipVersion: 4 },
      { tag: TAG, name: '210', value: '/tftpboot/', ipVersion: 4 },
      { tag: TAG, name: '66', value: '192.168.0.1', ipVersion: 4 },
      { tag: TAG, name: '150', value: '192.168.0.1', ipVersion: 4 },
      { tag: TAG, name: '255', value: '192.168.0.1', ipVersion: 4 },
      // Ironic writes the option of DHCPv6 as it writes the others; T2 in DHCPv4 is nothing that it ever sends.
      { tag: TAG, name: '59', value: 'tftp://192.168.0.1/pxelinux.0', ipVersion: 6 },
    ]);
  });

  it.each([
    ['tag:!ipxe,67,undionly.kpxe', 'tag:!ipxe,67', 'undionly.kpxe', 4],
    ['tag:ipxe,67,http://192.168.0.1:8081/boot.ipxe', 'tag:ipxe,67', 'http://192.168.0.1:8081/boot.ipxe', 4],
    ['tag:!ipxe6,59,tftp://192.168.0.1/snponly.efi', 'tag:!ipxe6,59', 'tftp://192.168.0.1/snponly.efi', 6],
    ['67,a,b', '67', 'a,b', 4],
  ])('of the boot interface ipxe, and others: %s', (line, name, value, ipVersion) => {
    expect(parseDnsmasqOptions(`tag:${TAG},${line}\n`)).toMatchObject({
      entries: [{ tag: TAG, name, value, ipVersion }],
      problems: [],
    });
  });

  it.each([
    ['67,pxelinux.0\n', 'line 1: a line needs one tag of a node, and this one has 0'],
    ['tag:a,tag:b,67,x\n', 'line 1: a line needs one tag of a node, and this one has 2'],
    [`tag:${TAG},option:bootfile,x\n`, "line 1: 'option:bootfile' is no code of a DHCP option"],
  ])('with a line of no use: %j', (text, problem) => {
    expect(parseDnsmasqOptions(text)).toEqual({ kind: 'complete', entries: [], problems: [problem] });
  });

  it('is unfinished while its last line is', () => {
    expect(parseDnsmasqOptions(`tag:${TAG},67,pxelinux.0\ntag:${TAG},6`)).toEqual({ kind: 'unfinished' });
  });
});

describe('the lease file', () => {
  const lease: Lease = {
    address: ip('192.168.0.139'),
    state: 'bound',
    client: undefined,
    clientId: Uint8Array.of(1, 12, 196),
    htype: 1,
    hardwareAddress: Uint8Array.of(),
    mac: mac('0c:c4:7a:0e:2b:61'),
    startsAt: 0,
    expiresAt: 600_500,
    lastSeenAt: 0,
    bootp: false,
    hostname: 'bm1',
    vendorClass: undefined,
    relayAgentInfo: undefined,
  };

  it('has what is in force, in the columns that Ironic splits', () => {
    const endless = { ...lease, expiresAt: undefined, hostname: 'a b', clientId: undefined };
    expect(formatDnsmasqLeases([lease, endless], 1_000)).toBe(
      '600 0c:c4:7a:0e:2b:61 192.168.0.139 bm1 01:0c:c4\n0 0c:c4:7a:0e:2b:61 192.168.0.139 * *\n',
    );
  });

  it('has no line, and no empty one either, for anything else', () => {
    const others = [
      { ...lease, state: 'released' as const },
      { ...lease, expiresAt: 1_000 },
      { ...lease, mac: undefined },
    ];
    expect(formatDnsmasqLeases(others, 1_000)).toBe('');
  });
});
