import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon } from '../lab/daemon.ts';
import { DhcpCrowd } from '../lab/dhcp-crowd.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { widen } from '../lab/wide-configuration.ts';

const MACHINES = 1000;
const POOL = 2000;

const able = needs('namespaces');
let network: LabNetwork;
let daemon: Daemon;
let crowd: DhcpCrowd;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  const configuration = await widen(network, POOL);
  daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot, configuration });
  crowd = await DhcpCrowd.open(network.client);
});

afterAll(async () => {
  if (able) await crowd.close();
  await closeLabs();
});

test(`${MACHINES} machines that are switched on within a second all get an address of their own from ${POOL}`, async () => {
  crowd.join({ count: MACHINES, spreadMs: 1000 });
  await crowd.waitForLeases(MACHINES, 120_000);

  expect(crowd.events().filter(({ kind }) => kind === 'nak')).toEqual([]);
  expect(crowd.sharedAddresses()).toEqual([]);
  expect(new Set(crowd.leases().values()).size).toBe(MACHINES);
  // Every offer of a machine is the same one: the pool is not used up by those who ask twice.
  const offers = new Set(crowd.events().map(({ mac, address }) => `${mac} ${address}`));
  expect(offers.size).toBe(MACHINES);

  const leases = (await daemon.apiBody('GET', '/v1/leases?state=bound')) as { leases: Lease[] };
  const kept = new Map(leases.leases.map(({ mac, address }) => [mac, address]));
  expect(kept).toEqual(crowd.leases());
});

interface Lease {
  readonly mac: string;
  readonly address: string;
}
