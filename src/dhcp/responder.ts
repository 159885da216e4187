import { respondToBootp } from './bootp-responder.ts';
import { composeReply, staySilent } from './compose-reply.ts';
import type { ClientRequest, DhcpRequest } from './dhcp-request.ts';
import { respondToDiscover } from './discover-responder.ts';
import { respondToDecline, respondToRelease } from './lease-return.ts';
import type { Outcome } from './outcome.ts';
import { rejectionFacts } from './outcome-facts.ts';
import { respondAsBootServer, respondAsProxy } from './proxy-responder.ts';
import { respondToReboot, respondToSelecting } from './request-responder.ts';
import { parameterOf } from './scope-parameters.ts';
import {
  chainAt,
  describeSituation,
  type DhcpView,
  type LocatedSituation,
  type Situation,
} from './situation.ts';

/**
 * Decides about one request: the reply, where it goes, and what becomes of the leases; or silence, and why. Nothing is changed
 * here: the same request and view always lead to the same outcome.
 */
export function respond(request: DhcpRequest, view: DhcpView): Outcome {
  if (request.kind === 'rejected') {
    return { kind: 'silent', reason: request.reason, changes: [], facts: rejectionFacts(request) };
  }
  const situation = describeSituation(request, view);
  const { machine, chain } = situation;
  if (request.mac !== undefined && view.isIgnored(request.mac))
    return staySilent(situation, 'ignored-machine');
  if (view.settings.answer === 'known-machines' && !machine.isKnown) {
    return staySilent(situation, 'unknown-machine');
  }
  if (asksForBoot(request) && parameterOf(chain, 'allowBooting') === false) {
    return staySilent(situation, 'booting-not-allowed');
  }
  if (request.link.port === 'boot-server') return respondAsBootServer(situation);
  if (view.settings.mode === 'proxy') return respondAsProxy(situation);
  return isLocated(situation) ? respondOnNetwork(situation) : staySilent(situation, 'no-subnet');
}

/** Not by a copy: this is done with every message. */
function isLocated(situation: Situation): situation is LocatedSituation {
  return situation.selected !== undefined;
}

function respondOnNetwork(situation: LocatedSituation): Outcome {
  const { kind, requestedAddress } = situation.request;
  switch (kind) {
    case 'discover':
      return respondToDiscover(situation);
    case 'bootp':
      return respondToBootp(situation);
    case 'inform':
      return respondToInform(situation);
    case 'selecting':
    case 'init-reboot':
    case 'renewing':
    case 'decline':
    case 'release':
      break;
  }
  if (requestedAddress === undefined) return staySilent(situation, 'no-address');
  switch (kind) {
    case 'selecting':
      return respondToSelecting(situation, requestedAddress);
    case 'init-reboot':
    case 'renewing':
      return respondToReboot(situation, requestedAddress);
    case 'decline':
      return respondToDecline(situation, requestedAddress);
    case 'release':
      return respondToRelease(situation, requestedAddress);
  }
}

/** DHCPINFORM (RFC 2131 section 4.3.5): parameters for a client that has its address from elsewhere. Nothing is kept. */
function respondToInform(situation: LocatedSituation): Outcome {
  return composeReply(situation, {
    type: 'ack',
    address: undefined,
    chain: chainAt(situation, situation.request.message.ciaddr),
    leaseSeconds: undefined,
    changes: [],
    conflictCheck: undefined,
    asBootServer: false,
  });
}

/** What `allow-booting: false` stops. Addresses may still be given back. */
function asksForBoot({ kind }: ClientRequest): boolean {
  return kind !== 'release' && kind !== 'decline' && kind !== 'inform';
}
