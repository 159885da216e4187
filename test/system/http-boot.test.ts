import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDeployImages, copyBootRoot } from '../lab/boot-root.ts';
import { Daemon, noteConfiguration, putMachine, type LogLine } from '../lab/daemon.ts';
import { closeLabs, LabNetwork, MANAGEMENT_ADDRESS, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { tftpExchanges } from '../lab/packets.ts';
import { bootMachine, machineUuid, type BootReport, type Machine } from '../lab/virtual-machine.ts';

// Four machines that find their way by HTTP, each another one, are switched on at the same time.

const able = needs('namespaces', 'virtual-machines');
/** SeaBIOS, whose option ROM is iPXE: its script comes by HTTP. */
const ROM: Machine = { firmware: 'bios', mac: '52:54:00:b0:0b:01' };
/** OVMF fetches ipxe.efi by TFTP, and iPXE its script too. */
const CHAINED: Machine = { firmware: 'uefi', mac: '52:54:00:b0:0b:02' };
/** OVMF fetches ipxe.efi by HTTP, and iPXE its script too. */
const IPXE: Machine = { firmware: 'uefi-http', mac: '52:54:00:b0:0b:03' };
/** OVMF fetches shim by HTTP, shim GRUB, and GRUB all the rest: images that are named by URL. */
const GRUB: Machine = { firmware: 'uefi-http', mac: '52:54:00:b0:0b:04' };
const MACHINES = { ROM, CHAINED, IPXE, GRUB };

let network: LabNetwork;
let daemon: Daemon;
let boots: Readonly<Record<keyof typeof MACHINES, Promise<BootReport>>>;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open(4);
  const root = join(network.folder, 'tftpboot');
  await copyBootRoot(root);
  const configuration = noteConfiguration(network.folder);
  Object.assign(configuration, { 'http-boot': { listen: `${SERVER_ADDRESS}:80` } });
  Object.assign(configuration.dhcp, {
    // Firmware that boots over HTTP gets what PXE firmware gets, as a URL.
    'filename-by-arch': { 'uefi-x64': 'ipxe.efi', ipxe: `http://${SERVER_ADDRESS}/boot.ipxe` },
    reservations: [
      { 'hardware-ethernet': CHAINED.mac, 'filename-by-arch': { ipxe: 'boot.ipxe' } },
      { 'hardware-ethernet': GRUB.mac, 'filename-by-arch': { 'uefi-x64': 'bootx64.efi' } },
    ],
  });
  daemon = await Daemon.start({
    namespace: network.server,
    folder: network.folder,
    tftpRoot: root,
    configuration,
  });
  const start = async ([name, machine]: readonly [string, Machine]): Promise<BootReport> => {
    await addDeployImages(root, machineUuid(machine.mac));
    await putMachine(daemon, machine, `lab.node=${name}`);
    if (machine === GRUB) await nameImagesByUrl(root, machine);
    return bootMachine(network, machine);
  };
  const all = Object.entries(MACHINES).map((entry) => [entry[0], start(entry)] as const);
  boots = Object.fromEntries(all) as unknown as typeof boots;
  // Each test says for itself what it thinks of a boot that failed.
  await Promise.allSettled(all.map(([, boot]) => boot));
});

afterAll(closeLabs);

/** Puts the profile once more, with its images as files of the server's host. */
async function nameImagesByUrl(root: string, machine: Machine): Promise<void> {
  const path = `/v1/nodes/${machineUuid(machine.mac)}/boot-profile`;
  const profile = (await daemon.apiBody('GET', path)) as Record<string, unknown>;
  const sha256 = async (name: string): Promise<string> => {
    const digest = createHash('sha256')
      .update(await readFile(join(root, name)))
      .digest('hex');
    images.push(`200 GET bootd-images/sha256-${digest}/${name}`);
    return `sha256:${digest}`;
  };
  await daemon.apiBody('PUT', path, {
    ...profile,
    kernel: `file://${root}/kernel`,
    kernel_checksum: await sha256('kernel'),
    ramdisk: `file://${root}/ramdisk`,
    ramdisk_checksum: await sha256('ramdisk'),
    policy: 'once',
  });
}

/** What GRUB asks for in the end. */
const images: string[] = [];

/** What a machine asked for over HTTP, in order, as `STATUS METHOD NAME`. */
async function requestsOf(machine: keyof typeof MACHINES): Promise<readonly string[]> {
  const { address } = await boots[machine];
  return linesOf(address).map(
    (line) => `${String(line['status'])} ${String(line['method'])} ${String(line['file'])}`,
  );
}

function linesOf(address: string): readonly LogLine[] {
  return daemon
    .log()
    .filter(({ event, ...line }) => event?.startsWith('http.request.') && line['address'] === address);
}

const deployImages = (machine: Machine): readonly string[] => [
  `200 GET ${machineUuid(machine.mac)}/deploy_kernel`,
  `200 GET ${machineUuid(machine.mac)}/deploy_ramdisk`,
];

describe('over HTTP', () => {
  test("iPXE in a network card's ROM gets its script, kernel and ramdisk", async () => {
    expect((await boots.ROM).commandLine).toContain('lab.node=ROM');
    expect(await requestsOf('ROM')).toEqual(['200 GET boot.ipxe', ...deployImages(ROM)]);
  });

  test('UEFI firmware gets ipxe.efi, and iPXE the rest', async () => {
    expect((await boots.IPXE).commandLine).toContain('lab.node=IPXE');
    const requests = await requestsOf('IPXE');
    expect(requests.filter((request) => request.endsWith('ipxe.efi'))).toEqual([
      '200 HEAD ipxe.efi',
      '200 GET ipxe.efi',
    ]);
    expect(requests.slice(-3)).toEqual(['200 GET boot.ipxe', ...deployImages(IPXE)]);
  });

  test('UEFI firmware gets shim, shim GRUB, and GRUB the rest', async () => {
    expect((await boots.GRUB).commandLine).toContain('lab.node=GRUB');
    const requests = await requestsOf('GRUB');
    expect(requests.slice(0, 2)).toEqual(['200 HEAD bootx64.efi', '200 GET bootx64.efi']);
    expect(requests).toContain('200 GET grubx64.efi');
    expect(requests.slice(-3)).toEqual(['200 GET EFI/centos/grub.cfg', ...images]);
    expect(requests.filter((request) => request.startsWith('404')).length).toBeGreaterThanOrEqual(7);
  });

  test('GRUB waits for no answer that it has: not 34 seconds for a file, and each is asked for once', async () => {
    const { address } = await boots.GRUB;
    const lines = linesOf(address);
    const first = lines.findIndex(({ file }) => String(file).endsWith('command.lst'));
    const last = lines.findIndex(({ file }) => String(file).endsWith('grub.cfg'));
    const at = (index: number): number => Date.parse(String(lines[index]?.['time']));
    expect(at(last) - at(first)).toBeLessThan(20_000);
    const names = lines.slice(first).map(({ file }) => file);
    expect(new Set(names).size).toBe(names.length);
  });
});

test('policy once is used up by a ramdisk that was sent whole over HTTP', async () => {
  await boots.GRUB;
  const path = `/v1/nodes/${machineUuid(GRUB.mac)}/boot-profile`;
  expect(await daemon.apiBody('GET', path)).toMatchObject({
    policy: 'once',
    done_at: expect.any(String) as string,
    warnings: [],
  });
});

test('iPXE that was chained from TFTP boots over TFTP when its script comes from there', async () => {
  const report = await boots.CHAINED;
  expect(report.commandLine).toContain('lab.node=CHAINED');
  const names = tftpExchanges(report.packets).map(({ request }) => request.name);
  expect(names).toContain('ipxe.efi');
  expect(names).toContain('boot.ipxe');
  expect(names.at(-1)).toMatch(/deploy_ramdisk$/);
  expect(linesOf(report.address)).toEqual([]);
});

test('their configuration is rendered for the node that asks', async () => {
  await Promise.allSettled(Object.values(boots));
  const rendered = daemon.log('http.request.done').filter((line) => line['source'] === 'rendered');
  expect(new Set(rendered.map((line) => line['node']))).toEqual(
    new Set([ROM, IPXE, GRUB].map(({ mac }) => machineUuid(mac))),
  );
});

test('nothing was broken off, and nothing is worse than a note', async () => {
  await Promise.allSettled(Object.values(boots));
  expect(daemon.log('http.request.broken')).toEqual([]);
  const worrying = daemon
    .log()
    .filter(
      ({ level, event }) => ['warn', 'error', 'fatal'].includes(level ?? '') && event !== 'config.warned',
    );
  expect(worrying).toEqual([]);
});

test('the management address of the host serves no boot files', async () => {
  const script = `fetch('http://${MANAGEMENT_ADDRESS}/boot.ipxe').catch((error) => {
    throw error.cause;
  })`;
  const reached = network.managementClient.run(process.execPath, ['-e', script]);
  await expect(reached).rejects.toThrow('ECONNREFUSED');
});
