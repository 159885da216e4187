import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon, type Configuration } from '../lab/daemon.ts';
import { DhcpCrowd } from '../lab/dhcp-crowd.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { widen } from '../lab/wide-configuration.ts';

const MACHINES = 1000;
const POOL = 2000;
const TIMEOUT_MS = 120_000;

const able = needs('namespaces');
let network: LabNetwork;
let daemon: Daemon;
let crowd: DhcpCrowd;
let configuration: Configuration;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  configuration = await widen(network, POOL);
  daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot, configuration });
  crowd = await DhcpCrowd.open(network.client);
});

afterAll(async () => {
  if (able) await crowd.close();
  await closeLabs();
});

function withDhcp(changes: Record<string, unknown>): Configuration {
  return { ...configuration, dhcp: { ...configuration.dhcp, ...changes } };
}

async function write(text: string): Promise<void> {
  await writeFile(join(network.folder, 'bootd.yaml'), text);
}

test(
  `${MACHINES} machines that boot while the configuration is replaced again and again all get an address of their own`,
  async () => {
    crowd.join({ count: MACHINES, spreadMs: 3000 });
    let reloads = 0;
    for (let isThrough = false; !isThrough && reloads < 200; reloads += 1) {
      // The pool grows and shrinks above the part that all of them need; options and times change with it.
      const last = reloads % 2 === 0 ? '10.20.12.255' : '10.20.8.207';
      const subnets = [{ subnet: '10.20.0.0/16', ranges: [{ range: `10.20.1.0-${last}` }] }];
      await write(
        stringify(withDhcp({ subnets, 'max-lease-time': 7200 + reloads, 'ping-check': reloads % 3 === 0 })),
      );
      expect((await daemon.api('POST', '/v1/reload', {})).status).toBe(200);
      isThrough = crowd.leases().size >= MACHINES;
    }
    await crowd.waitForLeases(MACHINES, TIMEOUT_MS);
    expect(reloads).toBeGreaterThan(3);
    expect(crowd.events().filter(({ kind }) => kind === 'nak')).toEqual([]);
    expect(crowd.sharedAddresses()).toEqual([]);
    expect(daemon.log().filter(({ level }) => level === 'error')).toEqual([]);
  },
  TIMEOUT_MS * 2,
);

test(
  'a bad file changes nothing, shows where it is wrong, and is forgotten when a good one comes',
  async () => {
    await write(`${stringify(configuration)}nonsense: [\n`);
    const refused = await daemon.waitForLog(({ event }) => event === 'config.reload.refused', TIMEOUT_MS);
    expect(refused['cause']).toBe('file');
    expect(refused.message).toMatch(/bootd\.yaml:\d+:\d+: /);
    const { status, body } = await daemon.api('GET', '/readyz');
    expect(status).toBe(503);
    expect(JSON.stringify(body)).toContain('bootd.yaml:');
    expect(await daemon.api('POST', '/v1/reload', { dry_run: true })).toMatchObject({
      status: 422,
      body: { code: 'configuration-refused' },
    });
    const before = crowd.leases().size;
    crowd.join({ count: 20, spreadMs: 100 });
    await crowd.waitForLeases(before + 20, TIMEOUT_MS);

    const count = daemon.log('config.reloaded').length;
    await write(stringify({ ...withDhcp({ port: 6767, 'max-lease-time': 9000 }) }));
    await daemon.waitForLog(
      ({ event, restart }) => event === 'config.reloaded' && JSON.stringify(restart) === '["dhcp.port"]',
      TIMEOUT_MS,
    );
    expect(daemon.log('config.reloaded').length).toBeGreaterThan(count);
    expect((await daemon.api('GET', '/readyz')).status).toBe(200);
    // The socket is the old one.
    crowd.join({ count: 20, spreadMs: 100 });
    await crowd.waitForLeases(before + 40, TIMEOUT_MS);
  },
  TIMEOUT_MS * 3,
);
