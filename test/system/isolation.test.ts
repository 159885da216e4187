import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Capture } from '../lab/capture.ts';
import { Daemon } from '../lab/daemon.ts';
import { encodeClientMessage } from '../lab/dhcp-messages.ts';
import {
  closeLabs,
  LabNetwork,
  MANAGEMENT_ADDRESS,
  SERVER_ADDRESS,
  type Namespace,
} from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { decodeDhcp, decodeTftp, type UdpPacket } from '../lab/packets.ts';
import { NamespaceUdpSocket } from '../lab/udp-socket.ts';

// A controller has a second leg in the management network, where another DHCP server is at home. bootd serves the
// provisioning wire only; on the other one it must be deaf and mute.

const DISCOVERS = 1_000;
const READ_REQUEST = Buffer.from('\0\x01pxelinux.0\0octet\0', 'latin1');

const able = needs('namespaces');
let network: LabNetwork;
let daemon: Daemon;
let managementLeg: string;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const root = join(network.folder, 'tftpboot');
  await makeSmallRoot(root);
  managementLeg = (await network.server.run('cat', ['/sys/class/net/mgmt0/address'])).trim();
  daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot: root });
});

afterAll(closeLabs);

function discover(number: number): Buffer {
  const mac = `52:54:00:d1:${octet(number >> 8)}:${octet(number & 255)}`;
  return encodeClientMessage({ type: 'discover', mac, xid: 0x1000 + number, broadcast: true });
}

function octet(value: number): string {
  return value.toString(16).padStart(2, '0');
}

/** A socket that is closed with the test, so that a test that fails does not keep the port from the next one. */
async function openSocket(namespace: Namespace, port: number): Promise<NamespaceUdpSocket> {
  const socket = await NamespaceUdpSocket.open(namespace, port);
  onTestFinished(() => socket.close());
  return socket;
}

/** What a capture on the management wire shows of the server: nothing, if it is mute. */
function fromServer(packets: readonly UdpPacket[]): readonly UdpPacket[] {
  return packets.filter(({ ethernetSource }) => ethernetSource === managementLeg);
}

// What the silence of the other tests is measured against: the same messages, on the wire that is served.
test('a DISCOVER and a read request on the provisioning wire are answered', async () => {
  const client = await openSocket(network.client, 68);
  await client.send([discover(0)], '255.255.255.255', 67);
  const offer = decodeDhcp((await client.waitFor(() => true, 10_000)).payload);
  expect(offer).toMatchObject({ type: 'offer', xid: 0x1000, siaddr: SERVER_ADDRESS, file: '/pxelinux.0' });

  await network.client.run('ip', ['addr', 'add', '192.168.0.77/24', 'dev', 'eth0']);
  const reader = await openSocket(network.client, 0);
  await reader.send([READ_REQUEST], SERVER_ADDRESS, 69);
  const answer = await reader.waitFor(() => true, 10_000);
  expect(decodeTftp(answer.payload)).toEqual({ kind: 'data', block: 1 });
});

test(`${DISCOVERS} DISCOVERs on the management wire get no answer`, async () => {
  const before = await daemon.metric('bootd_dhcp_packets_received_total');
  const atServer = await Capture.start(network.server, 'mgmt0', 'udp');
  const atClient = await Capture.start(network.managementClient, 'eth0', 'udp');
  const client = await openSocket(network.managementClient, 68);
  const numbers = Array.from({ length: DISCOVERS }, (_, index) => index);
  await client.send(numbers.map(discover), '255.255.255.255', 67, 1);
  // Longer than the check whether an address is taken, which an answer would wait for.
  await sleep(3_000);

  const arrived = (await atServer.stop()).filter(({ payload }) => decodeDhcp(payload)?.type === 'discover');
  expect(new Set(arrived.map(({ payload }) => decodeDhcp(payload)?.xid)).size).toBe(DISCOVERS);
  expect(fromServer(await atClient.stop())).toEqual([]);
  expect(client.received()).toEqual([]);
  expect(await daemon.metric('bootd_dhcp_packets_received_total')).toBe(before);
});

test.each([
  ['the management address', MANAGEMENT_ADDRESS],
  // Linux takes packets for any of its addresses on any leg, so binding to the address alone would not do.
  ['the provisioning address', SERVER_ADDRESS],
])('read requests from the management wire to %s get no answer', async (_, address) => {
  const atServer = await Capture.start(network.server, 'mgmt0', 'udp');
  const atClient = await Capture.start(network.managementClient, 'eth0', 'udp');
  const client = await openSocket(network.managementClient, 0);
  await client.send(Array<Buffer>(10).fill(READ_REQUEST), address, 69, 20);
  await sleep(2_000);

  const arrived = (await atServer.stop()).filter(({ destinationPort }) => destinationPort === 69);
  expect(arrived.map(({ destination }) => destination)).toEqual(Array(10).fill(address));
  expect(fromServer(await atClient.stop())).toEqual([]);
  expect(client.received()).toEqual([]);
});

test('a renewal that comes by the management wire gets no answer either', async () => {
  const atClient = await Capture.start(network.managementClient, 'eth0', 'udp');
  const client = await openSocket(network.managementClient, 68);
  const request = encodeClientMessage({
    type: 'request',
    mac: '52:54:00:d1:00:00',
    xid: 1,
    broadcast: false,
    clientAddress: '192.168.0.128',
  });
  for (const address of [MANAGEMENT_ADDRESS, SERVER_ADDRESS])
    await client.send([request, request], address, 67, 50);
  await sleep(2_000);
  expect(fromServer(await atClient.stop())).toEqual([]);
  expect(client.received()).toEqual([]);
});
