import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon, type DaemonOptions } from '../lab/daemon.ts';
import { DhcpCrowd } from '../lab/dhcp-crowd.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { FAKETIME_LIBRARY } from '../lab/tools.ts';
import { widen } from '../lab/wide-configuration.ts';

/** What leases are made for, and how far their ends may be from it: the time that the test takes. */
const LEASE_SECONDS = 7200;
const TEST_SECONDS = 300;

const able = needs('namespaces', 'faketime');
let network: LabNetwork;
let options: DaemonOptions;
let daemon: Daemon;
let crowd: DhcpCrowd;

/** Sets the wall clock of the daemon, and only its; the monotonic one goes on. */
function setClock(to: string): void {
  writeFileSync(join(network.folder, 'clock'), `${to}\n`);
}

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  // As a controller without a battery starts.
  setClock('@1970-01-01 00:10:00');
  options = {
    namespace: network.server,
    folder: network.folder,
    tftpRoot,
    configuration: await widen(network, 500),
    environment: {
      LD_PRELOAD: FAKETIME_LIBRARY,
      FAKETIME_TIMESTAMP_FILE: join(network.folder, 'clock'),
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      TZ: 'UTC',
    },
  };
  daemon = await Daemon.start(options);
  crowd = await DhcpCrowd.open(network.client);
});

afterAll(async () => {
  if (able) await crowd.close();
  await closeLabs();
});

interface Lease {
  readonly state: string;
  readonly expires_at: string;
}

/** All leases are bound and end, by the clock that the daemon has, when their machines expect it. */
async function expectLeases(count: number, now: number): Promise<void> {
  const { leases } = (await daemon.apiBody('GET', '/v1/leases')) as { leases: Lease[] };
  expect(leases.map(({ state }) => state)).toEqual(Array<string>(count).fill('bound'));
  for (const { expires_at: end } of leases) {
    const left = (Date.parse(end) - now) / 1000;
    expect(left).toBeGreaterThan(LEASE_SECONDS - TEST_SECONDS);
    expect(left).toBeLessThan(LEASE_SECONDS + TEST_SECONDS);
  }
}

async function steps(count: number): Promise<void> {
  await expect.poll(() => daemon.log('lease.times.moved').length, { timeout: 20_000 }).toBe(count);
}

test('leases that were made in 1970 last for as long as they should when the clock is set', async () => {
  crowd.join({ count: 20, spreadMs: 0 });
  await crowd.waitForLeases(20, 30_000);
  await expectLeases(20, Date.UTC(1970, 0, 1, 0, 10));
  setClock('@2026-11-22 12:00:00');
  await steps(1);
  await expectLeases(20, Date.UTC(2026, 10, 22, 12));
});

test('a clock that is set forwards ends no lease, and gives no address away', async () => {
  setClock('@2027-01-01 00:00:00');
  await steps(2);
  crowd.join({ count: 20, spreadMs: 0 });
  await crowd.waitForLeases(40, 30_000);
  expect(crowd.sharedAddresses()).toEqual([]);
  await expectLeases(40, Date.UTC(2027, 0, 1));
});

test('a clock that is set backwards lets no lease live longer', async () => {
  setClock('@2026-06-01 00:00:00');
  await steps(3);
  await expectLeases(40, Date.UTC(2026, 5, 1));
});

test('after a restart the store says the same, and in 1970 again it is not older', async () => {
  await daemon.stop();
  daemon = await Daemon.start(options);
  await expectLeases(40, Date.UTC(2026, 5, 1));
  await daemon.stop();
  setClock('@1970-01-01 00:10:00');
  daemon = await Daemon.start(options);
  expect(daemon.log('lease.times.moved')).toHaveLength(1);
  await expectLeases(40, Date.UTC(1970, 0, 1, 0, 10));
});
