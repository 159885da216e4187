import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon, noteConfiguration } from '../lab/daemon.ts';
import { closeLabs, LabNetwork, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';

/** An address of the provisioning wire, and one of a wire that is not there yet and is the same on every wire. */
const GLOBAL = 'fd00:b007::1';
const LINK_LOCAL = 'fe80::b007';
const LATE = 'late0';
const LISTEN = [SERVER_ADDRESS, GLOBAL, `${LINK_LOCAL}%${LATE}`];
const NO_INTERFACE = `there is no interface ${LATE}`;

const able = needs('namespaces', 'udhcpc');
let network: LabNetwork;
let daemon: Daemon;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  for (const namespace of [network.server, network.client]) {
    const settings = ['all', 'default'].map((which) => `net.ipv6.conf.${which}.disable_ipv6=0`);
    await namespace.run('sysctl', ['-qw', ...settings]);
  }
  await network.client.run('ip', ['addr', 'add', '192.168.0.77/24', 'dev', 'eth0']);
  await network.client.run('ip', ['addr', 'add', 'fd00:b007::77/64', 'dev', 'eth0', 'nodad']);
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  const configuration = noteConfiguration(network.folder);
  Object.assign(configuration.tftp, { listen: LISTEN });
  Object.assign(configuration, { 'http-boot': { listen: `[${LINK_LOCAL}%${LATE}]:8080` } });
  daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot, configuration });
});

afterAll(async () => {
  if (able) await daemon.stop();
  await closeLabs();
});

async function ip(...commands: readonly string[]): Promise<void> {
  for (const command of commands) await network.server.run('ip', command.split(' '));
}

/** With addresses that can be used at once: the kernel's own ones are not, until it has looked for duplicates. */
function makeLateWire(): Promise<void> {
  return ip(
    `link add ${LATE} type veth peer name late1 netns ${network.client.name}`,
    `link set ${LATE} addrgenmode none up`,
    `-n ${network.client.name} link set late1 addrgenmode none up`,
    `-n ${network.client.name} addr add fe80::77/64 dev late1 nodad`,
    `addr add ${LINK_LOCAL}/64 dev ${LATE} nodad`,
  );
}

/** What `/readyz` has against TFTP and HTTP boot. */
async function problems(): Promise<readonly string[]> {
  const { body } = await daemon.api('GET', '/readyz');
  const { checks } = body as { checks: { name: string; problems: string[] }[] };
  return checks.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`));
}

/** How long the file is that a real client gets at this address. */
async function fetch(address: string): Promise<number> {
  const to = join(network.folder, 'fetched');
  await network.client.run('busybox', ['tftp', '-g', '-l', to, '-r', '/tftpboot/pxelinux.0', address]);
  return (await readFile(to)).length;
}

const told = (on: string): number =>
  daemon.log('tftp.socket.closed').filter((line) => line['on'] === on).length;

test('IPv6 addresses that are missing at the start are waited for, told once, and keep nobody else from being served', async () => {
  expect(await problems()).toEqual([
    `tftp: cannot bind UDP ${GLOBAL} port 0: address not available (EADDRNOTAVAIL)`,
    `tftp: cannot bind UDP ${LINK_LOCAL}%${LATE} port 0: ${NO_INTERFACE}`,
    `http-boot: cannot listen on [${LINK_LOCAL}%${LATE}]:8080 for http-boot: ${NO_INTERFACE}`,
  ]);
  expect(await fetch(SERVER_ADDRESS)).toBeGreaterThan(0);
  // By then each was tried again at least once.
  await ip(`addr add ${GLOBAL}/64 dev prov0 nodad`);
  await expect.poll(problems, { timeout: 15_000 }).toHaveLength(2);
  expect([told(GLOBAL), told(`${LINK_LOCAL}%${LATE}`)]).toEqual([1, 1]);
  expect(await fetch(GLOBAL)).toBe(await fetch(SERVER_ADDRESS));
});

test('a link-local address is served as soon as its interface is there', async () => {
  await makeLateWire();
  await expect.poll(problems, { timeout: 15_000 }).toEqual([]);
  expect(await fetch(`${LINK_LOCAL}%late1`)).toBe(await fetch(SERVER_ADDRESS));
});

test('and again after its interface was made anew, since sockets stay with the old one', async () => {
  await ip(`link del ${LATE}`);
  await makeLateWire();
  await expect
    .poll(() => daemon.log('tftp.socket.opened').filter(({ on }) => on === `${LINK_LOCAL}%${LATE}`).length, {
      timeout: 15_000,
    })
    .toBe(2);
  await expect.poll(problems, { timeout: 15_000 }).toEqual([]);
  expect(await fetch(`${LINK_LOCAL}%late1`)).toBe(await fetch(SERVER_ADDRESS));
});
