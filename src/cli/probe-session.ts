import type { Ipv4 } from '../addr/ipv4.ts';
import type { NodeUdpPort } from '../io/node-udp-port.ts';
import type { BootOffer } from '../probe/boot-offer.ts';
import type { BootVerdict, FileAnswer, LoaderFacts } from '../probe/file-request.ts';
import { briskTimes } from '../probe/firmware-client.ts';
import {
  FIRMWARE_SHAPES,
  type FirmwareShape,
  type FirmwareShapeName,
  type ProbeMachine,
} from '../probe/firmware-shapes.ts';
import { bootMachine } from '../probe/loader-client.ts';
import { ControlClient } from './control-client.ts';
import { fetchFile, playFirmware } from './machine-player.ts';
import type { MachineWire } from './machine-wire.ts';
import { checkAgainstNode, compareFile, readExpectations } from './probe-comparison.ts';
import { announceProbe, endProbe, giveBackLease, type FootprintNote } from './probe-footprint.ts';
import type { ProbeEvent } from './probe-report.ts';

/** Everything that is fixed before a machine is played. */
export interface ProbePlan {
  readonly wire: MachineWire;
  readonly machine: ProbeMachine;
  readonly firmware: FirmwareShapeName;
  readonly ports: { readonly dhcp: number; readonly tftp: number };
  /** Asked, where somebody answers there, for what must not be touched. */
  readonly controlSocket: string;
  /** The server's own, to read names of images with it in front. */
  readonly tftpRoot: string | undefined;
  readonly grubPrefix: string;
  readonly realPace: boolean;
  readonly keepLease: boolean;
  readonly randomXid: () => number;
}

/** Holds a file against what the daemon serves. */
type Comparer = (asked: Parameters<typeof compareFile>[2], from: Ipv4) => ReturnType<typeof compareFile>;

/** Firmware, iPXE, and iPXE once more: a server that goes on answering with iPXE does so for ever. */
const MOST_ROUNDS = 3;

/**
 * Plays a machine from its first packet to its ramdisk and tells each step. Undefined when DHCP did not come to a lease.
 * Rejects with IoError or UsageError when this host cannot play it. Nothing is left behind: the daemon knows that it is a
 * probe, and leases are given back, unless the plan says otherwise or the machine itself holds them.
 */
export async function playMachine(
  plan: ProbePlan,
  tell: (event: ProbeEvent) => void,
): Promise<BootVerdict | undefined> {
  const control = new ControlClient(plan.controlSocket);
  const port = await plan.wire.openDhcp();
  const { footprint, note } = await announceProbe(control, plan.machine.mac, plan.wire.ownAddress);
  tellNote(note, tell);
  const isAnnounced = footprint.announcement !== undefined;
  const expected = isAnnounced ? await readExpectations(control, plan.machine.mac) : undefined;
  const taken = new Map<Ipv4, { readonly shape: FirmwareShape; readonly lease: BootOffer }>();
  let lastLease: BootOffer | undefined;
  try {
    const compare: Comparer = (asked, from) => compareFile(control, footprint.announcement, asked, from);
    const verdict = await playRounds(plan, port, tell, compare, (shape, lease) => {
      taken.set(lease.address, { shape, lease });
      lastLease = lease;
    });
    if (verdict !== undefined) tell({ kind: 'verdict', verdict });
    if (verdict !== undefined && expected !== undefined && lastLease !== undefined) {
      for (const check of checkAgainstNode(expected, lastLease, verdict, plan.tftpRoot))
        tell({ kind: 'check', check });
    }
    return verdict;
  } finally {
    for (const { shape, lease } of taken.values()) {
      if (plan.keepLease) break;
      const means = {
        shape,
        machine: plan.machine,
        port,
        releaseTo: plan.wire.releaseTo,
        serverPort: plan.ports.dhcp,
        xid: plan.randomXid(),
      };
      tellNote(await giveBackLease(lease, { ...means, control, footprint }), tell);
    }
    tellNote(await endProbe(control, footprint), tell);
    await port.close();
  }
}

/** The firmware, and after it iPXE where that is what it loads. */
async function playRounds(
  plan: ProbePlan,
  port: NodeUdpPort,
  tell: (event: ProbeEvent) => void,
  compare: Comparer,
  keep: (shape: FirmwareShape, lease: BootOffer) => void,
): Promise<BootVerdict | undefined> {
  let firmware = plan.firmware;
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    const shape = FIRMWARE_SHAPES[firmware];
    tell({ kind: 'round', title: `${plan.machine.mac}, ${shape.title}, on ${plan.wire.title}` });
    const lease = await takeLease(plan, shape, port, tell);
    if (lease === undefined) return undefined;
    keep(shape, lease);
    const verdict = await bootWith(plan, firmware, lease, compare, tell);
    if (verdict.kind !== 'ipxe') return verdict;
    firmware = verdict.shape;
  }
  const reason = 'iPXE is told to load iPXE again, without end: give it a script (filename-by-arch: ipxe)';
  return { kind: 'stuck', reason };
}

function tellNote(note: FootprintNote | undefined, tell: (event: ProbeEvent) => void): void {
  if (note !== undefined) tell({ kind: 'note', note });
}

async function takeLease(
  plan: ProbePlan,
  shape: FirmwareShape,
  port: NodeUdpPort,
  tell: (event: ProbeEvent) => void,
): Promise<BootOffer | undefined> {
  return playFirmware(
    port,
    { address: plan.wire.dhcpTo, port: plan.ports.dhcp },
    {
      shape,
      machine: plan.machine,
      times: plan.realPace ? shape.times : briskTimes(shape.times),
      xid: plan.randomXid(),
      forceBroadcast: plan.wire.forceBroadcast,
    },
    (step) => tell({ kind: 'firmware', step }),
  );
}

/** Asks for file after file, as the loader wants them. */
async function bootWith(
  plan: ProbePlan,
  firmware: FirmwareShapeName,
  lease: BootOffer,
  compare: Comparer,
  tell: (event: ProbeEvent) => void,
): Promise<BootVerdict> {
  const facts: LoaderFacts = { firmware, machine: plan.machine, lease, grubPrefix: plan.grubPrefix };
  const from = plan.wire.transferAddress(lease.address);
  const boot = bootMachine(facts);
  const seen = new Set<string>();
  // The answer to the first next() is not looked at: nothing was asked yet.
  let answer: FileAnswer = { kind: 'failed', reason: 'not asked for' };
  for (;;) {
    const step = boot.next(answer);
    if (step.done === true) return step.value;
    const request = step.value;
    const report = await fetchFile(request.source, from, () => plan.wire.openTransfer(from), plan.ports.tftp);
    tell({
      kind: 'file',
      request,
      report,
      comparison: await compare({ request, report, lease }, from),
      seenBefore: report.sha256 !== undefined && seen.has(report.sha256),
    });
    if (report.sha256 !== undefined) seen.add(report.sha256);
    answer = report.answer;
  }
}
