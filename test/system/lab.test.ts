import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { removeAbandonedLabs } from '../lab/abandoned.ts';
import { addDeployImages, copyBootRoot } from '../lab/boot-root.ts';
import { writeLoaderFiles } from '../lab/hand-written-files.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { tftpExchanges } from '../lab/packets.ts';
import { BackgroundProcess, run } from '../lab/processes.ts';
import { startReferenceServers } from '../lab/reference-servers.ts';
import { bootMachine, machineUuid, type Machine } from '../lab/virtual-machine.ts';

// The lab is proved with servers that are known to work, so that a boot that fails elsewhere is bootd's fault.

describe('with ISC dhcpd and in.tftpd', () => {
  const able = needs('namespaces', 'virtual-machines', 'reference-servers');
  const bios: Machine = { firmware: 'bios', mac: '52:54:00:1a:b0:01' };
  const uefi: Machine = { firmware: 'uefi', mac: '52:54:00:1a:b0:02' };
  let network: LabNetwork;

  beforeAll(async () => {
    if (!able) return;
    network = await LabNetwork.open(2);
    const root = join(network.folder, 'tftpboot');
    await copyBootRoot(root);
    for (const machine of [bios, uefi]) {
      await addDeployImages(root, machineUuid(machine.mac));
      await writeLoaderFiles(root, machine.mac, machineUuid(machine.mac), `lab.node=${machine.firmware}`);
    }
    await startReferenceServers(network, root);
  });

  afterAll(closeLabs);

  test('machines boot to their marker, BIOS and UEFI at once', async () => {
    const [first, second] = await Promise.all([bootMachine(network, bios), bootMachine(network, uefi)]);
    expect(first.commandLine).toContain('lab.node=bios');
    expect(second.commandLine).toContain('lab.node=uefi');
    expect(first.address).not.toBe(second.address);
    expect(tftpExchanges(first.packets).map((exchange) => exchange.request.name)).toContain('/pxelinux.0');
    expect(tftpExchanges(second.packets).map((exchange) => exchange.request.name)).toContain('grubx64.efi');
    expect(second.phases.map((phase) => phase.name)).toEqual([
      'discover',
      'offer',
      'ack',
      'first file asked',
      'kernel asked',
      'ramdisk asked',
      'kernel started',
      'ramdisk started',
      'marker',
    ]);
  });
});

describe('a test run that is killed', () => {
  needs('namespaces');
  afterAll(closeLabs);

  test('leaves nothing behind once the next lab has been opened', async () => {
    const lab = pathToFileURL(join(import.meta.dirname, '../lab/namespaces.ts')).href;
    const script = `
      import { closeLabs, LabNetwork } from ${JSON.stringify(lab)};
      const network = await LabNetwork.open(1);
      const sleeper = network.server.start('sleeper', 'sh', ['-c', 'echo up; exec sleep 1000']);
      await sleeper.waitForLine(/up/, 10_000);
      console.log('opened', network.server.name, network.folder, sleeper.pid);
      process.kill(process.pid, 'SIGKILL');`;
    const options = ['--import', 'tsx', '--input-type=module', '-e', script];
    const killed = BackgroundProcess.start('test run', process.execPath, options);
    const said = await killed.waitForLine(/^opened /, 20_000);
    await killed.ended;
    const [, server = '', folder = '', sleeper = ''] = said.split(' ');
    expect(await run('ip', ['netns', 'list'])).toContain(server);
    expect(isRunning(sleeper)).toBe(true);

    expect(await removeAbandonedLabs()).toContain(server.replace(/-server$/, ''));
    expect(await run('ip', ['netns', 'list'])).not.toContain(server);
    expect(existsSync(folder)).toBe(false);
    expect(isRunning(sleeper)).toBe(false);
  });

  test('does not cost a running one its lab', async () => {
    const network = await LabNetwork.open();
    await removeAbandonedLabs();
    await expect(network.server.run('ip', ['addr', 'show', 'prov0'])).resolves.toContain('192.168.0.1/24');
    await network.close();
    expect(await run('ip', ['netns', 'list'])).not.toContain(network.server.name);
  });
});

/** Ended processes stay visible until whoever inherited them reaps them. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
