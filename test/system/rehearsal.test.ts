import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseIpv4, type Ipv4 } from '../../src/addr/ipv4.ts';
import { NodeRegistry } from '../../src/boot/node-registry.ts';
import { readConfiguration } from '../../src/cli/read-configuration.ts';
import type { DhcpSettings } from '../../src/dhcp/dhcp-settings.ts';
import { LeaseTable } from '../../src/dhcp/lease-table.ts';
import { allRanges } from '../../src/dhcp/subnet-selection.ts';
import type { Finding } from '../../src/rehearsal/finding.ts';
import { describeFinding } from '../../src/rehearsal/report.ts';
import { Shadow, type Notice } from '../../src/rehearsal/shadow.ts';
import { decodeDhcpMessage, encodeDhcpMessage, type DhcpMessage } from '../../src/wire/dhcp/dhcp-message.ts';
import { addressOctets } from '../lab/dhcp-messages.ts';
import { BootClients, wordMessage } from '../lab/boot-clients.ts';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Capture } from '../lab/capture.ts';
import { closeLabs, LabNetwork, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import type { UdpPacket } from '../lab/packets.ts';
import { run } from '../lab/processes.ts';
import { startReferenceServers } from '../lab/reference-servers.ts';
import { Rehearsal, type ObservedReport } from '../lab/rehearsal.ts';
import { findProgram } from '../lab/tools.ts';
import { NamespaceUdpSocket } from '../lab/udp-socket.ts';
import { Udhcpc } from '../lab/udhcpc.ts';

// The application note's dhcpd and in.tftpd at work, and bootd beside them, as it would be before a move.

const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));

/** The application note's file in its statements, a machine with an address of its own, and what UEFI machines need. */
const DHCPD_CONF = `
default-lease-time 600;
max-lease-time 7200;
allow booting;
allow bootp;
option option-128 code 128 = string;
option option-129 code 129 = text;
option arch code 93 = unsigned integer 16;
next-server 192.168.0.1;
filename "/pxelinux.0";
authoritative;
subnet 192.168.0.0 netmask 255.255.255.0 {
  range dynamic-bootp 192.168.0.128 192.168.0.254;
  option broadcast-address 192.168.0.255;
  if option arch = 00:07 {
    filename "bootx64.efi";
  } elsif option arch = 00:0b {
    filename "bootaa64.efi";
  }
}
host bm1 { hardware ethernet 0c:c4:7a:0e:2b:6b; fixed-address 192.168.0.20; }
`;

const XINETD_CONF = `service tftp
{
  server = /usr/sbin/in.tftpd
  server_args = -v -v -v -v -v --map-file /tftpboot/map-file /tftpboot
  disable = no
}
`;

const TYPE = { discover: 1, request: 3, decline: 4, release: 7, inform: 8 } as const;
const OPTION = {
  requestedAddress: 50,
  serverIdentifier: 54,
  parameterList: 55,
  clientIdentifier: 61,
  relayAgent: 82,
} as const;

interface Imported extends Record<string, unknown> {
  readonly dhcp: Readonly<Record<string, unknown>> & {
    readonly options?: Readonly<Record<string, string>>;
    readonly subnets: readonly Readonly<Record<string, unknown>>[];
    readonly reservations: readonly Readonly<Record<string, unknown>>[];
    readonly classes: readonly Readonly<Record<string, unknown>>[];
  };
  readonly tftp: Readonly<Record<string, unknown>>;
}

/** One thing changed in bootd's configuration, and the sentences that have to name it. */
interface Provocation {
  readonly change: (imported: Imported) => Imported;
  readonly sentences: readonly string[];
}

function inDhcp(changed: Readonly<Record<string, unknown>>): Provocation['change'] {
  return (imported) => ({ ...imported, dhcp: { ...imported.dhcp, ...changed } });
}

function withOption(name: string, value: string): Provocation['change'] {
  return (imported) => {
    const options = { ...imported.dhcp.options, [name]: value };
    return { ...imported, dhcp: { ...imported.dhcp, options } };
  };
}

const PROVOCATIONS: Readonly<Record<string, Provocation>> = {
  'next-server': {
    change: inDhcp({ 'next-server': '192.168.0.9' }),
    sentences: ['siaddr (next-server): the server says 192.168.0.1, bootd would say 192.168.0.9'],
  },
  filename: {
    change: inDhcp({ filename: '/lpxelinux.0' }),
    sentences: ['file (filename): the server says /pxelinux.0, bootd would say /lpxelinux.0'],
  },
  'option 128': {
    change: withOption('option-128', 'e4:45:74:68:00:00'),
    sentences: ['option 128 (option-128): the server says none, bootd would say e4:45:74:68:00:00'],
  },
  'lease time': {
    change: inDhcp({ 'default-lease-time': 900 }),
    sentences: ['option 51 (dhcp-lease-time): the server says 600, bootd would say 900'],
  },
  'a reserved address': {
    change: ({ dhcp, ...rest }) => {
      const [bm1] = dhcp.reservations;
      return { ...rest, dhcp: { ...dhcp, reservations: [{ ...bm1, 'fixed-address': '192.168.0.21' }] } };
    },
    sentences: ['yiaddr (address): the server says 192.168.0.20, bootd would say 192.168.0.21'],
  },
  'an option of the subnet': {
    change: ({ dhcp, ...rest }) => {
      const [subnet] = dhcp.subnets;
      return { ...rest, dhcp: { ...dhcp, subnets: [{ ...subnet, options: {} }] } };
    },
    sentences: ['option 28 (broadcast-address): the server says 192.168.0.255, bootd would say none'],
  },
  authority: {
    change: inDhcp({ authoritative: false }),
    sentences: ['answer to init-reboot: the server says nak, bootd would say silence (not-authoritative)'],
  },
  BOOTP: {
    change: inDhcp({ 'allow-bootp': false }),
    sentences: ['answer to bootp: the server says bootp, bootd would say silence (bootp-not-allowed)'],
  },
  'a class': {
    change: inDhcp({ classes: [] }),
    sentences: [
      'file (filename): the server says bootx64.efi, bootd would say /pxelinux.0',
      'file (filename): the server says bootaa64.efi, bootd would say /pxelinux.0',
    ],
  },
  'known machines': {
    change: inDhcp({ answer: 'known-machines' }),
    sentences: [
      'discover: the server says offer',
      'bootp: the server says bootp',
      'selecting: the server says ack',
      'init-reboot: the server says ack',
      'init-reboot: the server says nak',
      'renewing: the server says ack',
      'inform: the server says ack',
    ].map((answer) => `answer to ${answer}, bootd would say silence (unknown-machine)`),
  },
  'a router': {
    change: withOption('routers', '192.168.0.1'),
    sentences: ['option 3 (routers): the server says none, bootd would say 192.168.0.1'],
  },
};

/** With strangers unanswered, nothing else would be seen. */
const TOGETHER = Object.fromEntries(
  Object.entries(PROVOCATIONS).filter(([name]) => name !== 'known machines'),
);

const able = needs('namespaces', 'udhcpc', 'reference-servers');
let network: LabNetwork;
let imported: Imported;
let tftpRoot: string;
let asImported: Rehearsal;
let changed: Rehearsal;
let wire: Capture;
let packets: readonly UdpPacket[];

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  imported = await importConfiguration();
  await startReferenceServers(network, tftpRoot, DHCPD_CONF);
  asImported = await Rehearsal.launch(network, 'as-imported', imported, tftpRoot);
  changed = await Rehearsal.launch(network, 'changed', manyChanges(imported), tftpRoot);
  await asImported.waitUntilItListens();
  await changed.waitUntilItListens();
  wire = await Capture.start(network.server, 'prov0');
  await bootRack();
  await liveWithLease();
  packets = await wire.stop();
});

afterAll(async () => {
  await asImported.stop();
  await changed.stop();
  await closeLabs();
});

/** Most of the provocations at once, and a map-file that is missing. */
function manyChanges(configuration: Imported): Imported {
  const all = Object.values(TOGETHER).reduce((before, { change }) => change(before), configuration);
  return { ...all, tftp: { root: '/tftpboot' } };
}

async function importConfiguration(): Promise<Imported> {
  const dhcpdConf = join(network.folder, 'dhcpd.conf');
  const xinetd = join(network.folder, 'tftp');
  await writeFile(dhcpdConf, DHCPD_CONF);
  await writeFile(xinetd, XINETD_CONF);
  const text = await run(process.execPath, [
    PROGRAM,
    'import',
    '--dhcpd-conf',
    dhcpdConf,
    '--xinetd',
    xinetd,
  ]);
  return parse(text) as Imported;
}

/** Machines of every kind, side by side, and one after the other what happens to a lease. */
async function bootRack(): Promise<void> {
  const clients = await BootClients.open(network.client);
  try {
    const kinds = [
      'bios',
      'uefi-x64',
      'uefi-ia32',
      'uefi-arm64',
      'ipxe',
      'bios-undi',
      'bootp',
      'linux',
    ] as const;
    const played = await Promise.all([
      clients.boot('bios', '0c:c4:7a:0e:2b:6b'),
      ...kinds.map((kind, at) => clients.boot(kind, `52:54:00:00:02:0${at}`)),
    ]);
    for (const { failure } of played) expect(failure).toBeUndefined();
    // Nothing to boot by HTTP here; what counts is that both offer the same.
    await clients.boot('uefi-http-x64', '52:54:00:00:02:10');

    const mac = '52:54:00:00:02:07';
    const address = played.at(-1)?.lease?.address;
    if (address === undefined) throw new Error('the last machine has no lease');
    const octets = Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
    const parameterList = [OPTION.parameterList, Uint8Array.of(1, 3, 28, 51, 54, 128)] as const;
    const server = [OPTION.serverIdentifier, addressOctets(SERVER_ADDRESS)] as const;
    const identifier = [OPTION.clientIdentifier, Uint8Array.of(1, ...octetsOf(mac))] as const;
    const reboot = async (wanted: Uint8Array): Promise<number | undefined> => {
      const options = new Map([[OPTION.requestedAddress, wanted] as const, identifier, parameterList]);
      return (await clients.ask({ mac, type: TYPE.request, options }, 10_000))?.options.get(53)?.[0];
    };
    expect(await reboot(octets)).toBe(5);
    expect(await reboot(addressOctets('10.9.9.9'))).toBe(6);
    await clients.ask(
      {
        mac,
        type: TYPE.decline,
        options: new Map([[OPTION.requestedAddress, octets] as const, server, identifier]),
      },
      200,
    );
    const after = await clients.boot('linux', mac);
    expect(after.lease?.address).not.toBe(address);
    const ciaddr = after.lease?.address === undefined ? '' : dotted(after.lease.address);
    await clients.ask({ mac, type: TYPE.release, ciaddr, options: new Map([server, identifier]) }, 200);
    expect((await clients.boot('linux', mac)).lease?.address).toBe(after.lease?.address);
  } finally {
    await clients.close();
  }
}

/** A real client with an address: renewal by unicast, INFORM, files, and the lease given back. */
async function liveWithLease(): Promise<void> {
  const client = await Udhcpc.start(network);
  try {
    const { address } = await client.next('bound');
    client.renew();
    expect(await client.next('renew')).toMatchObject({ address });
    for (const name of ['pxelinux.0', '/tftpboot/pxelinux.0', 'not-there']) {
      await network.client
        .run('timeout', ['20', findProgram('busybox') ?? 'busybox', ...tftpGet(name)])
        .catch(() => '');
    }
    await inform(address);
    await askThroughRelay(address);
    client.release();
    await client.next('deconfig');
  } finally {
    await client.stop();
  }
}

/** What a machine with a fixed address asks for; nothing listens for the answer, which goes over the wire all the same. */
async function inform(address: string): Promise<void> {
  const socket = await NamespaceUdpSocket.open(network.client, 0);
  const options = new Map([[OPTION.parameterList, Uint8Array.of(1, 3, 28, 67)]]);
  const message = wordMessage({ mac: '52:54:00:00:02:20', type: TYPE.inform, ciaddr: address, options });
  await socket.send([encodeDhcpMessage({ ...message, xid: 0x1f0 })], SERVER_ADDRESS, 67);
  await wire.waitFor(
    ({ payload, destinationPort }) => destinationPort === 68 && isOf(payload, 0x1f0),
    10_000,
  );
  await socket.close();
}

/** The client's namespace is a relay now, with a port of a switch in option 82. */
async function askThroughRelay(relay: string): Promise<void> {
  const socket = await NamespaceUdpSocket.open(network.client, 67);
  const giaddr = ip(relay);
  const agent = [OPTION.relayAgent, Uint8Array.of(1, 4, 101, 116, 104, 55)] as const;
  const ask = async (
    xid: number,
    type: number,
    more: ReadonlyMap<number, Uint8Array>,
  ): Promise<DhcpMessage> => {
    const message = wordMessage({ mac: '52:54:00:00:02:30', type, options: new Map([...more, agent]) });
    await socket.send(
      [encodeDhcpMessage({ ...message, flags: 0, hops: 1, giaddr, xid })],
      SERVER_ADDRESS,
      67,
    );
    const { payload } = await socket.waitFor((datagram) => isOf(datagram.payload, xid), 20_000);
    return decodeDhcpMessage(payload);
  };
  const offer = await ask(0x1f1, TYPE.discover, new Map());
  const { yiaddr } = offer;
  const wanted = Uint8Array.of(yiaddr >>> 24, yiaddr >>> 16, yiaddr >>> 8, yiaddr);
  const ack = await ask(
    0x1f2,
    TYPE.request,
    new Map([
      [OPTION.requestedAddress, wanted],
      [OPTION.serverIdentifier, addressOctets(SERVER_ADDRESS)],
    ]),
  );
  expect(ack.yiaddr).toBe(yiaddr);
  await socket.close();
}

function isOf(payload: Uint8Array, xid: number): boolean {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(4) === xid && payload[0] === 2;
}

function tftpGet(name: string): readonly string[] {
  return ['tftp', '-g', '-r', name, '-l', '/dev/null', SERVER_ADDRESS];
}

function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

function octetsOf(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16));
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

test('the configuration as imported: no machine would notice the move', async () => {
  const report = await asImported.waitForReport(({ findings }) => findings.length > 0, 20_000);
  expect(report.findings.filter(({ verdict }) => verdict !== 'by-design')).toEqual([]);
  expect(report).toMatchObject({ servers: [SERVER_ADDRESS], differences: 0, unpaired: 0 });
  expect(report.results).toMatchObject({ unknowable: 0 });
  const explanations = new Set(report.findings.map(({ explanation }) => explanation?.name));
  expect([...explanations].sort()).toEqual(BY_DESIGN);
});

/** What bootd does better than dhcpd on purpose, as far as these machines can see it. */
const BY_DESIGN = [
  'client-identifier-sent-back',
  'full-time-at-renewal',
  'machine-identifier-sent-back',
  'renewal-times',
  'secs-and-hops-zero',
];

test.each(Object.entries(PROVOCATIONS))(
  '%s: named, and nothing else',
  async (_name, { change, sentences }) => {
    const file = join(network.folder, 'provoked.yaml');
    await writeFile(file, stringify({ ...change(imported), interfaces: ['prov0'] }));
    const { dhcp } = readConfiguration(file).settings;
    if (dhcp === undefined) throw new Error('the configuration has no DHCP');
    const findings = replay(dhcp);
    const differences = findings.filter(({ verdict }) => verdict === 'differs').map(describeFinding);
    expect([...new Set(differences)].sort()).toEqual([...sentences].sort());
  },
);

/** What was on the wire once more, for a bootd with other settings. */
function replay(settings: DhcpSettings): readonly Finding[] {
  const shadow = new Shadow({
    settings,
    nodes: new NodeRegistry(),
    isIgnored: () => false,
    leases: new LeaseTable(allRanges(settings)),
    server: undefined,
  });
  const serverAddress = ip(SERVER_ADDRESS);
  const link = {
    name: 'prov0',
    serverAddress,
    addresses: [serverAddress],
    mtu: 1500,
    isLoopback: false,
    port: 'dhcp',
  } as const;
  const notices: Notice[] = [];
  for (const { atMs, source, sourcePort, destination, destinationPort, payload } of packets) {
    if (![67, 68].includes(destinationPort)) continue;
    const delivery = {
      source: ip(source),
      destination: ip(destination),
      destinationPort,
    };
    const passed = {
      wire: { link, isServersHost: true },
      message: decodeDhcpMessage(payload),
      delivery,
      sourcePort,
    };
    notices.push(...shadow.passTime(atMs), ...shadow.hear(passed, atMs));
  }
  notices.push(...shadow.conclude());
  return notices.flatMap((notice) => (notice.kind === 'compared' ? notice.findings : []));
}

test('many changes at once: each is named by the program, which ends with 3', async () => {
  const named = ({ findings }: ObservedReport): readonly string[] =>
    findings.filter(({ verdict }) => verdict === 'differs').map(({ sentence }) => sentence);
  const report = await changed.waitForReport(
    (each) => named(each).some((text) => text.includes('file "')),
    20_000,
  );
  for (const name of Object.keys(TOGETHER)) {
    const sentences = SENTENCES_OF_MANY[name] ?? TOGETHER[name]?.sentences ?? [];
    expect(named(report)).toEqual(expect.arrayContaining([...sentences]));
  }
  expect(named(report).join('\n')).toMatch(
    /file "\/tftpboot\/pxelinux\.0": the server says served(?:, \d+ octets)?, bootd would say error/,
  );
  const told = changed.lines.filter((line) => line.includes('"rehearsal.difference.found"'));
  expect(told).toHaveLength(report.differences);
  changed.signal('SIGUSR1');
  await changed.waitForLine(/^\d+ differences?:$/, 10_000);
  expect(await changed.stop()).toBe(3);
});

/** With the filename changed as well, the loss of a class shows another one. */
const SENTENCES_OF_MANY: Readonly<Record<string, readonly string[]>> = {
  'a class': [
    'file (filename): the server says bootx64.efi, bootd would say /lpxelinux.0',
    'file (filename): the server says bootaa64.efi, bootd would say /lpxelinux.0',
  ],
};

test('nothing durable is left behind, and no difference ends with 0', async () => {
  expect(await asImported.stop()).toBe(0);
  expect(existsSync(join(asImported.folder, 'state'))).toBe(false);
});
