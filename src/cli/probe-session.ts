import { formatIpv4 } from '../addr/ipv4.ts';
import { IoError } from '../io/io-error.ts';
import type { NodeUdpPort } from '../io/node-udp-port.ts';
import type { BootOffer } from '../probe/boot-offer.ts';
import type { BootVerdict, FileAnswer, LoaderFacts } from '../probe/file-request.ts';
import { releaseMessage, withoutCollecting } from '../probe/firmware-client.ts';
import { FIRMWARE_SHAPES, type FirmwareShapeName, type ProbeMachine } from '../probe/firmware-shapes.ts';
import { bootMachine } from '../probe/loader-client.ts';
import { encodeDhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { ControlClient } from './control-client.ts';
import { listOf, recordOf } from './document.ts';
import { fetchFile, playFirmware } from './machine-player.ts';
import type { MachineWire } from './machine-wire.ts';
import type { ProbeEvent } from './probe-report.ts';

/** Everything that is fixed before a machine is played. */
export interface ProbePlan {
  readonly wire: MachineWire;
  readonly machine: ProbeMachine;
  readonly firmware: FirmwareShapeName;
  readonly ports: { readonly dhcp: number; readonly tftp: number };
  /** Asked, where somebody answers there, for leases that the machine holds already. */
  readonly controlSocket: string;
  readonly grubPrefix: string;
  readonly realPace: boolean;
  readonly keepLease: boolean;
  readonly randomXid: () => number;
}

/** Firmware, iPXE, and iPXE once more: a server that goes on answering with iPXE does so for ever. */
const MOST_ROUNDS = 3;

/**
 * Plays a machine from its first packet to its ramdisk and tells each step. Undefined when DHCP did not come to a lease.
 * Rejects with IoError or UsageError when this host cannot play it. What was leased is given back in any case, unless the
 * plan says otherwise or the machine itself holds it.
 */
export async function playMachine(
  plan: ProbePlan,
  tell: (event: ProbeEvent) => void,
): Promise<BootVerdict | undefined> {
  const control = new ControlClient(plan.controlSocket);
  const heldBefore = await addressesHeld(control, plan.machine);
  const port = await plan.wire.openDhcp();
  const taken = new Map<string, { readonly firmware: FirmwareShapeName; readonly lease: BootOffer }>();
  try {
    let firmware = plan.firmware;
    for (let round = 1; round <= MOST_ROUNDS; round += 1) {
      const shape = FIRMWARE_SHAPES[firmware];
      tell({ kind: 'round', title: `${plan.machine.mac}, ${shape.title}, on ${plan.wire.title}` });
      const lease = await takeLease(plan, firmware, port, tell);
      if (lease === undefined) return undefined;
      taken.set(formatIpv4(lease.address), { firmware, lease });
      const verdict = await bootWith(plan, firmware, lease, tell);
      if (verdict.kind !== 'ipxe') {
        tell({ kind: 'verdict', verdict });
        return verdict;
      }
      firmware = verdict.shape;
    }
    const reason = 'iPXE is told to load iPXE again, without end: give it a script (filename-by-arch: ipxe)';
    tell({ kind: 'verdict', verdict: { kind: 'stuck', reason } });
    return { kind: 'stuck', reason };
  } finally {
    for (const { firmware, lease } of taken.values()) {
      await giveBack(plan, firmware, lease, { port, control, heldBefore }, tell);
    }
    await port.close();
  }
}

async function takeLease(
  plan: ProbePlan,
  firmware: FirmwareShapeName,
  port: NodeUdpPort,
  tell: (event: ProbeEvent) => void,
): Promise<BootOffer | undefined> {
  const shape = FIRMWARE_SHAPES[firmware];
  return playFirmware(
    port,
    { address: plan.wire.dhcpTo, port: plan.ports.dhcp },
    {
      shape,
      machine: plan.machine,
      times: plan.realPace ? shape.times : withoutCollecting(shape.times),
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
  tell: (event: ProbeEvent) => void,
): Promise<BootVerdict> {
  const facts: LoaderFacts = { firmware, machine: plan.machine, lease, grubPrefix: plan.grubPrefix };
  const from = plan.wire.transferAddress(lease.address);
  const boot = bootMachine(facts);
  // The answer to the first next() is not looked at: nothing was asked yet.
  let answer: FileAnswer = { kind: 'failed', reason: 'not asked for' };
  for (;;) {
    const step = boot.next(answer);
    if (step.done === true) return step.value;
    const request = step.value;
    const report = await fetchFile(request.source, from, () => plan.wire.openTransfer(from), plan.ports.tftp);
    tell({ kind: 'file', request, report });
    answer = report.answer;
  }
}

/** What the server knows that the machine itself holds; nothing where the server cannot be asked. */
async function addressesHeld(control: ControlClient, { mac }: ProbeMachine): Promise<ReadonlySet<string>> {
  try {
    const { body } = await control.get(`/v1/leases?mac=${mac}&state=bound`);
    const leases = listOf(recordOf(body)['leases']).map((lease) => recordOf(lease)['address']);
    return new Set(leases.filter((address) => typeof address === 'string'));
  } catch {
    return new Set();
  }
}

/** A probe leaves nothing behind; but an address that the machine itself holds stays the machine's. */
async function giveBack(
  plan: ProbePlan,
  firmware: FirmwareShapeName,
  lease: BootOffer,
  means: {
    readonly port: NodeUdpPort;
    readonly control: ControlClient;
    readonly heldBefore: ReadonlySet<string>;
  },
  tell: (event: ProbeEvent) => void,
): Promise<void> {
  const address = formatIpv4(lease.address);
  if (plan.keepLease) {
    tell({ kind: 'lease', fate: 'kept', text: `${address} is kept, as --keep-lease says` });
    return;
  }
  if (means.heldBefore.has(address)) {
    tell({ kind: 'lease', fate: 'kept', text: `${address} is kept: the machine held it before the probe` });
    return;
  }
  const shape = FIRMWARE_SHAPES[firmware];
  if (shape.protocol === 'bootp') {
    await giveBackByControl(address, means.control, tell);
    return;
  }
  const release = releaseMessage({ shape, machine: plan.machine, lease, xid: plan.randomXid() });
  try {
    await means.port.send(encodeDhcpMessage(release), lease.serverIdentifier, plan.ports.dhcp);
    tell({ kind: 'lease', fate: 'released', text: `${address} given back` });
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    tell({ kind: 'lease', fate: 'kept', text: `${address} could not be given back: ${error.message}` });
  }
}

/** BOOTP has no message for it (RFC 951), so the daemon is asked, where it can be. */
async function giveBackByControl(
  address: string,
  control: ControlClient,
  tell: (event: ProbeEvent) => void,
): Promise<void> {
  try {
    await control.delete(`/v1/leases/${address}`);
    tell({ kind: 'lease', fate: 'released', text: `${address} given back over the control socket` });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    tell({
      kind: 'lease',
      fate: 'kept',
      text: `${address} stays the machine's, BOOTP cannot give it back: ${reason}`,
    });
  }
}
