import type { Ipv4 } from '../addr/ipv4.ts';
import { judgeClaim, ownRecords, isOwn, type Claim } from './claim.ts';
import { composeNak, composeReply, staySilent } from './compose-reply.ts';
import { bindLease, withdrawOffer } from './lease-making.ts';
import { boundLease, standingOffer } from './lease-table-view.ts';
import type { Outcome } from './outcome.ts';
import {
  chainAt,
  isAuthoritative,
  leaseSecondsOf,
  namesThisServer,
  type LocatedSituation,
} from './situation.ts';
import { findRange } from './subnet-selection.ts';

/** What is wrong with an address, for option 56 and the log. */
const OBJECTIONS: Readonly<Record<Exclude<Claim, 'offered' | 'reserved' | 'held' | 'former'>, string>> = {
  'reserved-in-use': 'the address is still in use by another machine',
  'not-reserved': 'another address is reserved for this machine',
  free: 'the address is not the one that this machine has',
  taken: 'the address belongs to another machine',
  unavailable: 'the address is not available to this machine',
  elsewhere: 'the address is not on this network',
};

/**
 * DHCPREQUEST after an offer (RFC 2131 section 4.3.2). Ours: the address is given if it is on offer to the client or may be
 * given to it, so that a server that was restarted in between keeps its word; never another one. Another server's: the offer
 * is taken back.
 */
export function respondToSelecting(situation: LocatedSituation, address: Ipv4): Outcome {
  const { serverIdentifier } = situation.request;
  if (serverIdentifier !== undefined && !namesThisServer(situation, serverIdentifier)) {
    return staySilent(situation, 'other-server', withdrawnOffers(situation));
  }
  const claim = judgeClaim(address, situation);
  switch (claim) {
    case 'offered':
    case 'reserved':
    case 'held':
    case 'former':
    case 'free':
      return acknowledge(situation, address);
    case 'reserved-in-use':
    case 'not-reserved':
    case 'taken':
    case 'unavailable':
    case 'elsewhere':
      return composeNak(situation, address, OBJECTIONS[claim]);
  }
}

/**
 * DHCPREQUEST of a client that believes to have an address: INIT-REBOOT, RENEWING, REBINDING. A client that this server
 * knows to be wrong is told so; anything else is objected to only with authority. With it, a stranger keeps a free address, as
 * with dhcpd: after a move to this server without the old one's leases nobody loses an address.
 */
export function respondToReboot(situation: LocatedSituation, address: Ipv4): Outcome {
  const claim = judgeClaim(address, situation);
  switch (claim) {
    case 'offered':
    case 'reserved':
    case 'held':
    case 'former':
      return acknowledge(situation, address);
    case 'not-reserved':
      return composeNak(situation, address, OBJECTIONS[claim]);
    case 'free':
      if (holdsAnotherAddress(situation)) return composeNak(situation, address, OBJECTIONS[claim]);
      return isAuthoritative(situation)
        ? acknowledge(situation, address)
        : staySilent(situation, 'unknown-lease');
    case 'reserved-in-use':
    case 'taken':
    case 'unavailable':
    case 'elsewhere':
      return isAuthoritative(situation)
        ? composeNak(situation, address, OBJECTIONS[claim])
        : staySilent(situation, 'not-authoritative');
  }
}

function acknowledge(situation: LocatedSituation, address: Ipv4): Outcome {
  const chain = chainAt(situation, address);
  const leaseSeconds = leaseSecondsOf(situation, chain);
  return composeReply(situation, {
    type: 'ack',
    address,
    chain,
    leaseSeconds,
    changes: [bindLease(situation, address, leaseSeconds)],
    conflictCheck: undefined,
    asBootServer: false,
  });
}

function holdsAnotherAddress(situation: LocatedSituation): boolean {
  const { selected, view } = situation;
  return ownRecords(situation).some((record) => {
    const lease = boundLease(record, view.now);
    return (
      lease !== undefined &&
      isOwn(lease, situation) &&
      findRange(lease.address, selected.network) !== undefined
    );
  });
}

function withdrawnOffers(situation: LocatedSituation): ReturnType<typeof withdrawOffer>[] {
  const { now } = situation.view;
  return ownRecords(situation).flatMap((record) => {
    const offer = standingOffer(record, now);
    return offer !== undefined && isOwn(offer, situation) ? [withdrawOffer(offer, now)] : [];
  });
}
