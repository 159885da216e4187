import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { ConnectionCrowd } from '../lab/connection-crowd.ts';
import { FaultSite } from '../lab/fault-site.ts';
import { FLOODS, surviveFlood } from '../lab/flood.ts';
import { closeLabs } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { percentile } from '../lab/trend.ts';
import { readVitals } from '../lab/vitals.ts';
import { WIDE_SERVER_ADDRESS } from '../lab/wide-configuration.ts';

needs('namespaces');

/** The same for longer, in `npm run test:long -- hostile`. */
const LONG = process.env['BOOTD_TEST_LONG'] === '1';

let site: FaultSite | undefined;
const crowds: ConnectionCrowd[] = [];

afterAll(closeLabs);

afterEach(async () => {
  for (const crowd of crowds.splice(0)) await crowd.close();
  await site?.close();
  site = undefined;
});

/** A daemon with everything that listens, and machines that have their leases. */
async function open(machines: number): Promise<FaultSite> {
  site = await FaultSite.open((usual) => ({
    ...usual,
    http: { listen: `${WIDE_SERVER_ADDRESS}:8067` },
    'http-boot': { listen: `${WIDE_SERVER_ADDRESS}:8080` },
  }));
  await site.start(['sh', '-euc', 'ulimit -n 20000 && exec "$@"', 'sh']);
  await site.switchOn(machines);
  return site;
}

function connections(...args: Parameters<typeof ConnectionCrowd.start>): ConnectionCrowd {
  const crowd = ConnectionCrowd.start(...args);
  crowds.push(crowd);
  return crowd;
}

/** Waits for ACKs from here on, in milliseconds. */
function acksFrom(of: FaultSite): () => readonly number[] {
  const start = of.crowd.events().length;
  return () =>
    of.crowd
      .events()
      .slice(start)
      .flatMap(({ kind, ms }) => (kind === 'ack' && ms !== undefined ? [ms] : []));
}

/** The rest is the same for both; only how many connections are taken differs. */
const PLACES: readonly (readonly [string, string])[] = [
  ['the control socket', 'control.sock'],
  ...(LONG ? [["the admins' address", `${WIDE_SERVER_ADDRESS}:8067`] as const] : []),
];

describe('10,000 followers of events', () => {
  test.each(PLACES)(
    'on %s: each is taken or told that there are too many, memory is bounded, and machines get their ACKs',
    async (_, place) => {
      const of = await open(20);
      const { daemon, network } = of;
      const before = readVitals(daemon.pid);
      const calm = acksFrom(of);
      await of.crowd.waitForMoreAcks(400, 60_000);
      const usual = percentile(calm(), 0.5);

      const isSocket = place === 'control.sock';
      const busy = acksFrom(of);
      const crowd = isSocket
        ? connections(network.server, join(network.folder, place), 10_000, 'follow')
        : connections(network.client, place, 10_000, 'follow');
      const {
        streaming = 0,
        refused = 0,
        closed = 0,
      } = await crowd.waitFor(
        ({ connecting = 0, asking = 0, streaming = 0 }) => connecting + asking === 0 && streaming > 0,
        'an outcome for each',
        120_000,
      );
      expect(streaming + refused + closed).toBe(10_000);
      expect(streaming).toBeLessThanOrEqual(512);
      // They hear what happens.
      await crowd.waitFor(({ heard }) => heard > streaming, 'events for the followers', 60_000);
      await of.crowd.waitForMoreAcks(200, 60_000);
      // Opening ten thousand connections takes its time on the same processor; nobody waits for long.
      expect(percentile(busy(), 0.5)).toBeLessThan(20 * usual + 50);
      expect(readVitals(daemon.pid).peakMiB).toBeLessThan(before.residentMiB + 250);
      expect((await daemon.api('GET', '/healthz')).status).toBe(200);

      await crowd.close();
      await expect
        .poll(() => readVitals(daemon.pid).descriptors, { timeout: 30_000 })
        .toBeLessThan(before.descriptors + 20);
      expect(of.errors()).toEqual([]);
    },
  );

  test('that do not read are cut off, and nothing is kept for them', async () => {
    const of = await open(60);
    const { daemon, network } = of;
    const before = readVitals(daemon.pid);
    const crowd = connections(network.server, join(network.folder, 'control.sock'), 100, 'follow-unread');
    await crowd.waitFor(({ streaming = 0 }) => streaming === 100, 'followers', 30_000);
    const opened = readVitals(daemon.pid).descriptors;
    expect(opened).toBeGreaterThan(before.descriptors + 90);
    // Who does not read does not see the end either: the daemon has let go of them.
    await expect
      .poll(() => readVitals(daemon.pid).descriptors, { timeout: 120_000 })
      .toBeLessThan(before.descriptors + 20);
    // 100 times the 1 MiB that may wait for each, and what a heap takes for it.
    expect(readVitals(daemon.pid).peakMiB).toBeLessThan(before.residentMiB + 250);
  });
});

describe('clients that send their request octet by octet', () => {
  test('of boot files: others get theirs meanwhile, and after ten seconds the slow ones are closed', async () => {
    const { network } = await open(1);
    for (const last of [3, 4]) {
      await network.client.run('ip', ['addr', 'add', `10.20.0.${last}/16`, 'dev', 'eth0']);
    }
    const slow = connections(network.client, `${WIDE_SERVER_ADDRESS}:8080@10.20.0.3`, 60, 'slow');
    // 32 connections of one address are taken.
    await slow.waitFor(({ asking = 0, closed = 0 }) => asking === 32 && closed === 28, 'slow ones', 20_000);
    expect(await fetchOver(network, '10.20.0.4', ':8080/pxelinux.0')).toBe(30_000);
    // Those that were taken are told so (408).
    await slow.waitFor(({ refused = 0 }) => refused === 32, 'the slow ones closed', 40_000);
    expect(await fetchOver(network, '10.20.0.3', ':8080/pxelinux.0')).toBe(30_000);
  });

  test.each(['the control socket', "the admins' address"])('of %s: others are answered', async (where) => {
    const { daemon, network } = await open(1);
    const isSocket = where === 'the control socket';
    const slow = isSocket
      ? connections(network.server, join(network.folder, 'control.sock'), 200, 'slow')
      : connections(network.client, `${WIDE_SERVER_ADDRESS}:8067@10.20.0.2`, 200, 'slow');
    await slow.waitFor(({ connecting = 0, heard }) => connecting === 0 && heard === 0, 'slow ones', 20_000);
    await network.client.run('ip', ['addr', 'add', '10.20.0.4/16', 'dev', 'eth0']);
    expect((await daemon.api('GET', '/v1/leases')).status).toBe(200);
    expect(await fetchOver(network, '10.20.0.4', ':8067/metrics')).toBeGreaterThan(1000);
  });
});

/** Octets of what is there, asked for from this address of the clients. */
async function fetchOver(
  { client }: FaultSite['network'],
  localAddress: string,
  place: string,
): Promise<number> {
  const url = `http://${WIDE_SERVER_ADDRESS}${place}`;
  const script = `import { get } from 'node:http';
    get('${url}', { localAddress: '${localAddress}', timeout: 10000 }, (answer) => {
      let octets = 0;
      answer.on('data', (piece) => (octets += piece.length)).on('end', () => console.log(octets));
    });`;
  return Number(await client.run(process.execPath, ['--input-type=module', '-e', script]));
}

describe('a flood as fast as the kernel takes it', () => {
  test.each(FLOODS)(
    'of %s: who has a lease keeps it and is served, memory is bounded, and all is well afterwards',
    async (_, flood) => {
      await surviveFlood(await open(30), flood, LONG ? 60 : 4);
    },
  );
});
