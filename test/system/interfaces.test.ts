import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon, noteConfiguration, type LogLine } from '../lab/daemon.ts';
import { closeLabs, LabNetwork, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { Udhcpc } from '../lab/udhcpc.ts';

/** A bridge, as most controllers have; for bootd it is an interface that somebody else makes, like a bond or a VLAN. */
const BRIDGE = 'br-prov';

const able = needs('namespaces', 'udhcpc');
let network: LabNetwork;
let daemon: Daemon;
let client: Udhcpc | undefined;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  await network.server.run('ip', ['addr', 'flush', 'dev', 'prov0']);
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  const configuration = noteConfiguration(network.folder);
  daemon = await Daemon.start({
    namespace: network.server,
    folder: network.folder,
    tftpRoot,
    configuration: { ...configuration, interfaces: [BRIDGE] },
  });
});

afterAll(closeLabs);

afterEach(async () => {
  await client?.stop();
  client = undefined;
});

async function ip(...commands: readonly string[]): Promise<void> {
  for (const command of commands) await network.server.run('ip', command.split(' '));
}

async function makeBridge(): Promise<void> {
  await ip(
    `link add ${BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `link set prov0 master ${BRIDGE}`,
    `addr add ${SERVER_ADDRESS}/24 brd + dev ${BRIDGE}`,
    `link set ${BRIDGE} up`,
  );
}

/** The next line of this event after those that were there before the change. */
async function after(event: string, change: () => Promise<void>): Promise<LogLine> {
  const before = daemon.log(event).length;
  await change();
  await expect.poll(() => daemon.log(event).length, { timeout: 15_000 }).toBeGreaterThan(before);
  return daemon.log(event)[before] ?? {};
}

/** What `/readyz` has against dhcp and tftp. */
async function problems(): Promise<readonly string[]> {
  const { status, body } = await daemon.api('GET', '/readyz');
  const { checks } = body as { checks: { name: string; ok: boolean; problems: string[] }[] };
  const found = checks.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`));
  expect(status).toBe(found.length === 0 ? 200 : 503);
  return found;
}

/** A machine that knows nothing of what was before takes a lease and a file. */
async function takeLeaseAndFile(server = SERVER_ADDRESS): Promise<void> {
  await network.client.run('ip', ['neigh', 'flush', 'dev', 'eth0']);
  client = await Udhcpc.start(network);
  expect(await client.next('bound', 30_000)).toMatchObject({ server });
  const to = join(network.folder, 'fetched');
  await network.client.run('busybox', ['tftp', '-g', '-l', to, '-r', '/tftpboot/pxelinux.0', server]);
}

test('an interface that is missing at the start is waited for, with a warning and /readyz saying so', async () => {
  expect(daemon.log('dhcp.socket.awaited')).toMatchObject([{ level: 'warn', interface: BRIDGE }]);
  expect(daemon.log('tftp.socket.awaited')).toMatchObject([{ level: 'warn', on: BRIDGE }]);
  const missing = `there is no interface ${BRIDGE} yet; this host has `;
  const found = await problems();
  expect(found).toHaveLength(2);
  for (const name of ['dhcp', 'tftp']) {
    expect(found).toContainEqual(expect.stringContaining(`${name}: ${missing}`));
  }

  expect(await after('dhcp.socket.opened', makeBridge)).toMatchObject({ address: SERVER_ADDRESS });
  await expect.poll(problems, { timeout: 10_000 }).toEqual([]);
  await takeLeaseAndFile();
});

test('an interface that is removed and made again is served again', async () => {
  await after('dhcp.socket.closed', () => ip(`link del ${BRIDGE}`));
  await expect.poll(problems, { timeout: 10_000 }).toHaveLength(2);
  await after('dhcp.socket.opened', makeBridge);
  await expect.poll(problems, { timeout: 10_000 }).toEqual([]);
  await takeLeaseAndFile();
});

test('an interface that is exchanged within one look is served again', async () => {
  await after('dhcp.socket.opened', async () => {
    await ip(`link del ${BRIDGE}`);
    await makeBridge();
  });
  await takeLeaseAndFile();
});

test('nothing is answered while an interface has lost its address, and the new one is the server from then on', async () => {
  await after('dhcp.socket.awaited', () => ip(`addr flush dev ${BRIDGE}`));
  expect(await problems()).toEqual([`dhcp: interface ${BRIDGE} has no IPv4 address yet`]);
  client = await Udhcpc.start(network);
  await expect
    .poll(() => daemon.metric('bootd_dhcp_packets_dropped_total', 'reason="no-server-address"'), {
      timeout: 20_000,
    })
    .toBeGreaterThan(0);
  await client.stop();

  await after('dhcp.socket.opened', () => ip(`addr add 192.168.0.2/24 brd + dev ${BRIDGE}`));
  expect(await problems()).toEqual([]);
  await takeLeaseAndFile('192.168.0.2');
});

test('an interface that was down and comes up again is served as before', async () => {
  await ip(`link set ${BRIDGE} down`);
  await network.client.run('ip', ['link', 'set', 'eth0', 'down']);
  await ip(`link set ${BRIDGE} up`);
  await network.client.run('ip', ['link', 'set', 'eth0', 'up']);
  await network.client.run('ip', ['route', 'replace', '255.255.255.255/32', 'dev', 'eth0']);
  await takeLeaseAndFile('192.168.0.2');
});
