import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BootClients } from '../lab/boot-clients.ts';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import type { BackgroundProcess } from '../lab/processes.ts';
import { findProgram } from '../lab/tools.ts';

// docs/migrating.md, typed as it stands, on a host with the application note's dhcpd: there, and back.

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

const XINETD_CONF = `service tftp
{
  server = /usr/sbin/in.tftpd
  server_args = -v -v -v --map-file /tftpboot/map-file /tftpboot
  disable = no
}
`;

/**
 * There is no systemd in a namespace, so `systemctl` is played: dhcpd, and the command line of bootd.service. What it starts outlives
 * the shell.
 */
const PRELUDE = `
PATH=${PROJECT}bin:$PATH
until_line() { for i in $(seq 300); do grep -q "$1" "$2" 2>/dev/null && return; sleep 0.2; done; return 1; }
until_gone() { for i in $(seq 300); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.1; done; return 1; }
systemctl() {
  case "$*" in
    'enable --now dhcpd xinetd') "$LAB/dhcpd" -4 -q -cf /etc/dhcp/dhcpd.conf -lf /var/lib/dhcpd/dhcpd.leases -pf "$LAB/dhcpd.pid" prov0 ;;
    'disable --now dhcpd xinetd') pid=$(cat "$LAB/dhcpd.pid"); kill "$pid"; until_gone "$pid" ;;
    'enable --now bootd') bootd serve --config /etc/bootd/bootd.yaml >/var/log/bootd.log & echo $! >"$LAB/bootd.pid"; until_line daemon.ready /var/log/bootd.log ;;
    'disable --now bootd') pid=$(cat "$LAB/bootd.pid"); kill "$pid"; until_gone "$pid" ;;
    *) echo "systemctl $* is not played" >&2; return 1 ;;
  esac
}
set -e
`;

const able = needs('namespaces', 'reference-servers');
let network: LabNetwork;
let clients: BootClients | undefined;
const shells: BackgroundProcess[] = [];

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  await makeSmallRoot(at('tftpboot'));
  for (const folder of ['etc/dhcp', 'etc/xinetd.d', 'var/lib/dhcpd', 'var/log', 'run']) {
    await mkdir(at(folder), { recursive: true });
  }
  await copyFile(join(PROJECT, 'test/data/dhcpd-conf/01-seed.conf'), at('etc/dhcp/dhcpd.conf'));
  await writeFile(at('etc/xinetd.d/tftp'), XINETD_CONF);
  await writeFile(at('etc/passwd'), 'root:x:0:0::/root:/bin/sh\nbootd:x:900:900::/:/bin/sh\n');
  await writeFile(at('etc/group'), 'root:x:0:\nbootd:x:900:\n');
  await writeFile(at('var/lib/dhcpd/dhcpd.leases'), '');
  // A copy: AppArmor's profile goes by the program's path and would keep it out of this folder.
  await copyFile(findProgram('dhcpd') ?? 'dhcpd', at('dhcpd'));
  clients = await BootClients.open(network.client);
});

afterAll(async () => {
  await clients?.close();
  for (const shell of shells) await shell.stop('SIGKILL');
  await closeLabs();
});

function at(path: string): string {
  return join(network.folder, path);
}

/** A shell with this text; /etc and the rest are those of the test. */
function start(text: string): BackgroundProcess {
  const views = Object.fromEntries(['tftpboot', 'etc', 'var', 'run'].map((name) => [`/${name}`, at(name)]));
  const words = ['-c', `${PRELUDE}${text}`];
  const shell = network.server.startInView('shell', views, 'bash', words, { LAB: network.folder });
  shells.push(shell);
  return shell;
}

/** Its lines, once it has come to its end without a failure. */
async function typed(text: string): Promise<string> {
  const shell = start(`${text}\necho "the end"`);
  await shell.waitForLine(/^the end$/, 120_000);
  return shell.lines.join('\n');
}

/** The block of the document that has this in it, with the lab's interface for the controller's. */
async function block(mark: string): Promise<string> {
  const text = await readFile(join(PROJECT, 'docs/migrating.md'), 'utf8');
  const found = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, lines = '']) => lines);
  const [one] = found.filter((lines) => lines.includes(mark));
  if (one === undefined) throw new Error(`docs/migrating.md has no block with ${mark}`);
  return one.replaceAll('br-prov', 'prov0');
}

async function boot(mac: string): Promise<void> {
  expect(await clients?.boot('bios', mac)).toMatchObject({ failure: undefined });
}

test('the text of docs/migrating.md, from dhcpd to bootd and back', async () => {
  await typed('systemctl enable --now dhcpd xinetd');
  await boot('52:54:00:00:05:01');

  const imported = await typed(`${await block('bootd import --dhcpd-conf')}${await block('bootd check')}`);
  expect(imported).toMatch(/^0$/m);
  expect(imported).toContain('/etc/bootd/bootd.yaml: no problems found');
  expect(imported).toContain('mapped to "/tftpboot/pxelinux.0"');

  const [serve = '', ...asking] = (await block('bootd observe report')).split('\n');
  const pause = `until_line daemon.ready /var/log/bootd-rehearsal.log; echo "it listens"; until_line "^on$" "$LAB/go"`;
  const rehearsal = start(`${[serve, pause, ...asking].join('\n')}\nwait %1; echo "ended with $?"`);
  await rehearsal.waitForLine(/^it listens$/, 60_000);
  await boot('52:54:00:00:05:02');
  await writeFile(at('go'), 'on\n');
  await rehearsal.waitForLine(/^ended with 0$/, 60_000);
  expect(rehearsal.lines.filter((line) => line === 'No differences.').length).toBeGreaterThan(1);
  expect(rehearsal.lines.join('\n')).toMatch(/Rehearsal beside 192\.168\.0\.1: [2-9] answers to 1 machines/);

  const moved = await typed(await block('bootd lease import --config'));
  expect(moved).toMatch(/52:54:00:00:05:01/);
  expect(moved).toMatch(/52:54:00:00:05:02/);
  await boot('52:54:00:00:05:03');

  await typed(await block('bootd lease export --state-directory'));
  const leases = await readFile(at('var/lib/dhcpd/dhcpd.leases'), 'utf8');
  for (const last of ['1', '2', '3']) expect(leases).toContain(`hardware ethernet 52:54:00:00:05:0${last};`);
  await boot('52:54:00:00:05:01');
  await typed('systemctl disable --now dhcpd xinetd');
});
