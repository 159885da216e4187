/**
 * Usage: npx tsx bench/growth.ts
 *
 * What more work costs: 1, 10, 100 and 1,000 machines that are switched on at once, and stores of 100 to 200,000 leases. Runs
 * the built daemon in network namespaces; needs root, iproute2, ethtool, tcpdump, perfdhcp (package kea-admin).
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootAll, BootSite } from './boot-site.ts';
import { p50p99, perfdhcp } from './perfdhcp.ts';
import { formatIpv4, ipv4FromNumber } from '../src/addr/ipv4.ts';
import { readVitals } from '../test/lab/vitals.ts';
import { WIDE_SERVER_ADDRESS } from '../test/lab/wide-configuration.ts';

const BOOTD = fileURLToPath(new URL('../bin/bootd', import.meta.url));

/** 10.20.1.0, and a network that holds all leases and 3,700 machines more. */
const FIRST_ADDRESS = 0x0a_14_01_00;
const WIDE_SUBNET = { subnet: '10.20.0.0/14', ranges: [{ range: '10.20.1.0-10.23.255.254' }] };

/** Milliseconds of processor time that a process has used. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function machinesAtOnce(count: number): Promise<void> {
  const site = await BootSite.open();
  try {
    const daemon = await site.start();
    const crowd = await site.openCrowd();
    const before = processorMs(daemon.pid);
    const startedAt = performance.now();
    const booted = await bootAll(crowd, count, 300_000);
    const seconds = (performance.now() - startedAt) / 1000;
    const cost = (processorMs(daemon.pid) - before) / count;
    const acks = booted.map(({ ackMs }) => ackMs).sort((a, b) => a - b);
    const octets = booted.reduce((sum, one) => sum + one.octets, 0);
    const { peakMiB } = readVitals(daemon.pid);
    const cells = [
      seconds.toFixed(2),
      p50p99(acks),
      (octets / 1e6 / seconds).toFixed(0),
      cost.toFixed(1),
      peakMiB.toFixed(0),
    ];
    console.log(`| ${count} | ${cells.join(' | ')} |`);
    await crowd.close();
    await daemon.stop();
  } finally {
    await site.close();
  }
}

/** So many leases as ISC dhcpd would have written them. */
function leaseFile(count: number): string {
  const ends = new Date(Date.now() + 86_400_000)
    .toISOString()
    .slice(0, 19)
    .replaceAll('-', '/')
    .replace('T', ' ');
  let text = '';
  for (let number = 0; number < count; number += 1) {
    const address = formatIpv4(ipv4FromNumber(FIRST_ADDRESS + number));
    const mac = [number >> 16, number >> 8, number]
      .map((part) => (part & 255).toString(16).padStart(2, '0'))
      .join(':');
    text += `lease ${address} {\n  starts 0 2026/11/22 00:00:00;\n  ends 0 ${ends};\n  binding state active;\n  hardware ethernet 02:1e:a5:${mac};\n}\n`;
  }
  return text;
}

async function leasesInStore(count: number): Promise<void> {
  const site = await BootSite.open();
  try {
    const { folder, client } = site.network;
    const leases = join(folder, 'dhcpd.leases');
    writeFileSync(leases, leaseFile(count));
    const state = join(folder, 'state');
    execFileSync(process.execPath, [
      BOOTD,
      'lease',
      'import',
      '--leases',
      leases,
      '--state-directory',
      state,
    ]);
    rmSync(leases);
    const startedAt = performance.now();
    const daemon = await site.start({ subnets: [WIDE_SUBNET] });
    const readyMs = performance.now() - startedAt;
    const { residentMiB } = readVitals(daemon.pid);
    await client.run('ip', ['addr', 'add', '10.20.0.2/14', 'brd', '+', 'dev', 'eth0']);
    const load = { server: WIDE_SERVER_ADDRESS, link: 'eth0', rate: 200, seconds: 5 };
    const report = await perfdhcp(client, load);
    const cells = [
      (readyMs / 1000).toFixed(2),
      residentMiB.toFixed(0),
      p50p99(report.offerMs),
      p50p99(report.ackMs),
    ];
    console.log(`| ${count} | ${cells.join(' | ')} | ${report.acknowledged} of ${report.sent} |`);
    await daemon.stop();
  } finally {
    await site.close();
  }
}

console.log(
  '| machines at once | seconds until all have booted | ACK p50 / p99 ms | MB/s | CPU ms per boot | peak MiB |\n|---|---|---|---|---|---|',
);
for (const count of [1, 10, 100, 1000]) await machinesAtOnce(count);
console.log(
  '\n| leases | seconds to ready | MiB at start | OFFER p50 / p99 ms at 200 DORA/s | ACK p50 / p99 ms | ACKs |\n|---|---|---|---|---|---|',
);
for (const count of [100, 1000, 10_000, 100_000, 200_000]) await leasesInStore(count);
