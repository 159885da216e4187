import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Daemon, noteConfiguration } from '../lab/daemon.ts';
import { closeLabs, LabNetwork, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { run } from '../lab/processes.ts';
import { judge } from './folder.ts';

const CLIENTS = 64;
const LOSS_PERCENT = 5;

/** A quarter of the usual: a client that fell silent is given up after 63 times as long. */
const RETRANSMIT_SECONDS = 0.25;

const able = needs('namespaces', 'compiler', 'packet-loss');
let network: LabNetwork;
let daemon: Daemon;
let load = '';

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open();
  load = join(network.folder, 'tftpload');
  await run('gcc', ['-O2', '-o', load, judge('bench/tftpload.c')]);
  const root = join(network.folder, 'tftpboot');
  mkdirSync(root);
  for (const folder of [network.folder, root]) chmodSync(folder, 0o755);
  writeFileSync(join(root, 'image'), randomBytes(300_000));
  const configuration = noteConfiguration(network.folder);
  daemon = await Daemon.start({
    namespace: network.server,
    folder: network.folder,
    tftpRoot: root,
    configuration: { ...configuration, tftp: { root: '/tftpboot', retransmit: RETRANSMIT_SECONDS } },
  });
  await network.client.run('ip', ['addr', 'add', '192.168.0.77/24', 'dev', 'eth0']);
  // Each end loses what comes to it, requests and last ACKs not excepted.
  for (const namespace of [network.client, network.server]) {
    await namespace.run('nft', ['-f', '-'], { input: lossyInput() });
  }
});

afterAll(closeLabs);

function lossyInput(): string {
  return `table inet wire {
    chain input {
      type filter hook input priority 0
      meta l4proto udp numgen random mod 100 < ${LOSS_PERCENT} counter drop
    }
  }
  `;
}

interface LoadResult {
  readonly completed: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
}

/** The load generator compares each block with the file, and the number of octets with `tsize`. */
async function fetchByAll(windowSize: number): Promise<LoadResult> {
  const image = join(network.folder, 'tftpboot', 'image');
  const windows = windowSize === 1 ? [] : ['--windowsize', String(windowSize)];
  const report = await network.client.run(
    load,
    [
      ...['--server', SERVER_ADDRESS, '--file', `image=${image}`, '--conc', String(CLIENTS)],
      ...['--blksize', '1408', '--tsize', ...windows],
      // Six attempts in a row fail once in a million times; on a slow machine each may be late as well.
      ...['--retries', '12', '--xfer-timeout', '400'],
    ],
    { timeoutMs: 500_000 },
  );
  return JSON.parse(report) as LoadResult;
}

test.each([1, 16])(
  `${CLIENTS} clients with windows of %d lose ${LOSS_PERCENT} percent each way: every file arrives intact`,
  async (windowSize) => {
    const before = await daemon.metric('bootd_tftp_retransmissions_total');
    expect(await fetchByAll(windowSize)).toMatchObject({ completed: CLIENTS, failed: 0, failures: {} });
    // A wire that loses nothing would prove nothing.
    await expect
      .poll(() => daemon.metric('bootd_tftp_retransmissions_total'), { timeout: 90_000 })
      .toBeGreaterThan(before + CLIENTS);
    // The last ACK of some is lost, and they are gone: they too are forgotten in time.
    await expect
      .poll(() => daemon.metric('bootd_tftp_transfers_active'), { timeout: 90_000, interval: 500 })
      .toBe(0);
  },
);
