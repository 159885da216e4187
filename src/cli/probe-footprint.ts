import { setTimeout as wait } from 'node:timers/promises';
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
import { fetchIfThere, findNode, type NodeDocument } from './node-resolution.ts';

/** What the server knew of a machine before it was played, so that it can be left as it was. */
export interface Footprint {
  /** Addresses that the machine itself holds. */
  readonly held: ReadonlySet<string>;
  /** A boot profile whose one boot is still to come (policy `once`). */
  readonly armed: { readonly path: string; readonly document: NodeDocument } | undefined;
}

/** What became of something that the probe touched; a sentence for people. */
export interface FootprintNote {
  readonly undone: boolean;
  readonly text: string;
}

/** The server notices a finished ramdisk a moment after the last packet, and flushes that before it can be seen. */
const NOTICE_MS = 2000;
const NOTICE_STEP_MS = 50;

/** Asks the daemon, where it can be asked; from another host there is nothing to be known. */
export async function recordFootprint(control: ControlClient, mac: Mac): Promise<Footprint> {
  try {
    return { held: await heldAddresses(control, mac), armed: await armedProfile(control, mac) };
  } catch (error) {
    if (error instanceof ControlUnreachableError || error instanceof ControlError) {
      return { held: new Set(), armed: undefined };
    }
    throw error;
  }
}

async function heldAddresses(control: ControlClient, mac: Mac): Promise<ReadonlySet<string>> {
  const { body } = await control.get(`/v1/leases?mac=${mac}&state=bound`);
  const addresses = listOf(recordOf(body)['leases']).map((lease) => textOf(recordOf(lease)['address']));
  return new Set(addresses.filter((address) => address !== undefined));
}

async function armedProfile(control: ControlClient, mac: Mac): Promise<Footprint['armed']> {
  const uuid = await findNode(control, mac);
  if (uuid === undefined) return undefined;
  const path = `/v1/nodes/${uuid}/boot-profile`;
  const profile = (await fetchIfThere(control, path))?.document;
  if (profile?.['done_at'] !== null) return undefined;
  const shared = textOf(profile['name']);
  const decisive =
    shared === undefined ? profile : (await fetchIfThere(control, `/v1/profiles/${shared}`))?.document;
  return decisive?.['policy'] === 'once' ? { path, document: profile } : undefined;
}

/** Asks for the machine's one boot again, since it was the probe that took it. Undefined when there is nothing to undo. */
export async function rearmProfile(
  control: ControlClient,
  { armed }: Footprint,
): Promise<FootprintNote | undefined> {
  if (armed === undefined) return undefined;
  try {
    for (let waited = 0; waited <= NOTICE_MS; waited += NOTICE_STEP_MS) {
      const now = await fetchIfThere(control, armed.path);
      if (now === undefined) return undefined;
      if (now.document['done_at'] !== null) {
        await control.put(armed.path, armed.document, now.etag === undefined ? {} : { 'if-match': now.etag });
        return { undone: true, text: 'policy once: the one boot of this machine is still to come' };
      }
      await wait(NOTICE_STEP_MS);
    }
    return undefined;
  } catch (error) {
    return {
      undone: false,
      text: `policy once: the probe used up the boot of this machine: ${messageOf(error)}`,
    };
  }
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
