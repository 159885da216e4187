import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon, type DaemonOptions } from '../lab/daemon.ts';
import { closeLabs, LabNetwork, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { run, type BackgroundProcess } from '../lab/processes.ts';
import { startDhcpd } from '../lab/reference-servers.ts';
import { Udhcpc, type UdhcpcEvent } from '../lab/udhcpc.ts';

// One machine, one lease, three changes of the server: nobody but the admin notices.

const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));

const able = needs('namespaces', 'udhcpc', 'reference-servers');
let network: LabNetwork;
let options: DaemonOptions;
let daemon: Daemon | undefined;
let dhcpd: BackgroundProcess | undefined;
let client: Udhcpc | undefined;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  options = { namespace: network.server, folder: network.folder, tftpRoot };
});

afterAll(async () => {
  await client?.stop();
  await dhcpd?.stop();
  await daemon?.stop();
  await closeLabs();
});

function bootd(...words: readonly string[]): Promise<string> {
  return run(process.execPath, [PROGRAM, ...words]);
}

async function renewed(machine: Udhcpc): Promise<UdhcpcEvent> {
  machine.renew();
  return machine.next('renew');
}

test('a machine keeps its lease from bootd to dhcpd, and from dhcpd to bootd', async () => {
  const state = join(network.folder, 'state');
  daemon = await Daemon.start(options);
  client = await Udhcpc.start(network);
  const { address } = await client.next('bound');

  const running = await bootd(
    'lease',
    'export',
    '--format',
    'isc',
    '--socket',
    join(network.folder, 'control.sock'),
  );
  await daemon.stop();
  daemon = undefined;
  const exported = await bootd('lease', 'export', '--format', 'isc', '--state-directory', state);
  expect(exported).toBe(running);
  const back = await startDhcpd(network, exported);
  dhcpd = back.process;
  expect(dhcpd.lines.join('\n')).toContain('Wrote 1 leases to leases file.');
  expect(await renewed(client)).toMatchObject({ address, server: SERVER_ADDRESS });
  expect(dhcpd.lines.join('\n')).toMatch(new RegExp(`DHCPACK on ${address.replaceAll('.', '\\.')} to `));

  await dhcpd.stop();
  dhcpd = undefined;
  await bootd('lease', 'import', '--leases', back.leaseFile, '--state-directory', state);
  daemon = await Daemon.start(options);
  expect(await daemon.apiBody('GET', `/v1/leases/${address}`)).toMatchObject({ state: 'bound' });
  expect(await renewed(client)).toMatchObject({ address, server: SERVER_ADDRESS, leaseSeconds: 600 });
});

/** Leases of every kind, as bootd may have them; dhcpd gives up on a lease file with one word that it does not know. */
const LEASES = [
  {
    address: '192.168.0.140',
    hostname: 'a "b" \\ ü',
    vendor_class: 'PXEClient:Arch:00007',
    client_id: '00:ff:22:5c:0a',
  },
  { address: '192.168.0.141', expires_at: null, bootp: true },
  {
    address: '192.168.0.142',
    relay_agent_info: '01:04:00:01:02:ff:02:02:41:42:04:04:00:00:00:07:05:04:0a:00:00:09:13:00:97:01:07',
  },
  { address: '192.168.0.143', relay_agent_info: '04:01:09:05:01:09:13:01:09:0b:04:01:02:03:04:98:00:01:00' },
  { address: '192.168.0.144', expires_at: '2045-01-01T00:00:00.000Z' },
  { address: '192.168.0.145', state: 'released', expires_at: '2026-11-22T12:00:00.000Z' },
  { address: '192.168.0.146', state: 'declined', hardware_type: 0, hardware_address: '' },
  { address: '192.168.0.147', hardware_type: 32, hardware_address: '00:01:02:03:04:05:06:07' },
  { address: '192.168.0.148', hardware_type: 6, hostname: '' },
  { address: '10.9.9.9' },
];

test('dhcpd takes a lease file with leases of every kind, whole', async () => {
  const document = {
    state: 'bound',
    hardware_type: 1,
    hardware_address: '52:54:00:00:00:01',
    client_id: null,
    hostname: null,
    vendor_class: null,
    bootp: false,
    starts_at: '2026-11-22T11:00:00.000Z',
    expires_at: '2036-11-22T12:00:00.000Z',
    last_seen_at: '2026-11-22T11:30:00.000Z',
    relay_agent_info: null,
  };
  const file = join(network.folder, 'leases.json');
  await writeFile(file, JSON.stringify(LEASES.map((lease) => ({ ...document, ...lease }))));
  const state = join(network.folder, 'other-state');
  await run('mkdir', [state]);
  await bootd('lease', 'import', '--leases', file, '--state-directory', state);
  await daemon?.stop();
  daemon = undefined;
  const { process } = await startDhcpd(
    network,
    await bootd('lease', 'export', '--format', 'isc', '--state-directory', state),
  );
  dhcpd = process;
  const said = process.lines.join('\n');
  expect(said).toContain(`Wrote ${LEASES.length - 1} leases to leases file.`);
  expect(said).not.toMatch(/unable to write|corrupt|parse|semicolon|expecting|not declared|line \d+/i);
});
