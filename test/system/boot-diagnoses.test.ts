import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { join } from 'node:path';
import { copyBootRoot } from '../lab/boot-root.ts';
import { Daemon, noteConfiguration } from '../lab/daemon.ts';
import { addressOctets } from '../lab/dhcp-messages.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { NamespaceUdpSocket } from '../lab/udp-socket.ts';
import { machineUuid, startMachine, type Machine } from '../lab/virtual-machine.ts';

// Five machines that cannot boot, each for a reason of its own, are switched on at the same time. What is wrong with each
// of them is then asked of the control API, as an admin would.

const able = needs('namespaces', 'virtual-machines');

const bios = (last: string): Machine => ({ firmware: 'bios', mac: `52:54:00:b0:09:${last}` });
const WITHOUT_LOADER = bios('01');
const WITHOUT_CONFIGURATION = bios('02');
const WITHOUT_KERNEL = bios('03');
const WITHOUT_PXE = bios('04');
const MISTAKEN: Machine = { firmware: 'uefi', mac: '52:54:00:b0:09:05' };
const MACHINES = [WITHOUT_LOADER, WITHOUT_CONFIGURATION, WITHOUT_KERNEL, WITHOUT_PXE, MISTAKEN];

/** Five emulated machines share two cores with other tests. */
const PATIENCE_MS = 400_000;

let network: LabNetwork;
let daemon: Daemon;
const switchOff: (() => Promise<void>)[] = [];

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open(MACHINES.length);
  const root = join(network.folder, 'tftpboot');
  await copyBootRoot(root);
  const configuration = noteConfiguration(network.folder);
  daemon = await Daemon.start({
    namespace: network.server,
    folder: network.folder,
    tftpRoot: root,
    configuration,
  });
  await putNode(WITHOUT_LOADER, {
    dhcp_options: [{ opt_name: '67', opt_value: 'missing.0', ip_version: 4 }],
  });
  await putNode(WITHOUT_KERNEL, {}, { kernel: 'nowhere/kernel', ramdisk: 'ramdisk' });
  await putNode(WITHOUT_PXE, { ports: [{ address: WITHOUT_PXE.mac, pxe_enabled: false }] });
  await putNode(MISTAKEN, { boot_mode: 'bios' });
  for (const machine of MACHINES) switchOff.push(await startMachine(network, machine));
});

afterAll(async () => {
  for (const off of switchOff) await off();
  await closeLabs();
});

async function putNode(machine: Machine, node: object, profile?: object): Promise<void> {
  const path = `/v1/nodes/${machineUuid(machine.mac)}`;
  await daemon.apiBody('PUT', path, { ports: [{ address: machine.mac }], ...node });
  if (profile !== undefined) await daemon.apiBody('PUT', `${path}/boot-profile`, profile);
}

interface Finding {
  readonly code: string;
  readonly sentence: string;
}

interface ToldBoot {
  readonly verdict: Finding;
  readonly notices: readonly Finding[];
}

/** Asks the API until one of the machine's boots has the diagnosis; its sentence. */
async function sentenceOf(machine: Machine, code: string): Promise<string> {
  let told: readonly ToldBoot[] = [];
  let sentence: string | undefined;
  await expect
    .poll(
      async () => {
        const body = await daemon.apiBody('GET', `/v1/boots?mac=${machine.mac}`);
        told = (body as { boots: readonly ToldBoot[] }).boots;
        const findings = told.flatMap(({ verdict, notices }) => [verdict, ...notices]);
        sentence = findings.find((finding) => finding.code === code)?.sentence;
        return findings.map((finding) => finding.code);
      },
      { timeout: PATIENCE_MS, interval: 1000 },
    )
    .toContain(code);
  return sentence ?? '';
}

describe('a real machine that does not boot', () => {
  test('whose boot file is not there', async () => {
    expect(await sentenceOf(WITHOUT_LOADER, 'file-not-found')).toBe(
      'asked for missing.0, which is not below the TFTP root',
    );
  });

  test('that has no configuration', async () => {
    expect(await sentenceOf(WITHOUT_CONFIGURATION, 'configuration-not-found')).toMatch(
      /^looked for its configuration by \d+ names, \S*pxelinux\.cfg\/default the last, and found none$/,
    );
  });

  test('whose kernel is not there', async () => {
    expect(await sentenceOf(WITHOUT_KERNEL, 'kernel-missing')).toMatch(
      /^asked for its kernel \S*nowhere\/kernel, which is not below the TFTP root$/,
    );
  });

  test('whose port is declared without PXE', async () => {
    expect(await sentenceOf(WITHOUT_PXE, 'port-not-pxe')).toBe(
      `boots through ${WITHOUT_PXE.mac}, a port that is declared without PXE`,
    );
  });

  test('whose firmware is not what its node says', async () => {
    expect(await sentenceOf(MISTAKEN, 'boot-mode-mismatch')).toBe(
      'firmware says uefi, the node is declared bios',
    );
  });

  test('beside another DHCP server, which is overheard', async () => {
    await sentenceOf(WITHOUT_LOADER, 'file-not-found');
    const rogue = await NamespaceUdpSocket.open(network.client, 67);
    await rogue.send([foreignOffer(WITHOUT_LOADER.mac)], '255.255.255.255', 68);
    await daemon.waitForLog(({ event }) => event === 'dhcp.server.found', 30_000);
    expect(daemon.log('dhcp.server.found')).toMatchObject([
      { server: '192.168.0.7', interface: 'prov0', mac: WITHOUT_LOADER.mac },
    ]);
    expect(await sentenceOf(WITHOUT_LOADER, 'other-server-answered')).toBe(
      'another DHCP server 192.168.0.7 answered',
    );
    await rogue.close();
  });
});

/** A DHCPOFFER of a server 192.168.0.7 (RFC 2131 section 2). */
function foreignOffer(mac: string): Uint8Array {
  const header = Buffer.alloc(236);
  header[0] = 2; // op: BOOTREPLY
  header[1] = 1; // htype: Ethernet
  header[2] = 6; // hlen
  header.writeUInt16BE(0x8000, 10);
  Buffer.from(addressOctets('192.168.0.99')).copy(header, 16);
  Buffer.from(mac.split(':').map((octet) => parseInt(octet, 16))).copy(header, 28);
  const options = [0x63, 0x82, 0x53, 0x63, 53, 1, 2, 54, 4, ...addressOctets('192.168.0.7'), 255];
  return Buffer.concat([header, Buffer.from(options), Buffer.alloc(60)]);
}
