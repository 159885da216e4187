import type { Ipv4 } from '../addr/ipv4.ts';
import { isOwn } from './claim.ts';
import { staySilent } from './compose-reply.ts';
import { declineLease, releaseLease } from './lease-making.ts';
import { boundLease, standingOffer } from './lease-table-view.ts';
import type { Outcome } from './outcome.ts';
import { isLeaseOfMachine } from './reservation.ts';
import { namesThisServer, type Situation } from './situation.ts';

/**
 * DHCPRELEASE (RFC 2131 section 4.3.4): frees the address if the sender has it. Anybody can send one, so that of somebody
 * else changes nothing.
 */
export function respondToRelease(situation: Situation, address: Ipv4): Outcome {
  const { view, request, machine } = situation;
  const { serverIdentifier } = request;
  if (serverIdentifier !== undefined && !namesThisServer(situation, serverIdentifier)) {
    return staySilent(situation, 'other-server');
  }
  const lease = boundLease(view.leases.at(address), view.now);
  if (lease === undefined || !(isOwn(lease, situation) || isLeaseOfMachine(lease, machine))) {
    return staySilent(situation, 'not-the-holder');
  }
  return staySilent(situation, 'released', [releaseLease(lease, view.now)]);
}

/**
 * DHCPDECLINE (RFC 2131 section 4.3.3): the client found somebody on its address, which is then left alone. Only the client that
 * has it, or is offered it, may say so; otherwise any machine could empty a range. A reserved address stays that of its machine: nobody
 * else could be given it anyway.
 */
export function respondToDecline(situation: Situation, address: Ipv4): Outcome {
  const { view, request, machine } = situation;
  const { serverIdentifier } = request;
  if (serverIdentifier !== undefined && !namesThisServer(situation, serverIdentifier)) {
    return staySilent(situation, 'other-server');
  }
  const record = view.leases.at(address);
  const holders = [boundLease(record, view.now), standingOffer(record, view.now)];
  if (!holders.some((lease) => lease !== undefined && isOwn(lease, situation))) {
    return staySilent(situation, 'not-the-holder');
  }
  const changes = machine.fixedAddresses.includes(address)
    ? []
    : [declineLease(address, view.now, view.settings.declineHoldSeconds)];
  return staySilent(situation, 'declined', changes);
}
