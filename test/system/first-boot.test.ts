import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDeployImages, copyBootRoot } from '../lab/boot-root.ts';
import { Daemon, putMachine } from '../lab/daemon.ts';
import { bootRequests } from '../lab/boot-requests.ts';
import { Capture } from '../lab/capture.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { decodeDhcp, formatPackets, tftpExchanges, type TftpExchange } from '../lab/packets.ts';
import { bootMachine, machineUuid, type BootReport, type Machine } from '../lab/virtual-machine.ts';

// Two bare machines are switched on at the same time, with nothing but bootd on their wire. What they did and what
// bootd said about it is then looked at from all sides.

const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));
const able = needs('namespaces', 'virtual-machines');
const BIOS: Machine = { firmware: 'bios', mac: '52:54:00:b0:07:01' };
const UEFI: Machine = { firmware: 'uefi', mac: '52:54:00:b0:07:02' };

let network: LabNetwork;
let daemon: Daemon;
let root: string;
let boots: { readonly bios: Promise<BootReport>; readonly uefi: Promise<BootReport> };

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open(2);
  root = join(network.folder, 'tftpboot');
  await copyBootRoot(root);
  daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot: root });
  for (const machine of [BIOS, UEFI]) {
    await addDeployImages(root, machineUuid(machine.mac));
    await putMachine(daemon, machine, `lab.node=${machine.firmware}`);
  }
  boots = { bios: bootMachine(network, BIOS), uefi: bootMachine(network, UEFI) };
  // Each test says for itself what it thinks of a boot that failed.
  await Promise.allSettled([boots.bios, boots.uefi]);
});

afterAll(closeLabs);

/** The requests for a name as the loader asks for it, whatever prefix it puts before. */
function requestsFor(report: BootReport, name: string): readonly TftpExchange[] {
  return tftpExchanges(report.packets).filter(({ request }) => request.name.endsWith(name));
}

test('SeaBIOS, iPXE and pxelinux.0 bring a BIOS machine to its kernel', async () => {
  const report = await boots.bios;
  expect(report.commandLine).toContain('lab.node=bios');
  const names = tftpExchanges(report.packets).map(({ request }) => request.name);
  expect(names.at(0)).toBe('/pxelinux.0');
  expect(names.at(-1)).toMatch(/deploy_ramdisk$/);
});

test('OVMF, shim and GRUB bring a UEFI machine to its kernel', async () => {
  const report = await boots.uefi;
  expect(report.commandLine).toContain('lab.node=uefi');
  const names = tftpExchanges(report.packets).map(({ request }) => request.name);
  expect(names.at(0)).toBe('bootx64.efi');
  expect(names).toContain('grubx64.efi');
  expect(names.at(-1)).toMatch(/deploy_ramdisk$/);
});

test('their configuration is rendered: the disk has none, and none is written to it', async () => {
  const bios = requestsFor(await boots.bios, 'pxelinux.cfg/01-52-54-00-b0-07-01');
  // The ACK has option 97, so GRUB asks by the UUID first, as it stands in that option.
  const uefi = requestsFor(await boots.uefi, 'EFI/centos/grub.cfg-00000000-0000-0040-8000-525400b00702');
  expect(bios.map(({ answer }) => answer?.kind)).toEqual(['oack']);
  expect(uefi.map(({ answer }) => answer?.kind)).toContain('oack');
  expect(existsSync(join(root, 'pxelinux.cfg'))).toBe(false);
  expect(readdirSync(join(root, 'EFI/centos'))).toEqual([]);
});

test('each has an address of its own from firmware to Linux, and its lease names its node', async () => {
  const [bios, uefi] = await Promise.all([boots.bios, boots.uefi]);
  expect(bios.address).not.toBe(uefi.address);
  for (const [report, machine] of [
    [bios, BIOS],
    [uefi, UEFI],
  ] as const) {
    const acknowledged = report.packets
      .map(({ payload }) => decodeDhcp(payload))
      .filter((message) => message?.type === 'ack')
      .map((message) => message?.yiaddr);
    // One for the firmware, one for the ramdisk, and the address stays.
    expect([...new Set(acknowledged)], formatPackets(report.packets)).toEqual([report.address]);
    expect(await daemon.apiBody('GET', `/v1/leases/${report.address}`)).toMatchObject({
      address: report.address,
      state: 'bound',
      mac: machine.mac,
      node: machineUuid(machine.mac),
    });
  }
});

test('OVMF is told the size of its loader, and its ERROR 8 after that is no failure', async () => {
  const report = await boots.uefi;
  const [sizing, loading] = requestsFor(report, 'bootx64.efi');
  expect(sizing?.answer).toMatchObject({ kind: 'oack' });
  expect(sizing?.answer?.kind === 'oack' && sizing.answer.options.get('tsize')).toBe(
    String(statSync(join(root, 'bootx64.efi')).size),
  );
  expect(sizing?.clientError).toMatchObject({ kind: 'error', code: 8 });
  expect(loading?.request.options.has('tsize')).toBe(false);
  expect(loading?.answer?.kind).toBe('oack');
  expect(loading?.clientError).toBeUndefined();
});

test('no transfer of a whole boot is logged or counted as a failure, and nothing is worse than a note', async () => {
  await Promise.all([boots.bios, boots.uefi]);
  expect(daemon.log('tftp.transfer.failed')).toEqual([]);
  expect(await daemon.metric('bootd_tftp_transfers_total', 'result="failed"')).toBe(0);
  // The group of the control socket is not there on a machine without the package: that is a note at start.
  const worrying = daemon
    .log()
    .filter(
      ({ level, event }) => ['warn', 'error', 'fatal'].includes(level ?? '') && event !== 'config.warned',
    );
  expect(worrying).toEqual([]);
});

test('files that loaders only look for are refused within milliseconds', async () => {
  const refused = tftpExchanges((await boots.uefi).packets).filter(({ answer }) => answer?.kind === 'error');
  // shim's three optional files and GRUB's four lists.
  expect(refused.length).toBeGreaterThanOrEqual(7);
  expect(refused.map(({ answer }) => answer)).toEqual(
    refused.map(() => ({ kind: 'error', code: 1, message: 'File not found' })),
  );
  const delays = refused.map(({ answeredAfterMs }) => answeredAfterMs ?? Infinity).sort((a, b) => a - b);
  expect(delays[Math.floor(delays.length / 2)]).toBeLessThan(10);
  // Two emulated machines share the processors with bootd, so the slowest may have waited for its turn.
  expect(delays.at(-1)).toBeLessThan(100);
});

test('every request of both boots was answered', async () => {
  for (const report of await Promise.all([boots.bios, boots.uefi])) {
    const unanswered = tftpExchanges(report.packets).filter(({ answer }) => answer === undefined);
    expect(unanswered, formatPackets(report.packets)).toEqual([]);
  }
});

test.each([
  ['bios', BIOS],
  ['uefi-x64', UEFI],
] as const)(
  'bootd probe asks for the same as the %s machine, in the same order',
  async (firmware, machine) => {
    const report = await (machine === BIOS ? boots.bios : boots.uefi);
    const { client } = network;
    await client.run('ip', ['address', 'replace', '192.168.0.60/24', 'dev', 'eth0']);
    const capture = await Capture.start(client, 'eth0');
    const words = ['--config', join(network.folder, 'bootd.yaml'), '--interface', 'eth0'];
    const identity = ['--mac', machine.mac, '--uuid', machineUuid(machine.mac), '--arch', firmware];
    await client.run(process.execPath, [PROGRAM, 'probe', ...words, ...identity], { timeoutMs: 120_000 });
    const own = (await capture.stop()).filter(({ destination, source }) =>
      [destination, source].some((address) => ['0.0.0.0', '192.168.0.60'].includes(address)),
    );
    const played = bootRequests(own);
    const real = bootRequests(report.packets);
    expect(played, [...real, '--- and the probe:', ...played].join('\n')).toEqual(real);
    // The machine has its address still, and its leases do not know of a probe.
    expect(await daemon.apiBody('GET', `/v1/leases/${report.address}`)).toMatchObject({ state: 'bound' });
  },
);

test('the trace of each boot goes from its first question to its system, and says that it runs', async () => {
  for (const [machine, loader] of [
    [BIOS, 'pxelinux'],
    [UEFI, 'grub'],
  ] as const) {
    await boots[machine.firmware === 'bios' ? 'bios' : 'uefi'];
    const { boots: all } = (await daemon.apiBody('GET', `/v1/boots?mac=${machine.mac}`)) as {
      boots: readonly { readonly id: string; readonly probe: boolean }[];
    };
    const told = all.filter(({ probe }) => !probe);
    expect(told).toHaveLength(1);
    const boot = (await daemon.apiBody('GET', `/v1/boots/${told[0]?.id ?? ''}`)) as {
      readonly steps: readonly { readonly role?: string; readonly ending?: string }[];
    };
    expect(boot).toMatchObject({
      node: machineUuid(machine.mac),
      loader,
      phase: 'system',
      state: 'done',
      verdict: { code: 'booted' },
      notices: [],
    });
    const sent = boot.steps.filter(({ ending }) => ending === 'done').map(({ role }) => role);
    // GRUB fetches its configuration twice, and loaders what belongs to them at any time.
    expect([...new Set(sent)].filter((role) => role !== 'loader')).toEqual([
      'boot-file',
      'configuration',
      'kernel',
      'ramdisk',
    ]);
  }
});
