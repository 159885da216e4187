import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon, type DaemonOptions } from '../lab/daemon.ts';
import { DhcpCrowd } from '../lab/dhcp-crowd.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { widen } from '../lab/wide-configuration.ts';

const able = needs('namespaces', 'strace');
let network: LabNetwork;
let options: DaemonOptions;
let daemon: Daemon | undefined;
let crowd: DhcpCrowd | undefined;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  const wide = await widen(network, 2000);
  const configuration = { ...wide, dhcp: { ...wide.dhcp, 'ping-check': false } };
  options = { namespace: network.server, folder: network.folder, tftpRoot, configuration };
});

afterAll(closeLabs);

afterEach(async () => {
  await crowd?.close();
  await daemon?.kill();
  crowd = undefined;
  daemon = undefined;
  if (able) rmSync(stateFolder(), { recursive: true, force: true });
});

function stateFolder(): string {
  return join(network.folder, 'state');
}

async function start(under: readonly string[] = []): Promise<Daemon> {
  daemon = await Daemon.start({ ...options, under });
  return daemon;
}

async function startCrowd(count: number): Promise<DhcpCrowd> {
  crowd = await DhcpCrowd.open(network.client);
  crowd.join({ count, spreadMs: 0, rebootEveryMs: 100 });
  return crowd;
}

/** What `/readyz` has against the store. */
async function storeProblems(running: Daemon): Promise<readonly string[]> {
  const { body } = await running.api('GET', '/readyz');
  const { checks } = body as { checks: { name: string; problems: string[] }[] };
  return checks.find(({ name }) => name === 'store')?.problems ?? [];
}

/** Every lease that was ever acknowledged is there when the daemon is started anew. */
async function expectLeasesAfterKill(running: Daemon, acknowledged: DhcpCrowd): Promise<void> {
  await running.kill();
  const again = await start();
  const { leases } = (await again.apiBody('GET', '/v1/leases?state=bound')) as {
    leases: { mac: string; address: string }[];
  };
  const holders = new Map(leases.map(({ mac, address }) => [mac, address]));
  for (const [mac, address] of acknowledged.leases()) expect(holders.get(mac)).toBe(address);
  expect(acknowledged.sharedAddresses(acknowledged.events().length)).toEqual([]);
}

/** Makes the system calls that flush fail, or take long, as a broken disk does: counted for each thread. */
function withFaultyFlushes(fault: string): readonly string[] {
  const quiet = ['-D', '-f', '-qq', '-o', '/dev/null', '--seccomp-bpf'];
  return ['strace', ...quiet, '-e', 'trace=fdatasync', '-e', `inject=fdatasync:${fault}`];
}

describe('a disk', () => {
  test('that is full: no ACK, /readyz fails and says why, and with room again all is well by itself', async () => {
    // In the mount namespace that the daemon has to itself, and gone with it.
    const onSmallDisk = 'mount -t tmpfs -o size=16m small "$1" && shift && exec "$@"';
    mkdirSync(stateFolder(), { recursive: true });
    const running = await start(['sh', '-euc', onSmallDisk, 'small', stateFolder()]);
    const machines = await startCrowd(30);
    await machines.waitForLeases(30, 60_000);
    expect(await storeProblems(running)).toEqual([]);

    const filler = join(`/proc/${running.pid}/root`, stateFolder(), 'filler');
    expect(() => writeFileSync(filler, new Uint8Array(20_000_000))).toThrow('ENOSPC');
    await expect.poll(() => storeProblems(running), { timeout: 60_000 }).toHaveLength(1);
    expect(await storeProblems(running)).toEqual([expect.stringContaining('No space left on device')]);
    expect((await running.api('GET', '/readyz')).status).toBe(503);
    // It lives, and needs no restart.
    expect((await running.api('GET', '/healthz')).status).toBe(200);
    const heard = machines.events().length;
    machines.join({ count: 10, spreadMs: 0 });
    await expect
      .poll(() => running.metric('bootd_dhcp_packets_dropped_total', 'reason="not-kept"'), {
        timeout: 30_000,
      })
      .toBeGreaterThan(20);
    expect(
      machines
        .events()
        .slice(heard)
        .filter(({ kind }) => kind === 'ack'),
    ).toEqual([]);

    rmSync(filler);
    await machines.waitForLeases(40, 60_000);
    await expect.poll(() => storeProblems(running), { timeout: 10_000 }).toEqual([]);
    expect(running.log('store.commit.failed').length).toBe(running.log('store.recovered').length);
    expect(machines.sharedAddresses()).toEqual([]);
  });

  test('whose flushes fail: nothing that was acknowledged is lost', async () => {
    const running = await start(withFaultyFlushes('error=EIO:when=20..22'));
    const machines = await startCrowd(40);
    await expect
      .poll(() => running.metric('bootd_store_commits_total', 'result="failed"'), { timeout: 60_000 })
      .toBeGreaterThan(0);
    await machines.waitForLeases(40, 120_000);
    await expect.poll(() => storeProblems(running), { timeout: 60_000 }).toEqual([]);
    expect(running.log('store.commit.failed').length).toBeGreaterThan(0);
    await machines.waitForMoreAcks(100, 60_000);
    await expectLeasesAfterKill(running, machines);
  });

  test('that is stuck for longer than a client waits: no late ACK, failing health, and then all is well', async () => {
    const running = await start(withFaultyFlushes('delay_enter=8000000:when=15'));
    const machines = await startCrowd(40);
    await expect
      .poll(() => storeProblems(running), { timeout: 60_000 })
      .toEqual([expect.stringContaining('the disk did not finish a flush within 5000 ms')]);
    await machines.waitForLeases(40, 120_000);
    await expect.poll(() => storeProblems(running), { timeout: 60_000 }).toEqual([]);
    await expectLeasesAfterKill(running, machines);
  });
});

describe('a store that cannot be used', () => {
  /** Every file below a folder, with its content. */
  function contentOf(folder: string): ReadonlyMap<string, string> {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const files = names.filter((name) => statSync(join(folder, name)).isFile());
    return new Map(files.map((name) => [name, readFileSync(join(folder, name), 'base64')]));
  }

  const store = (): string => join(stateFolder(), 'store');

  test.each([
    {
      what: 'of a later version',
      spoil: () => writeFileSync(join(store(), 'FORMAT'), 'ironic-bootd store, format 99\n'),
      says: /has format 99, and this bootd knows formats up to 1: a later version wrote it\. Install that version again/,
    },
    {
      what: 'of somebody else',
      spoil: () => rmSync(join(store(), 'FORMAT')),
      says: /is not a store of bootd: it holds ".+", but no readable file FORMAT\. Nothing in it was changed/,
    },
    {
      what: 'that is damaged',
      spoil: () => rmSync(join(store(), 'records', 'CURRENT')),
      says: /is damaged: its file records\/CURRENT is missing.+It was left as it is/,
    },
  ])('$what is refused with a clear text, and left as it was', async ({ spoil, says }) => {
    const running = await start();
    const machines = await startCrowd(5);
    await machines.waitForLeases(5, 60_000);
    await running.stop();
    spoil();
    const before = contentOf(store());

    daemon = await Daemon.launch(options);
    expect((await daemon.ended()).code).toBe(1);
    expect(daemon.log('daemon.failed')).toMatchObject([{ message: expect.stringMatching(says) as string }]);
    expect(contentOf(store())).toEqual(before);
  });
});
