import { join } from 'node:path';
import { addDeployImages, copyBootRoot } from '../lab/boot-root.ts';
import { Daemon, putMachine } from '../lab/daemon.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { whyNot } from '../lab/tools.ts';
import { bootMachine, machineUuid, type Machine } from '../lab/virtual-machine.ts';

/** The port of the application note's machine. */
const MAC = '0c:c4:7a:0e:2b:6b';

/** Why no virtual machine can be booted here, in words for people; undefined when one can. */
export function whyNoMachine(): string | undefined {
  return whyNot(['namespaces', 'virtual-machines']);
}

/** Boots a virtual machine in namespaces of its own, with BIOS and then with UEFI. Rejects with what went wrong. */
export async function bootRealMachine(say: (line: string) => void): Promise<void> {
  say('Building wires, boot images and a TFTP root (the first time takes a minute) ...');
  try {
    const network = await LabNetwork.open(1);
    const root = join(network.folder, 'tftpboot');
    await copyBootRoot(root);
    await addDeployImages(root, machineUuid(MAC));
    const daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot: root });
    say(`bootd serves prov0 (192.168.0.1) in namespace ${network.server.name}\n`);
    try {
      for (const firmware of ['bios', 'uefi'] as const)
        await bootOnce(network, daemon, { firmware, mac: MAC }, say);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${reason}\n\nWhat the daemon wrote:\n${daemon.lines.join('\n')}`, { cause: error });
    }
    const { code } = await daemon.stop();
    if (code !== 0) throw new Error('the daemon did not end well after SIGTERM');
  } finally {
    await closeLabs();
  }
}

async function bootOnce(
  network: LabNetwork,
  daemon: Daemon,
  machine: Machine,
  say: (line: string) => void,
): Promise<void> {
  await putMachine(daemon, machine, `demo=${machine.firmware}`);
  say(
    `Switching on ${machine.mac} with ${machine.firmware === 'bios' ? 'SeaBIOS' : 'OVMF'} (emulated, so be patient) ...`,
  );
  const report = await bootMachine(network, machine);
  for (const { name, afterMs } of report.phases)
    say(`  ${(afterMs / 1000).toFixed(1).padStart(6)} s  ${name}`);
  say(`  The kernel runs with ${report.address}: ${report.commandLine}\n`);
}
