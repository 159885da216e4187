import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon, noteConfiguration } from '../lab/daemon.ts';
import { closeLabs, LabNetwork, SERVER_ADDRESS } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';

const able = needs('namespaces');
let daemon: Daemon;

beforeAll(async () => {
  if (!able) return;
  const network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  const configuration = noteConfiguration(network.folder);
  Object.assign(configuration, {
    http: { listen: `${SERVER_ADDRESS}:8067` },
    'http-boot': { listen: `${SERVER_ADDRESS}:8080` },
  });
  daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot, configuration });
});

afterAll(async () => {
  if (able) await daemon.stop();
  await closeLabs();
});

/** How often all threads of a process have waited for something so far, each of which ended with a wake. */
function waits(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))
    .reduce((sum, status) => sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]), 0);
}

test('a daemon that serves everything and is asked nothing wakes less than 20 times a second', async () => {
  // What is put off until after the start is done by then, soon or late.
  await expect
    .poll(
      async () => {
        const [before, since] = [waits(daemon.pid), performance.now()];
        await sleep(5000);
        return (waits(daemon.pid) - before) / ((performance.now() - since) / 1000);
      },
      { timeout: 60_000, interval: 0 },
    )
    .toBeLessThan(20);
});
