import type { Ipv4 } from '../addr/ipv4.ts';
import type { ClientRequest } from './dhcp-request.ts';
import type { DhcpSettings } from './dhcp-settings.ts';
import type { Lease, LeaseChange } from './lease.ts';
import type { Situation } from './situation.ts';

/** An offer of the address, for so long; `offeredVia` counts it against a newcomers' share. */
export function offerLease(
  situation: Situation,
  address: Ipv4,
  holdSeconds: number,
  offeredVia: string | undefined,
): LeaseChange {
  const { now } = situation.view;
  const lease = leaseFor(situation, address, 'offered', now + holdSeconds * 1000, offeredVia);
  return { kind: 'put', lease };
}

/** The address bound to the client; without seconds, for ever (BOOTP). */
export function bindLease(
  situation: Situation,
  address: Ipv4,
  leaseSeconds: number | undefined,
): LeaseChange {
  const { now } = situation.view;
  const expiresAt = leaseSeconds === undefined ? undefined : now + leaseSeconds * 1000;
  return { kind: 'put', lease: leaseFor(situation, address, 'bound', expiresAt) };
}

/** The lease given back; its client gets it again if nobody took it. */
export function releaseLease(lease: Lease, now: number): LeaseChange {
  return { kind: 'put', lease: { ...lease, state: 'released', expiresAt: now, lastSeenAt: now } };
}

/** The offer taken back. */
export function withdrawOffer(offer: Lease, now: number): LeaseChange {
  return { kind: 'put', lease: { ...offer, expiresAt: now } };
}

/** Somebody who is not ours uses the address: it is left alone for a day, unless nothing else is left. */
export function declineLease(address: Ipv4, now: number, holdSeconds: number): LeaseChange {
  return {
    kind: 'put',
    lease: {
      address,
      state: 'declined',
      client: undefined,
      clientId: undefined,
      htype: 0,
      hardwareAddress: new Uint8Array(0),
      mac: undefined,
      startsAt: now,
      expiresAt: now + holdSeconds * 1000,
      lastSeenAt: now,
      bootp: false,
      hostname: undefined,
      vendorClass: undefined,
      relayAgentInfo: undefined,
    },
  };
}

/** What to apply, and to make durable, when a conflict check found somebody on an address. */
export function conflictChanges(
  address: Ipv4,
  { declineHoldSeconds }: DhcpSettings,
  now: number,
): readonly LeaseChange[] {
  return [declineLease(address, now, declineHoldSeconds)];
}

function leaseFor(
  { request, client, view }: Situation,
  address: Ipv4,
  state: 'offered' | 'bound',
  expiresAt: number | undefined,
  offeredVia?: string,
): Lease {
  const { message, clientId, hardwareAddress } = request;
  return {
    address,
    state,
    client,
    clientId: clientId && copyOf(clientId),
    htype: message.htype,
    hardwareAddress: copyOf(hardwareAddress),
    mac: request.mac,
    startsAt: view.now,
    expiresAt,
    lastSeenAt: view.now,
    bootp: request.kind === 'bootp',
    hostname: request.hostname,
    vendorClass: request.vendorClass,
    relayAgentInfo: relayAgentInfoOf(request, view.leases.at(address)?.lease),
    offeredVia,
  };
}

/** Renewals come without a relay: what it said when the lease was made is kept. */
function relayAgentInfoOf(
  { kind, relayAgentInformation }: ClientRequest,
  before: Lease | undefined,
): Lease['relayAgentInfo'] {
  if (relayAgentInformation !== undefined) return copyOf(relayAgentInformation.raw);
  return kind === 'renewing' ? before?.relayAgentInfo : undefined;
}

/** Fields of a request are views of its datagram; a lease would keep all of it in memory. */
function copyOf(octets: Uint8Array): Uint8Array {
  return octets.slice();
}
