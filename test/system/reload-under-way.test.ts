import { randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { formatIpv4 } from '../../src/addr/ipv4.ts';
import { decodeTftpPacket, encodeTftpAck, encodeTftpRequest } from '../../src/wire/tftp/tftp-packet.ts';
import { BootClients } from '../lab/boot-clients.ts';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon, noteConfiguration, type Configuration } from '../lab/daemon.ts';
import { addressOctets } from '../lab/dhcp-messages.ts';
import { closeLabs, LabNetwork, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { NamespaceUdpSocket } from '../lab/udp-socket.ts';

// What began before a reload ends as it began, or as it was promised.

const PATIENCE_MS = 30_000;
const TFTP_PORT = 69;
const BLOCK_SIZE = 1024;
const BLOCKS = 12;
const CLIENT_ADDRESS = '192.168.0.77';
const DISCOVER = 1;
const OFFER = 2;
const REQUEST = 3;
const ACK = 5;
const OPTION = { requestedAddress: 50, leaseTime: 51, messageType: 53, serverIdentifier: 54, parameters: 55 };

const able = needs('namespaces');
let network: LabNetwork;
let tftpRoot: string;
let daemon: Daemon;
let configuration: Configuration;
let clients: BootClients;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  configuration = noteConfiguration(network.folder);
  daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot, configuration });
  clients = await BootClients.open(network.client);
});

afterAll(async () => {
  if (able) await clients.close();
  await closeLabs();
});

/** Puts a changed configuration in force, and says which keys that were. */
async function reload(changed: Configuration): Promise<readonly string[]> {
  await writeFile(join(network.folder, 'bootd.yaml'), stringify(changed));
  const { status, body } = await daemon.api('POST', '/v1/reload', {});
  expect(status).toBe(200);
  return (body as { changes: readonly { key: string }[] }).changes.map(({ key }) => key);
}

/** The last octets that the server sent for a block; it sends a block again when it waits for long. */
async function blockOf(socket: NamespaceUdpSocket, block: number): Promise<{ port: number; data: Buffer }> {
  const { port, payload } = await socket.waitFor((datagram) => {
    const packet = decodeTftpPacket(datagram.payload);
    if (packet.kind === 'error') throw new Error(`the transfer ended with: ${packet.message}`);
    return packet.kind === 'data' && packet.block === block;
  }, PATIENCE_MS);
  return { port, data: payload.subarray(4) };
}

test(
  'a TFTP transfer goes on with the file and the sizes that it began with, and the next one has the new ones',
  async () => {
    const before = randomBytes(BLOCKS * BLOCK_SIZE - 100);
    const after = randomBytes(300);
    await writeFile(join(tftpRoot, 'image'), before);
    await network.client.run('ip', ['addr', 'add', `${CLIENT_ADDRESS}/24`, 'dev', 'eth0']);
    const socket = await NamespaceUdpSocket.open(network.client, 0);
    const request = encodeTftpRequest({
      direction: 'read',
      name: 'image',
      mode: 'octet',
      options: [{ name: 'blksize', value: String(BLOCK_SIZE) }],
    });
    await socket.send([request], SERVER_ADDRESS, TFTP_PORT);
    const agreed = await socket.waitFor(
      ({ payload }) => decodeTftpPacket(payload).kind === 'oack',
      PATIENCE_MS,
    );
    const received: Buffer[] = [];
    for (let block = 0; block < BLOCKS; block += 1) {
      if (block === BLOCKS / 2) {
        await writeFile(join(tftpRoot, 'image.new'), after);
        await rename(join(tftpRoot, 'image.new'), join(tftpRoot, 'image'));
        await writeFile(join(tftpRoot, 'map-file'), 'r ^image$ /tftpboot/nowhere\nr ^new$ /tftpboot/image\n');
        const changed = await reload({
          ...configuration,
          tftp: { ...configuration.tftp, 'block-size-max': 512, retransmit: 3 },
        });
        expect(changed).toEqual(['tftp.block-size-max', 'tftp.retransmit']);
      }
      await socket.send([encodeTftpAck(block)], SERVER_ADDRESS, agreed.port);
      const { port, data } = await blockOf(socket, block + 1);
      expect(port).toBe(agreed.port);
      received.push(data);
    }
    await socket.send([encodeTftpAck(BLOCKS)], SERVER_ADDRESS, agreed.port);
    expect(Buffer.concat(received).equals(before)).toBe(true);
    await socket.close();

    const next = await NamespaceUdpSocket.open(network.client, 0);
    const renamed = encodeTftpRequest({ direction: 'read', name: 'new', mode: 'octet', options: [] });
    await next.send([renamed], SERVER_ADDRESS, TFTP_PORT);
    expect((await blockOf(next, 1)).data.equals(after)).toBe(true);
    await next.close();
    expect(daemon.log().filter(({ level }) => level === 'error')).toEqual([]);
  },
  PATIENCE_MS * 8,
);

test(
  'an address that was offered before a reload is given after it, with the times of the new configuration',
  async () => {
    const mac = '52:54:00:00:07:01';
    const parameters = [OPTION.parameters, Uint8Array.of(1, 3, 51, 54)] as const;
    const offer = await clients.ask({ mac, type: DISCOVER, options: new Map([parameters]) }, PATIENCE_MS);
    expect(offer?.options.get(OPTION.messageType)).toEqual(Uint8Array.of(OFFER));
    expect(offer?.options.get(OPTION.leaseTime)).toEqual(Uint8Array.of(0, 0, 2, 88));
    const address = offer === undefined ? '' : formatIpv4(offer.yiaddr);

    const changed = await reload({
      ...configuration,
      dhcp: { ...configuration.dhcp, 'default-lease-time': 900, filename: '/lpxelinux.0' },
    });
    expect(changed).toContain('dhcp.default-lease-time');
    const options = new Map([
      parameters,
      [OPTION.requestedAddress, addressOctets(address)],
      [OPTION.serverIdentifier, addressOctets(SERVER_ADDRESS)],
    ] as const);
    const answer = await clients.ask({ mac, type: REQUEST, options }, PATIENCE_MS);
    expect(answer?.options.get(OPTION.messageType)).toEqual(Uint8Array.of(ACK));
    expect(answer && formatIpv4(answer.yiaddr)).toBe(address);
    expect(answer?.options.get(OPTION.leaseTime)).toEqual(Uint8Array.of(0, 0, 3, 132));
  },
  PATIENCE_MS * 4,
);

test(
  'a DISCOVER whose address is being pinged while the configuration is replaced gets its offer',
  async () => {
    const asked = clients.ask({ mac: '52:54:00:00:07:02', type: DISCOVER }, PATIENCE_MS);
    const count = daemon.log('config.reloaded').length;
    for (const seconds of [901, 902, 903]) {
      await reload({ ...configuration, dhcp: { ...configuration.dhcp, 'default-lease-time': seconds } });
    }
    expect((await asked)?.options.get(OPTION.messageType)).toEqual(Uint8Array.of(OFFER));
    expect(daemon.log('config.reloaded').length).toBeGreaterThanOrEqual(count + 3);
  },
  PATIENCE_MS * 4,
);
