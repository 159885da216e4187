import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Capture } from '../lab/capture.ts';
import { Daemon } from '../lab/daemon.ts';
import { DhcpCrowd } from '../lab/dhcp-crowd.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { decodeDhcp, type DhcpSummary, type UdpPacket } from '../lab/packets.ts';
import { widen } from '../lab/wide-configuration.ts';

/** The first address of the range, which somebody has whom the server does not know. */
const STRANGER = '10.20.1.0';

const able = needs('namespaces');
let network: LabNetwork;
let daemon: Daemon;
let crowd: DhcpCrowd | undefined;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  const configuration = await widen(network, 1000);
  daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot, configuration });
});

afterAll(closeLabs);

afterEach(async () => {
  await crowd?.close();
  crowd = undefined;
});

/** The DHCP messages of a capture, in its order. */
function messages(packets: readonly UdpPacket[]): readonly DhcpSummary[] {
  return packets.flatMap(({ payload }) => decodeDhcp(payload) ?? []);
}

test('an address that somebody has is put aside, and another one is offered at once', async () => {
  await network.client.run('ip', ['addr', 'add', `${STRANGER}/16`, 'dev', 'eth0']);
  const capture = await Capture.start(network.client, 'eth0');
  crowd = await DhcpCrowd.open(network.client);
  crowd.join({ count: 1, spreadMs: 0 });
  await crowd.waitForLeases(1, 30_000);
  await network.client.run('ip', ['addr', 'flush', 'dev', 'eth0']);
  // The route that the lab made went with the address.
  await network.client.run('ip', ['route', 'replace', '255.255.255.255/32', 'dev', 'eth0']);

  const [address] = crowd.leases().values();
  expect(address).not.toBe(STRANGER);
  expect(await daemon.apiBody('GET', `/v1/leases/${STRANGER}`)).toMatchObject({ state: 'declined' });
  expect(daemon.log('dhcp.conflict.found')).toMatchObject([{ address: STRANGER }]);
  // One offer, and no second DISCOVER needed for it beyond those that the machine sends while it waits.
  const offers = messages(await capture.stop()).filter(({ type }) => type === 'offer');
  expect(offers.map(({ yiaddr }) => yiaddr)).toEqual([address]);
});

test('while addresses are checked, others are answered: no reply waits for a check that is not its own', async () => {
  crowd = await DhcpCrowd.open(network.client);
  crowd.join({ count: 20, spreadMs: 0, rebootEveryMs: 50 });
  await crowd.waitForLeases(20, 60_000);
  const holders = new Set(crowd.leases().keys());
  const capture = await Capture.start(network.client, 'eth0');
  crowd.join({ count: 30, spreadMs: 200 });
  await crowd.waitForLeases(50, 60_000);
  const seen = messages(await capture.stop());

  const firstOffer = seen.findIndex(({ type }) => type === 'offer');
  const before = seen.slice(0, firstOffer);
  const newcomers = new Set(before.filter(({ type }) => type === 'discover').map(({ chaddr }) => chaddr));
  // All of them are being checked before the first check is over.
  expect(newcomers.size).toBe(30);
  // Meanwhile every holder was answered, and each request before the next one of the same machine.
  const acknowledged = before.filter(({ type }) => type === 'ack').map(({ chaddr }) => chaddr);
  expect(new Set(acknowledged)).toEqual(holders);
  const waiting = new Set<number>();
  for (const { type, xid, chaddr } of before) {
    if (!holders.has(chaddr)) continue;
    if (type === 'request') expect(waiting).not.toContain(xid);
    if (type === 'request') waiting.add(xid);
    if (type === 'ack') waiting.delete(xid);
  }
});
