import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeSmallRoot } from '../lab/boot-root.ts';
import { Daemon } from '../lab/daemon.ts';
import { DhcpCrowd } from '../lab/dhcp-crowd.ts';
import { judgeFlushes, STRACE_OPTIONS } from '../lab/flush-trace.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { widen } from '../lab/wide-configuration.ts';

const MACHINES = 50;
const ACKS = 400;

needs('namespaces', 'strace');
afterAll(closeLabs);

test('every ACK leaves after a flush to stable storage that began when its REQUEST was there: seen by strace', async () => {
  const network = await LabNetwork.open();
  const tftpRoot = join(network.folder, 'tftpboot');
  await makeSmallRoot(tftpRoot);
  const trace = join(network.folder, 'trace');
  const daemon = await Daemon.start({
    namespace: network.server,
    folder: network.folder,
    tftpRoot,
    configuration: await widen(network, 200),
    under: ['strace', '-o', trace, ...STRACE_OPTIONS],
  });
  const crowd = await DhcpCrowd.open(network.client);
  crowd.join({ count: MACHINES, spreadMs: 0, rebootEveryMs: 100 });
  await crowd.waitForMoreAcks(ACKS, 120_000);
  await crowd.close();
  await daemon.stop();

  const report = judgeFlushes(readFileSync(trace, 'latin1'));
  expect(report.acks).toBeGreaterThanOrEqual(ACKS);
  expect(report.unflushed).toEqual([]);
  // Group commit: those that come together share a flush.
  expect(report.flushes).toBeLessThan(report.acks);
});
