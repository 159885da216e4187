import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon } from '../lab/daemon.ts';
import { closeLabs, LabNetwork, type Namespace } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';

// `bootd probe` plays a machine on a real wire, from a host that is not the server's.

const able = needs('namespaces');
const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));
const MAC = '0c:c4:7a:0e:2b:6b';
const UUID = 'cbe08678-b1be-4683-b8e6-bdc8515890ad';

let network: LabNetwork;
let daemon: Daemon;
let config: string;

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  const root = join(network.folder, 'tftpboot');
  await makeSmallRoot(root);
  for (const name of ['pxelinux.0', 'ldlinux.c32', 'kernel', 'ramdisk']) {
    await writeFile(join(root, name), name.repeat(10_000), { mode: 0o644 });
  }
  for (const name of ['bootx64.efi', 'grubx64.efi']) {
    await writeFile(join(root, name), `MZ${name.repeat(10_000)}`, { mode: 0o644 });
  }
  daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot: root });
  config = join(network.folder, 'bootd.yaml');
  await daemon.apiBody('PUT', `/v1/nodes/${UUID}`, { ports: [{ address: MAC }] });
  await daemon.apiBody('PUT', `/v1/nodes/${UUID}/boot-profile`, {
    kernel: 'kernel',
    ramdisk: 'ramdisk',
    policy: 'once',
  });
});

afterAll(closeLabs);

interface ProbeRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function probe(namespace: Namespace, ...words: readonly string[]): Promise<ProbeRun> {
  const command = ['netns', 'exec', namespace.name, process.execPath, PROGRAM, 'probe'];
  const child = spawn('ip', [...command, '--config', config, '--mac', MAC, ...words], { timeout: 60_000 });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

async function leaseStates(): Promise<readonly unknown[]> {
  const { leases } = (await daemon.apiBody('GET', `/v1/leases?mac=${MAC}`)) as {
    leases: { state: string }[];
  };
  return leases.map(({ state }) => state);
}

test('on the host of the server it says what to do instead', async () => {
  const { code, err } = await probe(network.server);
  expect(code).toBe(2);
  expect(err).toContain('serves prov0, and a host does not hear its own broadcasts');
  expect(err).toContain('--interface');
});

test('without an address for TFTP it says so, and gives its lease back', async () => {
  const { code, out, err } = await probe(network.client, '--interface', 'eth0');
  expect(code).toBe(2);
  expect(out).toMatch(/lease +192\.168\.0\.\d+ for 600 s from 192\.168\.0\.1/);
  expect(err).toMatch(/interface eth0 has no address .*ip address add 192\.168\.0\.\d+\/24 dev eth0/);
  expect(await leaseStates()).toEqual(['released']);
});

test.each(['bios', 'uefi-x64', 'bootp'])(
  'it plays a %s machine from DISCOVER to ramdisk',
  async (firmware) => {
    await network.client.run('ip', ['address', 'replace', '192.168.0.60/24', 'dev', 'eth0']);
    const { code, out, err } = await probe(
      network.client,
      '--interface',
      'eth0',
      '--arch',
      firmware,
      '--json',
    );
    expect(code, out + err).toBe(0);
    const report = JSON.parse(out) as {
      booted: boolean;
      as_expected: boolean;
      steps: Record<string, unknown>[];
    };
    const { booted, steps } = report;
    expect(booted).toBe(true);
    expect(report.as_expected, out).toBe(true);
    expect(steps).toContainEqual(expect.objectContaining({ step: 'check', what: 'kernel', ok: true }));
    // Rendered for it, or from disk: each file was compared with what the daemon serves this machine.
    expect(steps.filter(({ step, as_expected }) => step === 'file' && as_expected !== true)).toEqual([]);
    const files = steps.filter(({ step, result }) => step === 'file' && result === 'served');
    expect(files.at(-1)).toMatchObject({ purpose: 'ramdisk', octets: 70_000 });
    expect(files.some(({ content }) => String(content).includes(`rendered by bootd for ${MAC}`))).toBe(true);
    expect(await leaseStates()).not.toContain('bound');
  },
);

test('the one boot of policy once is still to come, and every trace says that it was a probe', async () => {
  const { boots } = (await daemon.apiBody('GET', `/v1/boots?mac=${MAC}`)) as { boots: { probe: boolean }[] };
  expect(boots.length).toBeGreaterThan(0);
  expect(boots.filter((boot) => !boot.probe)).toEqual([]);
  expect(await daemon.apiBody('GET', `/v1/nodes/${UUID}/boot-profile`)).toMatchObject({ done_at: null });
  expect(await daemon.apiBody('GET', '/v1/probes')).toEqual({ probes: [] });
});
