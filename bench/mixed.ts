/**
 * Usage: npx tsx bench/mixed.ts [MACHINES] [DORAS-PER-SECOND]
 *
 * Everything at once: so many machines (default 50) are switched on in the same moment and boot whole, each with four files over
 * TFTP, while a relay asks for so many leases a second (default 2,000), and beside them a rack of 500 boots in the simulation. Prints
 * what the relay's machines waited for, and fails where that is more than 50 ms (p99) or anything is lost. The daemon has
 * served some machines before. Runs the built daemon in network namespaces; needs root, iproute2,
 * ethtool, tcpdump, perfdhcp (package kea-admin).
 */
import { bootAll, BootSite, BOOT_FILES } from './boot-site.ts';
import { p50p99, perfdhcp, quantile } from './perfdhcp.ts';
import { run } from '../test/lab/processes.ts';
import { WIDE_SERVER_ADDRESS } from '../test/lab/wide-configuration.ts';

const SECONDS = 15;
const P99_MS = 50;
const WARM_UP_RATE = 500;
const WARM_UP_SECONDS = 4;

const machines = Number(process.argv[2] ?? 50);
const rate = Number(process.argv[3] ?? 2000);

const site = await BootSite.open();
try {
  const daemon = await site.start();
  const crowd = await site.openCrowd();
  const load = { server: WIDE_SERVER_ADDRESS, link: 'eth0', rate, seconds: SECONDS };
  // A daemon that has just been started spends its first busy second in V8's compiler; bench/dhcp/by-rate.sh shows that.
  await perfdhcp(site.network.client, { ...load, rate: WARM_UP_RATE, seconds: WARM_UP_SECONDS });
  const startedAt = performance.now();
  let bootedAt = Number.NaN;
  const simulate = [
    '-n',
    '15',
    'npm',
    'run',
    '--silent',
    'simulate',
    '--',
    '--scenario',
    'rack',
    '--machines',
    '500',
  ];
  const [report, booted] = await Promise.all([
    perfdhcp(site.network.client, load),
    bootAll(crowd, machines, 120_000).then((all) => {
      bootedAt = performance.now();
      return all;
    }),
    // Ends with an error when one of them does not boot.
    run('nice', simulate, { timeoutMs: 120_000 }),
  ]);
  await crowd.close();
  await daemon.stop();
  const seconds = ((bootedAt - startedAt) / 1000).toFixed(1);
  console.log('| beside each other | how many | OFFER p50 / p99 ms | ACK p50 / p99 ms |\n|---|---|---|---|');
  console.log(
    `| ${rate} DORA/s for ${SECONDS} s | ${report.acknowledged} of ${report.sent} | ${p50p99(report.offerMs)} | ${p50p99(report.ackMs)} |`,
  );
  const offers = booted.map(({ offerMs }) => offerMs).sort((a, b) => a - b);
  const acks = booted.map(({ ackMs }) => ackMs).sort((a, b) => a - b);
  console.log(
    `| ${machines} machines at once, ${machines * BOOT_FILES.length} files, in ${seconds} s | ${booted.length} of ${machines} | ${p50p99(offers)} | ${p50p99(acks)} |`,
  );
  const worst = Math.max(quantile(report.offerMs, 0.99), quantile(report.ackMs, 0.99));
  const lost = report.sent - report.acknowledged;
  if (!(worst < P99_MS) || lost > report.sent * 0.005) {
    console.error(
      `missed: p99 ${worst.toFixed(1)} ms of ${P99_MS}, ${lost} of ${report.sent} exchanges lost`,
    );
    process.exitCode = 1;
  }
} finally {
  await site.close();
}
