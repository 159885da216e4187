import { SimulatedRack } from './simulated-rack.ts';

/** What became of a rack that was switched on. */
export interface RackReport {
  readonly lines: readonly string[];
  /** What did not go as it should; empty when all is well. */
  readonly problems: readonly string[];
}

const SWITCHED_ON_WITHIN_MS = 2000;
const BOOTED_WITHIN_MS = 1_200_000;
const LEASE_SECONDS = 3600;

/** Machines that are switched on within two seconds, on a wire that loses a packet of two hundred, until each of them has its ramdisk. */
export async function bootRack(machines: number, seed: number): Promise<RackReport> {
  const rack = new SimulatedRack({
    seed,
    machines,
    wire: { lossToClient: 0.005, lossToServer: 0.005, duplicates: 0.001, delayMs: 0.2, jitterMs: 1 },
    disk: { flushMs: 2, jitterMs: 8 },
    leaseSeconds: LEASE_SECONDS,
    kernelOctets: 120_000,
    ramdiskOctets: 240_000,
  });
  const { site } = rack;
  await rack.start();
  for (const each of rack.machines) {
    each.begunAt = site.random() * SWITCHED_ON_WITHIN_MS;
    site.clock.after(each.begunAt, () => each.machine.switchOn());
  }
  let most = 0;
  const isDone = (): boolean => {
    most = Math.max(most, rack.server?.active ?? 0);
    return rack.machines.every(({ verdict }) => verdict !== undefined);
  };
  await site.clock.runSettled(BOOTED_WITHIN_MS, isDone);
  // A last ACK that got lost: the server asks a few times more.
  await site.pass(70_000);
  return reportOn(rack, most);
}

function reportOn(rack: SimulatedRack, mostTransfers: number): RackReport {
  const { site, machines, server } = rack;
  const boots = server?.boots.list({ mac: undefined, node: undefined }) ?? [];
  const seconds = machines
    .flatMap(({ bootedAt, begunAt }) => (bootedAt === undefined ? [] : [(bootedAt - begunAt) / 1000]))
    .sort((a, b) => a - b);
  const at = (share: number): string =>
    (seconds[Math.min(seconds.length - 1, Math.floor(share * seconds.length))] ?? Number.NaN).toFixed(1);
  const stuck = machines.flatMap(({ verdict, machine }) =>
    verdict?.kind === 'kernel'
      ? []
      : [
          `${machine.client.mac}: ${verdict?.kind === 'stuck' ? verdict.reason : (verdict?.kind ?? 'did not end')}`,
        ],
  );
  const withKernel = boots.filter(
    ({ trace }) => trace.phase === 'kernel' || trace.phase === 'ramdisk',
  ).length;
  const problems = [
    ...site.witness.broken,
    ...stuck,
    ...(withKernel === machines.length
      ? []
      : [`${withKernel} of ${machines.length} boot traces say that a kernel was fetched`]),
    ...(server?.active === 0 ? [] : [`${server?.active ?? 0} transfers have not ended`]),
  ];
  const titles = [
    'machines',
    'booted',
    'first, s',
    'half, s',
    '99 of 100, s',
    'last, s',
    'OFFERs',
    'ACKs',
    'NAKs',
    'transfers',
    'at once',
    'problems',
  ];
  const { offers, acks, naks } = site.witness.count;
  const cells = [
    machines.length,
    seconds.length,
    at(0),
    at(0.5),
    at(0.99),
    at(1),
    offers,
    acks,
    naks,
    server?.totals.ended ?? 0,
    mostTransfers,
    problems.length,
  ];
  return {
    lines: [
      `| ${titles.join(' | ')} |`,
      `|${titles.map(() => ' ---: |').join('')}`,
      `| ${cells.join(' | ')} |`,
      ...problems,
    ],
    problems,
  };
}
