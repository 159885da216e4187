import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forgetLab, recordLab } from '../lab/abandoned.ts';
import { Daemon, putMachine } from '../lab/daemon.ts';
import { Namespace } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { BackgroundProcess, run } from '../lab/processes.ts';
import { machineUuid, type Machine } from '../lab/virtual-machine.ts';
import { judge } from './folder.ts';

/** The machines that the judge boots. */
const MACHINES: readonly Machine[] = [
  { firmware: 'bios', mac: '52:54:00:aa:01:01' },
  { firmware: 'uefi', mac: '52:54:00:aa:01:02' },
  { firmware: 'bios', mac: '52:54:00:aa:01:03' },
  { firmware: 'uefi', mac: '52:54:00:aa:01:04' },
];

const able = needs('namespaces', 'virtual-machines', 'judge-tools');
const name = `bootd-j${process.pid}`;
let folder: string;
let daemon: Daemon | undefined;

beforeAll(async () => {
  if (!able) return;
  folder = await mkdtemp(join(tmpdir(), 'bootd-pxe-judge-'));
  const tftpRoot = join(folder, 'tftpboot');
  // The judge makes the namespaces, but this run answers for them.
  const namespaces = ['srv', 'lan', 'pc', 'mc'].map((end) => `${name}-${end}`);
  await recordLab(name, { namespaces, folder });
  await script('net-up.sh', name);
  await script('make-images.sh', tftpRoot);
  daemon = await Daemon.start({ namespace: new Namespace(`${name}-srv`), folder, tftpRoot });
  for (const machine of MACHINES) {
    const images = join(tftpRoot, machineUuid(machine.mac));
    await mkdir(images);
    await run('ln', [join(tftpRoot, 'vmlinuz'), join(images, 'deploy_kernel')]);
    await run('ln', [join(tftpRoot, 'initrd.img'), join(images, 'deploy_ramdisk')]);
    await putMachine(daemon, machine, 'lab.cfg=rendered');
  }
});

afterAll(async () => {
  if (!able) return;
  await daemon?.stop();
  await script('net-down.sh', name);
  await forgetLab(name);
});

function script(file: string, ...args: readonly string[]): Promise<string> {
  return run(judge(`lab/pxe/${file}`), args);
}

test('the PXE lab boots BIOS, UEFI and both at once, and finds the management wire silent', async () => {
  const check = BackgroundProcess.start('check.sh', judge('lab/pxe/check.sh'), [name, join(folder, 'logs')]);
  try {
    const { code } = await check.ended;
    const verdicts = check.lines.filter((line) => /^(PASS|FAIL) /.test(line));
    expect(
      verdicts.map((line) => line.split(' ').slice(0, 2).join(' ')),
      check.tail(),
    ).toEqual(['PASS bios', 'PASS uefi', 'PASS pair', 'PASS isolation']);
    expect(code).toBe(0);
  } finally {
    await check.stop();
  }
});
