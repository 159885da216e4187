import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon, noteConfiguration } from '../lab/daemon.ts';
import { closeLabs, LabNetwork, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';

// Somebody saves a template with a mistake while a rack is booting.

const able = needs('namespaces', 'udhcpc');
const TRANSFERS = 20;
const MAC = '0c:c4:7a:0e:2b:6b';
const UUID = 'cbe08678-b1be-4683-b8e6-bdc8515890ad';
const CONFIGURATION = 'pxelinux.cfg/01-0c-c4-7a-0e-2b-6b';
/** Some seconds long at blocks of 512 octets, for all of them together. */
const RAMDISK = randomBytes(15_000_000);

let network: LabNetwork;
let daemon: Daemon;
let template: string;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const root = join(network.folder, 'tftpboot');
  const templates = join(network.folder, 'templates');
  await makeSmallRoot(root);
  await writeFile(join(root, 'ramdisk'), RAMDISK, { mode: 0o644 });
  await mkdir(templates);
  template = join(templates, 'pxelinux.tmpl');
  await writeFile(template, 'default good\nkernel {{ profile.kernel }}\n');
  await network.client.run('ip', ['address', 'replace', '192.168.0.60/24', 'dev', 'eth0']);
  daemon = await Daemon.start({
    namespace: network.server,
    folder: network.folder,
    tftpRoot: root,
    configuration: { ...noteConfiguration(network.folder), templates },
  });
  await daemon.apiBody('PUT', `/v1/nodes/${UUID}`, { ports: [{ address: MAC }] });
  await daemon.apiBody('PUT', `/v1/nodes/${UUID}/boot-profile`, { kernel: 'k' });
});

afterAll(closeLabs);

/** Fetches a file into the lab's folder and gives its content. */
async function fetch(name: string, to: string, timeoutMs = 120_000): Promise<Buffer> {
  const file = join(network.folder, to);
  const words = ['tftp', '-b', '512', '-g', '-r', name, '-l', file, SERVER_ADDRESS];
  await network.client.run('busybox', words, { timeoutMs });
  return readFile(file);
}

function activeTransfers(): Promise<number> {
  return daemon.metric('bootd_tftp_transfers_active');
}

test(`a mistake that is saved while ${TRANSFERS} transfers run ends none of them and changes no answer`, async () => {
  const transfers = Array.from({ length: TRANSFERS }, (_, index) => fetch('ramdisk', `ramdisk-${index}`));
  await expect.poll(activeTransfers, { timeout: 30_000, interval: 20 }).toBe(TRANSFERS);

  await writeFile(template, 'default bad\nkernel {{ profile.kernal }}\n');
  const place = `${template}:2:18`;
  const logged = await daemon.waitForLog(({ event }) => event === 'template.failed', 30_000);
  expect(logged).toMatchObject({ level: 'error', file: template, line: 2 });
  expect(logged.message).toContain(`${place}: unknown variable profile.kernal`);
  expect(await activeTransfers()).toBeGreaterThan(0);

  const { status, body } = await daemon.api('GET', '/readyz');
  expect(status).toBe(503);
  const { checks } = body as { checks: { name: string; ok: boolean; problems: string[] }[] };
  const [problem = ''] = checks.find(({ name }) => name === 'templates')?.problems ?? [];
  expect(problem).toContain(place);

  expect(String(await fetch(CONFIGURATION, 'configuration'))).toBe('default good\nkernel k\n');
  for (const content of await Promise.all(transfers)) expect(content.equals(RAMDISK)).toBe(true);
  expect(await daemon.metric('bootd_tftp_transfers_total', 'result="failed"')).toBe(0);
});

test('the mended template is served, and all is well again', async () => {
  await writeFile(template, 'default better\nkernel {{ profile.kernel }}\n');
  await expect.poll(async () => (await daemon.api('GET', '/readyz')).status, { timeout: 30_000 }).toBe(200);
  expect(String(await fetch(CONFIGURATION, 'configuration'))).toBe('default better\nkernel k\n');
});
