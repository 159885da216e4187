import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeTftpRequest } from '../../src/wire/tftp/tftp-packet.ts';
import { closeLabs, LabNetwork, type Namespace } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import type { BackgroundProcess } from '../lab/processes.ts';
import { NamespaceUdpSocket } from '../lab/udp-socket.ts';

const SERVER = fileURLToPath(new URL('./tftp-server-process.ts', import.meta.url));
const IMAGE = randomBytes(2_000_000);
const REQUEST = encodeTftpRequest({
  direction: 'read',
  name: 'image',
  mode: 'octet',
  options: [{ name: 'blksize', value: '65464' }],
});

const able = needs('namespaces', 'udhcpc');
let network: LabNetwork;
let root = '';
let server: BackgroundProcess;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  root = join(network.folder, 'tftpboot');
  mkdirSync(root);
  chmodSync(network.folder, 0o755);
  writeFileSync(join(root, 'image'), IMAGE);
  await network.client.run('ip', ['addr', 'add', '192.168.0.77/24', 'dev', 'eth0']);
  // A second address on the wire, as a controller has it that holds a virtual one.
  await network.server.run('ip', ['addr', 'add', '192.168.0.5/32', 'dev', 'prov0']);
  server = network.server.start('tftp', process.execPath, ['--import', 'tsx', SERVER, root, 'prov0']);
  await server.waitForLine(/^"listening"$/, 30_000);
});

afterAll(async () => {
  if (able) await server.stop();
  await closeLabs();
});

async function fetch(namespace: Namespace, address: string): Promise<boolean> {
  const to = join(network.folder, 'fetched');
  rmSync(to, { force: true });
  await namespace.run('busybox', ['tftp', '-b', '1468', '-g', '-r', 'image', '-l', to, address]);
  return readFileSync(to).equals(IMAGE);
}

describe('TFTP on the provisioning wire', () => {
  test('sends files there', async () => {
    expect(await fetch(network.client, '192.168.0.1')).toBe(true);
  });

  test.each(['192.168.0.1', '192.168.0.5'])(
    'answers from the address that was asked: %s',
    async (address) => {
      const client = await NamespaceUdpSocket.open(network.client, 0);
      await client.send([REQUEST], address, 69);
      const answer = await client.waitFor(() => true, 5000);
      expect(answer.address).toBe(address);
      // The MTU of the wire is 1500: a block fits one packet.
      expect(answer.payload.toString('latin1')).toBe('\0\x06blksize\x001468\0');
      await client.close();
    },
  );

  test('is mute on the management wire, whichever address is asked for', async () => {
    const client = await NamespaceUdpSocket.open(network.managementClient, 0);
    await client.send([REQUEST], '10.167.36.63', 69);
    await client.send([REQUEST], '192.168.0.1', 69, 1000);
    expect(client.received()).toEqual([]);
    await client.close();
  });

  test('takes up an address that the interface gets later, and lets go of it', async () => {
    await network.server.run('ip', ['addr', 'add', '192.168.0.6/32', 'dev', 'prov0']);
    await server.waitForLine(/served on prov0 \(192\.168\.0\.6\)/, 10_000);
    const client = await NamespaceUdpSocket.open(network.client, 0);
    await client.send([REQUEST], '192.168.0.6', 69);
    expect((await client.waitFor(() => true, 5000)).address).toBe('192.168.0.6');
    await client.close();
    await network.server.run('ip', ['addr', 'del', '192.168.0.6/32', 'dev', 'prov0']);
    await server.waitForLine(/no longer served on prov0 \(192\.168\.0\.6\)/, 10_000);
    expect(await fetch(network.client, '192.168.0.1')).toBe(true);
  });

  test('comes back after the interface was removed and made again', async () => {
    await network.server.run('ip', ['link', 'del', 'prov0']);
    await server.waitForLine(/no longer served on prov0,/, 10_000);
    const from = server.lines.length;
    await network.switches.run('ip', [
      'link',
      'add',
      'p-server',
      'type',
      'veth',
      'peer',
      'name',
      'prov0',
      'netns',
      network.server.name,
    ]);
    await network.switches.run('ip', ['link', 'set', 'p-server', 'master', 'provisioning', 'up']);
    await network.server.run('ip', ['addr', 'add', '192.168.0.1/24', 'dev', 'prov0']);
    await network.server.run('ip', ['link', 'set', 'prov0', 'up']);
    await server.waitForLine(/served on prov0/, 10_000, from);
    // The interface has another hardware address than the client remembers.
    await network.client.run('ip', ['neigh', 'flush', 'dev', 'eth0']);
    expect(await fetch(network.client, '192.168.0.1')).toBe(true);
  });

  test('is refused, with the holder named, where another server has the port', async () => {
    const second = network.server.start('tftp', process.execPath, ['--import', 'tsx', SERVER, root, 'prov0']);
    expect((await second.ended).code).not.toBe(0);
    expect(second.lines.join('\n')).toContain(`port 69 is held by node, pid ${server.pid}`);
  });
});
