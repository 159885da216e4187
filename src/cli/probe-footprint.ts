import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import { IoError } from '../io/io-error.ts';
import type { NodeUdpPort } from '../io/node-udp-port.ts';
import type { BootOffer } from '../probe/boot-offer.ts';
import { releaseMessage } from '../probe/firmware-client.ts';
import type { FirmwareShape, ProbeMachine } from '../probe/firmware-shapes.ts';
import { encodeDhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { ControlError, ControlUnreachableError, type ControlClient } from './control-client.ts';
import { listOf, recordOf, textOf } from './document.ts';

/** How the daemon was told that a machine is played, and what it knew of that machine before. */
export interface Footprint {
  /** Addresses that the machine itself holds. */
  readonly held: ReadonlySet<string>;
  /** The announcement's id; undefined when the daemon could not be told. */
  readonly announcement: string | undefined;
}

/** What became of something that the probe touched; a sentence for people. */
export interface FootprintNote {
  readonly undone: boolean;
  readonly text: string;
}

/**
 * Tells the daemon that this machine is played from now on, so that policy `once` stays unused and the trace says whose it
 * is; and from which address its files are fetched, where that is not the leased one. From another host nobody can be told: the note says what that means.
 */
export async function announceProbe(
  control: ControlClient,
  mac: Mac,
  address: Ipv4 | undefined,
): Promise<{ readonly footprint: Footprint; readonly note: FootprintNote | undefined }> {
  try {
    const { body } = await control.post('/v1/probes', {
      mac,
      ...(address === undefined ? {} : { address: formatIpv4(address) }),
    });
    const announcement = textOf(recordOf(body)['id']);
    return { footprint: { held: await heldAddresses(control, mac), announcement }, note: undefined };
  } catch (error) {
    const text =
      `the probe could not be announced, so a boot under policy once counts as the machine's own: ` +
      messageOf(error);
    return { footprint: { held: new Set(), announcement: undefined }, note: { undone: false, text } };
  }
}

/** The machine is its own again. */
export async function endProbe(
  control: ControlClient,
  { announcement }: Footprint,
): Promise<FootprintNote | undefined> {
  if (announcement === undefined) return undefined;
  try {
    await control.delete(`/v1/probes/${announcement}`);
    return undefined;
  } catch (error) {
    return {
      undone: false,
      text: `the probe could not be ended, and expires by itself: ${messageOf(error)}`,
    };
  }
}

/** Empty also where the daemon keeps no leases. */
async function heldAddresses(control: ControlClient, mac: Mac): Promise<ReadonlySet<string>> {
  const path = `/v1/leases?mac=${mac}&state=bound`;
  const body = await control.get(path).then(
    (reply) => reply.body,
    (error: unknown) => void messageOf(error),
  );
  const addresses = listOf(recordOf(body)['leases']).map((lease) => textOf(recordOf(lease)['address']));
  return new Set(addresses.filter((address) => address !== undefined));
}

/** Gives a lease back, unless the machine itself held it before. */
export async function giveBackLease(
  lease: BootOffer,
  means: {
    readonly shape: FirmwareShape;
    readonly machine: ProbeMachine;
    readonly port: NodeUdpPort;
    /** Where a RELEASE for that server goes on this wire. */
    readonly releaseTo: (server: Ipv4) => Ipv4;
    readonly serverPort: number;
    readonly xid: number;
    readonly control: ControlClient;
    readonly footprint: Footprint;
  },
): Promise<FootprintNote> {
  const address = formatIpv4(lease.address);
  if (means.footprint.held.has(address)) {
    return { undone: false, text: `${address} is kept: the machine held it before the probe` };
  }
  try {
    if (means.shape.protocol === 'bootp') {
      // BOOTP has no message for it (RFC 951).
      await means.control.delete(`/v1/leases/${address}`);
      return { undone: true, text: `${address} given back over the control socket` };
    }
    const release = encodeDhcpMessage(releaseMessage({ ...means, lease }));
    await means.port.send(release, means.releaseTo(lease.serverIdentifier), means.serverPort);
    return { undone: true, text: `${address} given back` };
  } catch (error) {
    return { undone: false, text: `${address} could not be given back: ${messageOf(error)}` };
  }
}

/** What can go wrong without being a mistake of ours; anything else is thrown on. */
function messageOf(error: unknown): string {
  const isExpected =
    error instanceof IoError || error instanceof ControlError || error instanceof ControlUnreachableError;
  if (!isExpected) throw error;
  return error.message;
}
