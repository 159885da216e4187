import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NodeRegistry } from '../../../src/boot/node-registry.ts';
import type { Lease } from '../../../src/dhcp/lease.ts';
import { DnsmasqFolderService } from '../../../src/services/dnsmasq-folder-service.ts';
import { NodeService } from '../../../src/services/node-service.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { ipv4, MAC, nodeDraft, OTHER_MAC, OTHER_UUID, UUID } from '../boot/samples.ts';
import { FakeNodeStore } from './node-store-fake.ts';

const TAG = '3a07c7d7-ff6e-44ae-b187-33f450d08576';
const OTHER_TAG = '4a07c7d7-ff6e-44ae-b187-33f450d08576';
const HOUR_MS = 3_600_000;

let folder: string;
let hosts: string;
let options: string;
let leaseFile: string;
let leases: Lease[];
let registry: NodeRegistry;
let nodes: NodeService;
let warnings: string[];
let nowMs: number | undefined;
let service: DnsmasqFolderService | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-dnsmasq-'));
  hosts = join(folder, 'hosts');
  options = join(folder, 'options');
  leaseFile = join(folder, 'leases');
  leases = [];
  warnings = [];
  nowMs = undefined;
  registry = new NodeRegistry();
  nodes = new NodeService({
    registry,
    store: new FakeNodeStore(),
    rendering: () => ({
      templates: { has: () => true, render: () => 'x\n' },
      tftpRoot: '/tftpboot',
      tftpServer: undefined,
    }),
    dhcpSettings: () => undefined,
    images: { holdFor: () => Promise.resolve(() => undefined) },
    files: { isServed: () => Promise.resolve(true) },
    logger: pino({ level: 'silent' }),
    metrics: createMetrics(),
  });
});

afterEach(async () => {
  await service?.stop();
  service = undefined;
  rmSync(folder, { recursive: true });
});

async function start(): Promise<DnsmasqFolderService> {
  const logger = pino(
    { level: 'warn' },
    { write: (line: string) => warnings.push((JSON.parse(line) as { msg: string }).msg) },
  );
  service = new DnsmasqFolderService({
    settings: { hostsDirectory: hosts, optionsDirectory: options, leaseFile },
    nodes,
    leases: () => leases,
    clock: { now: () => nowMs ?? Date.now(), monotonic: () => performance.now() },
    logger,
  });
  await service.start();
  return service;
}

const hostFile = (mac: string) => join(hosts, `ironic-${mac}.conf`);
const optionsFile = (uuid: string) => join(options, `ironic-${uuid}.conf`);
const optionsText = (tag: string) => `tag:${tag},67,pxelinux.0\ntag:${tag},255,192.168.0.1\n`;

/** As Ironic deploys: the options first. */
function deploy(uuid: string, mac: string, tag: string): void {
  writeFileSync(optionsFile(uuid), optionsText(tag));
  writeFileSync(hostFile(mac), `${mac},set:${tag},set:ironic\n`);
}

/** As Ironic cleans up. */
function undeploy(uuid: string, mac: string): void {
  writeFileSync(hostFile(mac), `${mac},ignore\n`);
  rmSync(optionsFile(uuid));
}

const known = () =>
  registry.listNodes().map(({ uuid, ports }) => [uuid, ports.map(({ address }) => address)]);
const soon = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 20 });

it('makes the folders that Ironic expects, and an empty lease file', async () => {
  await start();
  expect(statSync(hosts).mode & 0o7777).toBe(0o2775);
  expect(existsSync(options)).toBe(true);
  expect(readFileSync(leaseFile, 'utf8')).toBe('');
});

it('has a node as soon as Ironic has deployed it, with its options, and none after undeploy', async () => {
  const running = await start();
  deploy(UUID, MAC, TAG);
  await soon(() => expect(known()).toEqual([[UUID, [MAC]]]));
  expect(registry.listNodes()[0]).toMatchObject({
    managedBy: 'ironic-dnsmasq',
    dhcpOptions: [
      { name: '67', value: 'pxelinux.0', ipVersion: 4 },
      { name: '255', value: '192.168.0.1', ipVersion: 4 },
    ],
  });
  expect(running.isIgnored(MAC)).toBe(false);
  undeploy(UUID, MAC);
  await soon(() => expect(known()).toEqual([]));
  expect(running.isIgnored(MAC)).toBe(true);
  expect(running.isIgnored(OTHER_MAC)).toBe(false);
  deploy(UUID, MAC, OTHER_TAG);
  await soon(() => expect(known()).toEqual([[UUID, [MAC]]]));
  expect(running.isIgnored(MAC)).toBe(false);
  expect(warnings).toEqual([]);
});

it('has read what was there before it began when start() resolves', async () => {
  mkdirSync(hosts);
  mkdirSync(options);
  deploy(UUID, MAC, TAG);
  await start();
  expect(known()).toEqual([[UUID, [MAC]]]);
});

it('forgets, at start, a node whose files went while it was not running, and no other', async () => {
  const gone = { ...nodeDraft({ managedBy: 'ironic-dnsmasq' }) };
  const admins = nodeDraft({ uuid: OTHER_UUID, ports: [], managedBy: undefined });
  for (const node of [gone, admins]) {
    await nodes.execute({ kind: 'node.put', node, precondition: { kind: 'none' } });
  }
  await start();
  expect(known()).toEqual([[OTHER_UUID, []]]);
});

it('does not take a file that is being written for its content', async () => {
  await start();
  deploy(UUID, MAC, TAG);
  await soon(() => expect(known()).toHaveLength(1));
  // Ironic truncates in place and fills the file afterwards.
  writeFileSync(optionsFile(UUID), '');
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(known()).toEqual([[UUID, [MAC]]]);
  writeFileSync(optionsFile(UUID), `tag:${TAG},67,bootx64.efi\n`);
  await soon(() => expect(registry.listNodes()[0]?.dhcpOptions[0]?.value).toBe('bootx64.efi'));
  expect(warnings).toEqual([]);
});

it('keeps what a file said whose writer died over it, tells so, and goes on with the others', async () => {
  await start();
  deploy(UUID, MAC, TAG);
  await soon(() => expect(known()).toHaveLength(1));
  writeFileSync(optionsFile(UUID), 'tag:3a07');
  const before = new Date(Date.now() - 60_000);
  utimesSync(optionsFile(UUID), before, before);
  deploy(OTHER_UUID, OTHER_MAC, OTHER_TAG);
  await soon(() => expect(known()).toHaveLength(2));
  expect(warnings).toEqual([
    `${optionsFile(UUID)} is empty, or stops in the middle of a line, and nobody writes it`,
  ]);
});

it('gives a MAC to the node that has it now, whichever file is read first', async () => {
  await start();
  deploy(OTHER_UUID, MAC, OTHER_TAG);
  await soon(() => expect(known()).toEqual([[OTHER_UUID, [MAC]]]));
  // Enrolled anew: the hosts file is the MAC's, and the old options file stays behind.
  deploy(UUID, MAC, TAG);
  await soon(() => expect(known()).toEqual([[UUID, [MAC]]]));
  expect(warnings).toEqual([]);
});

it("leaves an admin's node its MAC and says so", async () => {
  await nodes.execute({
    kind: 'node.put',
    node: nodeDraft({ uuid: OTHER_UUID }),
    precondition: { kind: 'none' },
  });
  await start();
  deploy(UUID, MAC, TAG);
  await soon(() =>
    expect(warnings).toEqual([
      `what Ironic's files say of node ${UUID} is not in effect: ${MAC} belongs to node ${OTHER_UUID}, which did not come from these files`,
    ]),
  );
});

it('answers a machine again whose `ignore` has outlived its node, and asks for the file to be deleted', async () => {
  mkdirSync(hosts);
  writeFileSync(hostFile(MAC), `${MAC},ignore\n`);
  const writtenAt = statSync(hostFile(MAC)).mtimeMs;
  nowMs = writtenAt + HOUR_MS - 300;
  const running = await start();
  expect(running.isIgnored(MAC)).toBe(true);
  expect(warnings).toEqual([]);
  nowMs = writtenAt + HOUR_MS + 1;
  expect(running.isIgnored(MAC)).toBe(false);
  await soon(() => expect(warnings).toHaveLength(1));
  expect(warnings[0]).toContain(
    `${hostFile(MAC)} has said for more than an hour that ${MAC} is to be ignored`,
  );
});

it('lists a line that it cannot use by file and number', async () => {
  await start();
  writeFileSync(hostFile(MAC), 'nonsense\n');
  await soon(() => expect(warnings).toEqual([`${hostFile(MAC)}, line 1: 'nonsense' is no MAC`]));
});

it('remembers ten thousand warnings, and gives the oldest again beyond them', async () => {
  await start();
  writeFileSync(join(hosts, 'a.conf'), 'nonsense\n');
  await soon(() => expect(warnings).toHaveLength(1));
  writeFileSync(join(hosts, 'b.conf'), 'x\n'.repeat(9_999));
  await soon(() => expect(warnings).toHaveLength(10_000));
  // Both files are read once more: nothing is new but the last line, for which the first warning is forgotten.
  writeFileSync(join(hosts, 'b.conf'), 'x\n'.repeat(10_000));
  await soon(() => expect(warnings).toHaveLength(10_001));
  rmSync(join(hosts, 'b.conf'));
  await soon(() => expect(warnings.at(-1)).toContain('a.conf, line 1'));
});

it('writes the leases for Ironic when they have changed', async () => {
  const running = await start();
  leases = [
    {
      address: ipv4('192.168.0.130'),
      state: 'bound',
      client: undefined,
      clientId: undefined,
      htype: 1,
      hardwareAddress: Uint8Array.of(),
      mac: MAC,
      startsAt: 0,
      expiresAt: Date.now() + 600_000,
      lastSeenAt: 0,
      bootp: false,
      hostname: undefined,
      vendorClass: undefined,
      relayAgentInfo: undefined,
    },
  ];
  running.leasesChanged();
  await soon(() => expect(readFileSync(leaseFile, 'utf8')).toMatch(/^\d+ \S+ 192\.168\.0\.130 \* \*\n$/));
  expect(readFileSync(leaseFile, 'utf8').split(' ')[1]).toBe(MAC);
  expect(existsSync(`${leaseFile}.new`)).toBe(false);
});

it('waits for nobody who writes into a FIFO, and reads the other files', async () => {
  await start();
  for (const name of ['a', 'b', 'c', 'd']) execFileSync('mkfifo', [join(hosts, `${name}.conf`)]);
  deploy(UUID, MAC, TAG);
  await soon(() => expect(known()).toEqual([[UUID, [MAC]]]));
  expect(warnings).toContain(`cannot read ${join(hosts, 'a.conf')}: it is no regular file`);
});

it('writes the leases into no file that a link beside them leads to', async () => {
  const victim = join(folder, 'victim');
  writeFileSync(victim, 'as it was');
  symlinkSync(victim, `${leaseFile}.new`);
  await start();
  expect(readFileSync(victim, 'utf8')).toBe('as it was');
  expect(readFileSync(leaseFile, 'utf8')).toBe('');
});
