/**
 * Usage: npx tsx bench/dhcp/conflict-check.ts [SECONDS]
 *
 * What conflict checks of newcomers cost everybody else: the time from REQUEST to ACK of machines that ask for their lease
 * again and again, alone and while addresses are being checked for others, which takes a second each since nobody answers.
 * Runs the built daemon in network namespaces; needs root, iproute2, ethtool, tcpdump.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon } from '../../test/lab/daemon.ts';
import { DhcpCrowd } from '../../test/lab/dhcp-crowd.ts';
import { LabNetwork } from '../../test/lab/namespaces.ts';
import { widen } from '../../test/lab/wide-configuration.ts';

const HOLDERS = 100;
const ASK_EVERY_MS = 500;
const NEWCOMERS_PER_SECOND = 100;

const seconds = Number(process.argv[2] ?? 20);

function quantile(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor(sorted.length * share)] ?? NaN).toFixed(2);
}

function row(what: string, ms: readonly number[]): string {
  const sorted = ms.toSorted((a, b) => a - b);
  const cells = [0.5, 0.9, 0.99].map((share) => quantile(sorted, share));
  return `| ${what} | ${sorted.length} | ${cells.join(' | ')} |`;
}

/** Times of those who have a lease already, while `others` happens. */
async function measure(crowd: DhcpCrowd, others: () => void): Promise<readonly number[]> {
  const holders = new Set([...crowd.leases().keys()].slice(0, HOLDERS));
  const from = crowd.events().length;
  for (let second = 0; second < seconds; second += 1) {
    others();
    await sleep(1000);
  }
  return crowd
    .events()
    .slice(from)
    .flatMap(({ kind, mac, ms }) => (kind === 'ack' && ms !== undefined && holders.has(mac) ? [ms] : []));
}

async function main(): Promise<void> {
  const network = await LabNetwork.open();
  try {
    const tftpRoot = join(network.folder, 'tftpboot');
    await mkdir(tftpRoot);
    const wide = await widen(network, 20_000);
    const configuration = { ...wide, tftp: { root: '/tftpboot' }, 'log-level': 'info' };
    const daemon = await Daemon.start({
      namespace: network.server,
      folder: network.folder,
      tftpRoot,
      configuration,
    });
    const crowd = await DhcpCrowd.open(network.client);
    crowd.join({ count: HOLDERS, spreadMs: 500, rebootEveryMs: ASK_EVERY_MS });
    await crowd.waitForLeases(HOLDERS, 60_000);
    await sleep(2000);
    const alone = await measure(crowd, () => undefined);
    const beside = await measure(crowd, () => crowd.join({ count: NEWCOMERS_PER_SECOND, spreadMs: 1000 }));
    console.log('| REQUEST to ACK, milliseconds | ACKs | p50 | p90 | p99 |\n|---|---|---|---|---|');
    console.log(row('no checks', alone));
    console.log(row(`${NEWCOMERS_PER_SECOND} newcomers a second, so as many checks under way`, beside));
    await crowd.close();
    await daemon.stop();
  } finally {
    await network.close();
  }
}

await main();
