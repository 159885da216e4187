import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Capture } from '../lab/capture.ts';
import { Daemon, putMachine, type DaemonOptions } from '../lab/daemon.ts';
import { closeLabs, LabNetwork, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { decodeDhcp, type UdpPacket } from '../lab/packets.ts';
import { Udhcpc } from '../lab/udhcpc.ts';
import { machineUuid, type Machine } from '../lab/virtual-machine.ts';

const able = needs('namespaces', 'udhcpc');
let network: LabNetwork;
let options: DaemonOptions;
let daemon: Daemon;
let client: Udhcpc | undefined;
let clientMac: string;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  clientMac = (await network.client.run('cat', ['/sys/class/net/eth0/address'])).trim();
  options = { namespace: network.server, folder: network.folder, tftpRoot };
  daemon = await Daemon.start(options);
});

afterAll(closeLabs);

afterEach(async () => {
  await client?.stop();
  client = undefined;
});

/** A client that is switched off at the end of the test, without giving its lease back. */
async function startClient(): Promise<Udhcpc> {
  client = await Udhcpc.start(network);
  return client;
}

interface LeaseAnswer {
  readonly state: string;
  readonly mac: string;
  readonly expires_at: string;
}

async function leaseOf(address: string): Promise<LeaseAnswer> {
  return (await daemon.apiBody('GET', `/v1/leases/${address}`)) as LeaseAnswer;
}

function isAck(packet: UdpPacket): boolean {
  return decodeDhcp(packet.payload)?.type === 'ack';
}

test('udhcpc takes a lease, renews it by unicast, and gives it back', async () => {
  const client = await startClient();
  const bound = await client.next('bound');
  expect(bound).toEqual({
    address: expect.stringMatching(/^192\.168\.0\.(1(2[89]|[3-9]\d)|2[0-4]\d|25[0-4])$/) as string,
    leaseSeconds: 600,
    server: SERVER_ADDRESS,
    bootFile: '/pxelinux.0',
    nextServer: SERVER_ADDRESS,
  });
  const taken = await leaseOf(bound.address);
  expect(taken).toMatchObject({ state: 'bound', mac: clientMac });

  const capture = await Capture.start(network.client, 'eth0');
  client.renew();
  expect((await client.next('renew')).address).toBe(bound.address);
  const renewed = await leaseOf(bound.address);
  expect(Date.parse(renewed.expires_at)).toBeGreaterThan(Date.parse(taken.expires_at));
  const [question, answer] = await capture.stop();
  // RFC 2131 section 4.3.2, RENEWING: from and to the client's own address, nothing is broadcast.
  expect(question).toMatchObject({ source: bound.address, destination: SERVER_ADDRESS });
  expect(answer).toMatchObject({ source: SERVER_ADDRESS, destination: bound.address });
  expect(answer?.ethernetDestination).toBe(clientMac);

  client.release();
  await client.next('deconfig');
  await expect.poll(async () => (await leaseOf(bound.address)).state, { timeout: 5_000 }).toBe('released');
});

test('a lease is there after kill -9 right behind its ACK, and renews', async () => {
  const capture = await Capture.start(network.client, 'eth0');
  const client = await startClient();
  await capture.waitFor(isAck, 20_000);
  await daemon.kill();
  const bound = await client.next('bound');
  daemon = await Daemon.start(options);
  const kept = await leaseOf(bound.address);
  expect(kept).toMatchObject({ state: 'bound', mac: clientMac });

  client.renew();
  expect(await client.next('renew')).toMatchObject({ address: bound.address, leaseSeconds: 600 });
  const renewed = await leaseOf(bound.address);
  expect(renewed).toMatchObject({ state: 'bound', mac: clientMac });
  expect(Date.parse(renewed.expires_at)).toBeGreaterThan(Date.parse(kept.expires_at));
  const acks = (await capture.stop()).filter(isAck).map(({ payload }) => decodeDhcp(payload)?.yiaddr);
  expect(acks).toEqual([bound.address, bound.address]);
});

test('nodes, their boot profiles and the files rendered from them survive kill -9', async () => {
  const machine: Machine = { firmware: 'bios', mac: '52:54:00:b0:07:0a' };
  await putMachine(daemon, machine, 'lab.node=kept');
  await daemon.kill();
  daemon = await Daemon.start(options);
  const node = `/v1/nodes/${machineUuid(machine.mac)}`;
  expect(await daemon.apiBody('GET', node)).toMatchObject({
    boot_mode: 'bios',
    ports: [{ address: machine.mac, pxe_enabled: true }],
  });
  expect(await daemon.apiBody('GET', `${node}/boot-profile`)).toMatchObject({ policy: 'always' });

  const client = await startClient();
  await client.next('bound');
  const name = 'pxelinux.cfg/01-52-54-00-b0-07-0a';
  const file = join(network.folder, 'fetched');
  await network.client.run('busybox', ['tftp', '-g', '-l', file, '-r', name, SERVER_ADDRESS]);
  expect(await network.client.run('cat', [file])).toContain('lab.node=kept');
});

test('SIGTERM ends it cleanly, and the next start finds the lease', async () => {
  const client = await startClient();
  const bound = await client.next('bound');
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  expect(daemon.log().at(-1)?.event).toBe('daemon.stopped');
  daemon = await Daemon.start(options);
  expect(await leaseOf(bound.address)).toMatchObject({ state: 'bound', mac: clientMac });
});
