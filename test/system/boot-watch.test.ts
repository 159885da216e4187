import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MachineBmc } from '../lab/bmc/machine-bmc.ts';
import { addDeployImages, copyBootRoot } from '../lab/boot-root.ts';
import { Daemon, noteConfiguration } from '../lab/daemon.ts';
import { KERNEL_ARGUMENTS } from '../lab/hand-written-files.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { BackgroundProcess } from '../lab/processes.ts';
import { machineUuid, type Machine } from '../lab/virtual-machine.ts';

// Two bare machines with BMCs, one of which has its cable pulled out, are booted by `bootd boot start` at the same time.

const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));

const able = needs('namespaces', 'virtual-machines');
const PLUGGED: Machine = { firmware: 'bios', mac: '52:54:00:b0:0b:01' };
const UNPLUGGED: Machine = { firmware: 'bios', mac: '52:54:00:b0:0b:02' };
const MACHINES = [PLUGGED, UNPLUGGED];

/** An emulated BIOS asks within five seconds, and on a busy machine later. */
const FIRST_REQUEST_SECONDS = 25;
const ATTEMPTS = 2;
const PATIENCE_MS = 300_000;

interface WatchDocument {
  readonly state: string;
  readonly attempt: number;
  readonly boot: string | null;
  readonly sentence: string;
  readonly failures: readonly { readonly code: string; readonly sentence: string }[];
}

let network: LabNetwork;
let daemon: Daemon;
const bmcs = new Map<Machine, MachineBmc>();
const starts = new Map<Machine, BackgroundProcess>();

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open(MACHINES.length);
  const root = join(network.folder, 'tftpboot');
  await copyBootRoot(root);
  daemon = await Daemon.start({
    namespace: network.server,
    folder: network.folder,
    tftpRoot: root,
    configuration: {
      ...noteConfiguration(network.folder),
      power: { 'boot-watch': { 'first-request': 200, 'boot-time': 250, attempts: ATTEMPTS } },
    },
  });
  for (const [index, machine] of MACHINES.entries()) {
    const uuid = machineUuid(machine.mac);
    const bmc = await MachineBmc.open(network, machine, 6230 + index);
    bmcs.set(machine, bmc);
    await addDeployImages(root, uuid);
    await daemon.apiBody('PUT', `/v1/nodes/${uuid}`, {
      boot_mode: 'bios',
      ports: [{ address: machine.mac }],
      bmc: bmc.access,
    });
    await daemon.apiBody('PUT', `/v1/nodes/${uuid}/boot-profile`, {
      kernel: `${uuid}/deploy_kernel`,
      ramdisk: `${uuid}/deploy_ramdisk`,
      kernel_append_params: KERNEL_ARGUMENTS,
    });
  }
  bmcOf(UNPLUGGED).cable = 'unplugged';
  const patience = ['--first-request', String(FIRST_REQUEST_SECONDS)];
  for (const machine of MACHINES) {
    starts.set(machine, bootd('boot', 'start', machineUuid(machine.mac), '--console', ...patience));
  }
});

afterAll(async () => {
  for (const start of starts.values()) await start.stop();
  for (const bmc of bmcs.values()) await bmc.close();
  await closeLabs();
});

function bmcOf(machine: Machine): MachineBmc {
  const bmc = bmcs.get(machine);
  if (bmc === undefined) throw new Error(`${machine.mac} has no BMC`);
  return bmc;
}

/** A command of the program, for the daemon of this test. */
function bootd(...words: readonly string[]): BackgroundProcess {
  const socket = ['--socket', join(network.folder, 'control.sock')];
  return BackgroundProcess.start('bootd', process.execPath, [PROGRAM, ...words, ...socket]);
}

/** What the command that started the machine has told, once it has ended. */
async function toldOf(machine: Machine): Promise<{ readonly code: number | null; readonly text: string }> {
  const start = starts.get(machine);
  if (start === undefined) throw new Error(`${machine.mac} was not started`);
  const { code } = await start.ended;
  return { code, text: start.lines.join('\n') };
}

function watchPath({ mac }: Machine): string {
  return `/v1/nodes/${machineUuid(mac)}/boot`;
}

/** How the watch ended. */
async function ending(machine: Machine): Promise<WatchDocument> {
  const read = async (): Promise<WatchDocument> =>
    (await daemon.apiBody('GET', watchPath(machine))) as WatchDocument;
  await expect
    .poll(async () => (await read()).state, { timeout: PATIENCE_MS, interval: 500 })
    .not.toBe('under-way');
  return read();
}

describe('a machine that bootd boots by its BMC', () => {
  test('is told to boot from the network, switched on, and followed to its kernel', async () => {
    const bmc = bmcOf(PLUGGED);
    const watch = await ending(PLUGGED);
    expect(watch).toMatchObject({ state: 'booted', attempt: 1, failures: [] });
    expect(bmc.bmc.machine.lastBoot).toMatchObject({
      valid: true,
      persistent: false,
      uefi: false,
      device: 1,
    });
    expect(bmc.powerLog).toEqual(['on']);
    expect(await bmc.waitForLine(/BOOT-(?:OK|FAIL) /, PATIENCE_MS)).toContain(`BOOT-OK mac=${PLUGGED.mac}`);
    const boot = await daemon.apiBody('GET', `/v1/boots/${watch.boot ?? ''}`);
    expect(boot).toMatchObject({
      mac: PLUGGED.mac,
      node: machineUuid(PLUGGED.mac),
      verdict: { code: 'booted' },
    });
    const { code, text } = await toldOf(PLUGGED);
    expect(text).toMatch(/ bmc {3}switched on, start 1 of 2\n/);
    expect(text).toMatch(/ dhcp {2}ipxe: DISCOVER, OFFER /);
    expect(text).toMatch(/ tftp {2}kernel: \S+deploy_kernel, sent whole, /);
    expect(text).toMatch(/\nBOOTED: /);
    expect(code).toBe(0);
    expect(daemon.log('watch.boot.ended')).toMatchObject([
      { node: machineUuid(PLUGGED.mac), state: 'booted' },
    ]);
  });

  test('has the last words of its serial console kept with its boot, for bootd boot show', async () => {
    const { boot } = await ending(PLUGGED);
    await bmcOf(PLUGGED).waitForLine(/BOOT-(?:OK|FAIL) /, PATIENCE_MS);
    const lines = async (): Promise<readonly string[]> =>
      ((await daemon.apiBody('GET', `/v1/boots/${boot ?? ''}`)) as { console: readonly string[] }).console;
    await expect
      .poll(async () => (await lines()).join('\n'), { timeout: 30_000, interval: 500 })
      .toContain(`BOOT-OK mac=${PLUGGED.mac}`);
    expect((await lines()).length).toBeLessThanOrEqual(40);
    expect((await lines()).some((line) => /^\[ *\d+\.\d+\] /.test(line))).toBe(true);
  });

  test('and is not heard, for its cable is pulled out, is started as often as set, and then named', async () => {
    const watch = await ending(UNPLUGGED);
    expect(watch).toMatchObject({ state: 'failed', attempt: ATTEMPTS });
    expect(watch.failures.map(({ code }) => code)).toEqual(['no-discover', 'no-discover']);
    expect(watch.sentence).toMatch(
      new RegExp(`^no DISCOVER from any port of the node \\(${UNPLUGGED.mac}\\) within \\d+ s of power-on$`),
    );
    expect(bmcOf(UNPLUGGED).powerLog).toEqual(['on', 'off', 'on']);
    expect(bmcOf(UNPLUGGED).bmc.machine.lastBoot).toMatchObject({ valid: true, device: 1 });
    const { code, text } = await toldOf(UNPLUGGED);
    expect(text).toMatch(
      /^start 1 of 2 failed: no DISCOVER from any port of the node .*; it is started again$/m,
    );
    expect(text).toMatch(/^FAILED after 2 starts: no DISCOVER from any port of the node /m);
    expect(code).toBe(1);
    const uuid = machineUuid(UNPLUGGED.mac);
    const { boots } = (await daemon.apiBody('GET', `/v1/boots?node=${uuid}`)) as { boots: object[] };
    expect(boots).toHaveLength(ATTEMPTS);
    expect(boots[0]).toMatchObject({
      ...{ id: watch.boot, state: 'stuck', phase: 'power', mac: UNPLUGGED.mac },
      verdict: {
        code: 'no-discover',
        sentence: expect.stringMatching(/^no DISCOVER from any port of the node \(/) as string,
      },
    });
    expect(daemon.log('watch.boot.retried')).toMatchObject([{ node: uuid, attempt: 1, code: 'no-discover' }]);
    expect(daemon.log('watch.boot.failed')).toMatchObject([{ node: uuid, code: 'no-discover' }]);
  });

  test('is switched off and asked for its power', async () => {
    await ending(UNPLUGGED);
    const power = async (action: string): Promise<string> => {
      const command = bootd('power', action, machineUuid(UNPLUGGED.mac));
      expect((await command.ended).code).toBe(0);
      return command.lines.join('\n');
    };
    expect(await power('status')).toMatch(/^power: +on$/m);
    expect(await power('off')).toBe('the BMC took it: power off');
    expect(await power('status')).toMatch(/^power: +off$/m);
    expect(bmcOf(UNPLUGGED).powerLog.at(-1)).toBe('off');
  });
});
