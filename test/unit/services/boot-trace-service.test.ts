import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../../src/addr/ipv4.ts';
import type { Mac } from '../../../src/addr/mac.ts';
import { ipv4, MAC, OTHER_MAC, UUID } from '../boot/samples.ts';
import { BootStage, type StageOptions, type ToldBoot } from './boot-stage.ts';

let stage: BootStage;
afterEach(() => stage.stop());

async function open(options: StageOptions = {}): Promise<void> {
  stage = await BootStage.start(options);
}

async function boots(query = ''): Promise<readonly ToldBoot[]> {
  return ((await stage.api('GET', `/v1/boots${query}`)) as { boots: readonly ToldBoot[] }).boots;
}

describe('boot traces', () => {
  it('begin anew when the firmware does, and end the one before with a verdict', async () => {
    await open();
    stage.file('pxelinux.0');
    await stage.fetch(await stage.lease(MAC, 'bios'), 'pxelinux.0');
    stage.pass(20);
    await stage.discover(MAC, 'bios');
    const told = await boots(`?mac=${MAC}`);
    expect(told.map(({ state, verdict }) => [state, verdict.code])).toEqual([
      ['under-way', 'under-way'],
      ['stuck', 'boot-file-silent'],
    ]);
  });

  it('take iPXE, and the system, for parts of the same boot, and renewals for none', async () => {
    await open({ dhcp: { 'filename-by-arch': { bios: 'undionly.kpxe', ipxe: 'boot.ipxe' } } });
    stage.file('undionly.kpxe');
    stage.file('boot.ipxe');
    stage.file('vmlinuz');
    const address = await stage.lease(MAC, 'bios');
    await stage.fetch(address, 'undionly.kpxe');
    await stage.lease(MAC, 'ipxe');
    await stage.fetch(address, 'boot.ipxe');
    await stage.fetch(address, 'vmlinuz');
    await stage.lease(MAC, 'system');
    const [boot, ...others] = await boots();
    expect(others).toEqual([]);
    expect(boot).toMatchObject({ state: 'done', firmware: 'bios', phase: 'system' });
    const before = (await stage.boot(MAC)).steps?.length;
    await stage.reboot(MAC, 'system', address);
    expect((await stage.boot(MAC)).steps?.length).toBe(before);
  });

  it('are none for systems that start from their disk', async () => {
    await open();
    await stage.lease(MAC, 'system');
    expect(await boots()).toEqual([]);
  });

  it('follow machines that another server gives their addresses', async () => {
    await open({ dhcp: { mode: 'proxy' } });
    stage.file('pxelinux.0');
    const [address, server] = [ipv4('127.0.0.150'), ipv4('127.0.0.7')];
    await stage.discover(MAC, 'bios');
    await stage.request(MAC, 'bios', address, server);
    stage.pass(60);
    expect((await stage.boot(MAC)).verdict).toMatchObject({
      code: 'no-file-request',
      sentence: 'was told to fetch /pxelinux.0 from 127.0.0.1 and never asked for it',
    });
    await stage.fetch(address, 'pxelinux.0');
    expect(await stage.boot(MAC)).toMatchObject({ state: 'under-way', phase: 'loader', notices: [] });
  });

  it('survive a restart, with what was said about them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bootd-traces-'));
    try {
      const traceFile = join(folder, 'boots.jsonl');
      await open({ traceFile });
      await stage.putNode(UUID, MAC);
      await stage.fetch(await stage.lease(MAC, 'uefi'), 'bootx64.efi');
      stage.pass(31);
      await stage.discover(OTHER_MAC, 'bios');
      const [, before] = await boots();
      await stage.stop();
      await open({ traceFile });
      const after = await boots();
      // A stranger that only asked is not worth the disk.
      expect(after).toEqual([before]);
      expect(after[0]).toMatchObject({ state: 'stuck', verdict: { code: 'file-not-found' } });
      expect((await stage.boot(MAC)).steps).toHaveLength(3);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('keep what the console of the machine said since it was switched on, over a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bootd-traces-'));
    try {
      const traceFile = join(folder, 'boots.jsonl');
      await open({ traceFile });
      const since = stage.clock.now();
      stage.boots.showConsole([MAC], since, ['nobody was heard yet']);
      await stage.lease(MAC, 'uefi');
      stage.boots.showConsole([OTHER_MAC, MAC], since + 1, ['of the boot after this one']);
      expect(await stage.boot(MAC)).toMatchObject({ console: [] });
      stage.boots.showConsole([OTHER_MAC, MAC], since, ['Linux version', 'Kernel panic']);
      await stage.stop();
      await open({ traceFile });
      expect(await stage.boot(MAC)).toMatchObject({ console: ['Linux version', 'Kernel panic'] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('begin with power-on where bootd gave that, and go on with whichever port is heard', async () => {
    await open();
    await stage.putNode(UUID, MAC, { ports: [{ address: MAC }, { address: OTHER_MAC }] });
    await stage.discover(OTHER_MAC, 'bios');
    stage.pass(5);
    const since = stage.clock.now();
    const order = { action: 'on', attempt: 1, attempts: 2, patienceMs: 1_800_000 } as const;
    const id = stage.boots.awaitBoot({ macs: [MAC, OTHER_MAC], since, ...order });
    stage.boots.showConsole([MAC, OTHER_MAC], since, ['memory test']);
    expect((await boots(`?node=${UUID}`)).map((boot) => [boot.id === id, boot.phase, boot.state])).toEqual([
      [true, 'power', 'under-way'],
      [false, 'address', 'stuck'],
    ]);
    // Long after a trace would be left otherwise.
    stage.pass(1500);
    await stage.lease(OTHER_MAC, 'bios');
    expect(await boots(`?mac=${MAC}`)).toEqual([]);
    const boot = await stage.boot(OTHER_MAC);
    expect(boot).toMatchObject({ id, phase: 'boot-file', console: ['memory test'], notices: [] });
    expect(boot.steps?.map(({ kind }) => kind)).toEqual(['power', 'dhcp', 'dhcp']);
  });

  it('that are awaited are those that began since then, and are none of a machine without ports', async () => {
    await open();
    await stage.putNode(UUID, MAC);
    const since = stage.clock.now();
    await stage.discover(MAC, 'bios');
    const order = { action: 'on', attempt: 1, attempts: 2, patienceMs: 60_000 } as const;
    expect(stage.boots.awaitBoot({ macs: [MAC], since, ...order })).toBe((await stage.boot(MAC)).id);
    expect(stage.boots.awaitBoot({ macs: [], since, ...order })).toBeUndefined();
    expect(await boots()).toHaveLength(1);
  });

  it('that are awaited are not those of a probe, and are not waited for after a restart either', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bootd-traces-'));
    try {
      const traceFile = join(folder, 'boots.jsonl');
      await open({ traceFile });
      await stage.putNode(UUID, MAC);
      const since = stage.clock.now();
      const order = { action: 'on', attempt: 1, attempts: 2, patienceMs: 60_000 } as const;
      const id = stage.boots.awaitBoot({ macs: [MAC], since, ...order });
      await stage.stop();
      await open({ traceFile });
      await stage.putNode(UUID, MAC);
      stage.pass(61);
      expect(await stage.boot(MAC)).toMatchObject({ id, state: 'stuck', verdict: { code: 'no-discover' } });
      await stage.api('POST', '/v1/probes', { mac: MAC });
      await stage.lease(MAC, 'bios');
      expect(await boots()).toMatchObject([
        { probe: true, phase: 'boot-file' },
        { id, phase: 'power' },
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are found by node, whichever port boots', async () => {
    await open();
    await stage.putNode(UUID, MAC, { ports: [{ address: MAC }, { address: OTHER_MAC }] });
    await stage.discover(OTHER_MAC, 'bios');
    expect(await boots(`?node=${UUID}`)).toHaveLength(1);
    expect(await boots(`?node=${UUID.replace('4', '5')}`)).toEqual([]);
  });

  it('of a probe are marked, and are no boots of the machine', async () => {
    await open();
    await stage.api('POST', '/v1/probes', { mac: MAC });
    await stage.lease(MAC, 'bios');
    stage.pass(60);
    expect(await stage.boot(MAC)).toMatchObject({ probe: true, state: 'stuck' });
    expect(stage.log.filter(({ event }) => event === 'boot.stuck')).toEqual([]);
  });

  it('of a probe have what it fetches from the address of the host that plays it, and are still of the leased one', async () => {
    await open();
    await stage.putNode(UUID, MAC);
    stage.file('bootx64.efi');
    const host = ipv4('127.0.0.200');
    await stage.api('POST', '/v1/probes', { mac: MAC, address: '127.0.0.200' });
    const leased = await stage.lease(MAC, 'uefi');
    await stage.fetch(host, 'bootx64.efi');
    expect(await stage.boot(MAC)).toMatchObject({
      probe: true,
      phase: 'loader',
      address: formatIpv4(leased),
    });
  });

  it('of a flood of strangers are bounded, cost no log line, and leave a known machine alone', async () => {
    await open({ dhcp: { answer: 'known-machines' } });
    await stage.putNode(UUID, MAC);
    await stage.discover(MAC, 'bios');
    const firmware = { architecture: 'bios', isIpxe: false, isHttpClient: false, isPxeClient: true } as const;
    const startedAt = performance.now();
    const count = 20_000;
    let told = 0;
    stage.boots.onChange(() => (told += 1));
    for (let number = 0; number < count; number += 1) {
      const hex = number.toString(16).padStart(4, '0');
      stage.boots.observeDhcp({
        mac: `02:00:00:00:${hex.slice(0, 2)}:${hex.slice(2)}` as Mac,
        question: 'discover',
        reply: undefined,
        silence: 'unknown-machine',
        firmware,
        node: undefined,
        isKnown: false,
        interfaceName: 'prov0',
        relayAddress: undefined,
        address: undefined,
        chosenServer: undefined,
        nextServer: undefined,
        bootFile: undefined,
        withheldBootFile: undefined,
        objection: undefined,
        hostname: undefined,
        machineUuid: undefined,
        durationMs: undefined,
      });
    }
    const microseconds = ((performance.now() - startedAt) * 1000) / count;
    expect(told).toBeLessThanOrEqual(50);
    stage.pass(60);
    expect(await boots()).toHaveLength(512 + 1);
    expect((await stage.boot(MAC)).node).toBe(UUID);
    expect(stage.log.filter(({ event }) => event === 'boot.stuck')).toHaveLength(1);
    // About 15 on an idle machine; this only sees to it that nobody walks through all traces for each packet.
    expect(microseconds).toBeLessThan(500);
  });
});
