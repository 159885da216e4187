import type { Namespace } from '../test/lab/namespaces.ts';

/** What perfdhcp saw. Times in milliseconds, sorted. */
export interface PerfdhcpReport {
  readonly sent: number;
  /** Exchanges that ended with an ACK. */
  readonly acknowledged: number;
  readonly offerMs: readonly number[];
  readonly ackMs: readonly number[];
}

/** A relay with 3,700 machines that asks for so many leases a second. */
export interface PerfdhcpLoad {
  readonly server: string;
  readonly link: string;
  readonly rate: number;
  readonly seconds: number;
}

/** Runs perfdhcp (Debian's kea-admin) in a namespace to its end. */
export async function perfdhcp(
  namespace: Namespace,
  { server, link, rate, seconds }: PerfdhcpLoad,
): Promise<PerfdhcpReport> {
  // It ends with 3 when anything was lost, which its report says too.
  const command = `nice -n -5 perfdhcp -4 -R 3700 -W 800000 -r ${rate} -p ${seconds} -x t -l ${link} ${server} || test $? = 3`;
  const report = await namespace.run('sh', ['-c', command], { timeoutMs: (seconds + 60) * 1000 });
  const counts = [...report.matchAll(/sent packets: (\d+)\nreceived packets: (\d+)/g)];
  return {
    sent: Number(counts[0]?.[1] ?? 0),
    acknowledged: Number(counts.at(-1)?.[2] ?? 0),
    offerMs: timesOf(report, 'DISCOVER-OFFER'),
    ackMs: timesOf(report, 'REQUEST-ACK'),
  };
}

function timesOf(report: string, exchange: string): readonly number[] {
  const part = report.split('***Timestamps for packets: ').find((text) => text.startsWith(exchange)) ?? '';
  const times = [...part.matchAll(/(\d+\.\d+) \/ (\d+\.\d+)/g)].map(
    ([, from, to]) => (Number(to) - Number(from)) * 1000,
  );
  return times.sort((a, b) => a - b);
}

/** The time that this share of them stays below. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** `p50 / p99` of sorted times. */
export function p50p99(sorted: readonly number[]): string {
  return `${quantile(sorted, 0.5).toFixed(2)} / ${quantile(sorted, 0.99).toFixed(2)}`;
}
