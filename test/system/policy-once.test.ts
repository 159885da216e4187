import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDeployImages, copyBootRoot } from '../lab/boot-root.ts';
import { Daemon, putMachine } from '../lab/daemon.ts';
import { makeBiosDisk, makeUefiDisk } from '../lab/local-disk.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { tftpExchanges } from '../lab/packets.ts';
import { bootMachine, machineUuid, type BootReport, type Machine } from '../lab/virtual-machine.ts';

// Machines under policy `once` boot from the network, and at the second power-on from their own disk. Their loaders are
// those of the distribution, installed by `bootd loaders install`.

const able = needs('namespaces', 'virtual-machines');
const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));

let network: LabNetwork;
let daemon: Daemon;
let installed: readonly string[];
let boots: Readonly<Record<'bios' | 'uefi', readonly [BootReport, BootReport]>>;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open(2);
  const root = join(network.folder, 'tftpboot');
  await copyBootRoot(root);
  for (const loader of ['pxelinux.0', 'ldlinux.c32', 'bootx64.efi', 'grubx64.efi', 'signed']) {
    await rm(join(root, loader), { recursive: true });
  }
  const bios: Machine = {
    firmware: 'bios',
    mac: '52:54:00:b0:0c:01',
    disk: await makeBiosDisk(join(network.folder, 'bios-disk')),
  };
  const uefi: Machine = {
    firmware: 'uefi',
    mac: '52:54:00:b0:0c:02',
    disk: await makeUefiDisk(join(network.folder, 'uefi-disk')),
  };
  const options = { namespace: network.server, folder: network.folder, tftpRoot: root };
  daemon = await Daemon.start(options);
  const config = join(network.folder, 'bootd.yaml');
  const install = network.server.startWithTftpboot('loaders', root, process.execPath, [
    ...[PROGRAM, 'loaders', 'install', '--config', config],
  ]);
  expect(await install.ended).toMatchObject({ code: 0 });
  installed = install.lines;
  for (const machine of [bios, uefi]) {
    await addDeployImages(root, machineUuid(machine.mac));
    await putMachine(daemon, machine, 'lab.boot=first', 'once');
  }
  const first = await Promise.all([bootMachine(network, bios), bootMachine(network, uefi)]);
  // What was used up stays so.
  await daemon.stop();
  daemon = await Daemon.start(options);
  const second = await Promise.all([bootMachine(network, bios), bootMachine(network, uefi)]);
  boots = { bios: [first[0], second[0]], uefi: [first[1], second[1]] };
});

afterAll(closeLabs);

test('the loaders come from the packages of the distribution', () => {
  for (const name of ['pxelinux.0', 'ldlinux.c32', 'bootx64.efi', 'grubx64.efi']) {
    expect(installed.find((line) => line.startsWith(`${name} `))).toMatch(/ installed /);
  }
});

test.each(['bios', 'uefi'] as const)(
  'a %s machine boots its ramdisk once, and its disk from then on',
  (firmware) => {
    const [first, second] = boots[firmware];
    expect(first.from).toBe('network');
    expect(first.commandLine).toContain('lab.boot=first');
    expect(second.from).toBe('disk');
  },
);

test.each(['bios', 'uefi'] as const)(
  'the second time a %s machine asks for its loader and no image',
  (firmware) => {
    const names = tftpExchanges(boots[firmware][1].packets).map(({ request }) => request.name);
    expect(names[0]).toBe(firmware === 'bios' ? '/pxelinux.0' : 'bootx64.efi');
    expect(names.filter((name) => name.includes('deploy_'))).toEqual([]);
  },
);

test.each(['52:54:00:b0:0c:01', '52:54:00:b0:0c:02'])('the profile of %s says when that was', async (mac) => {
  const path = `/v1/nodes/${machineUuid(mac)}/boot-profile`;
  expect(await daemon.apiBody('GET', path)).toMatchObject({
    policy: 'once',
    done_at: expect.stringMatching(/^\d{4}-/) as string,
  });
});
