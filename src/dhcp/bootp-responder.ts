import { chooseAddress, openRanges } from './allocator.ts';
import { composeReply, staySilent } from './compose-reply.ts';
import { bindLease } from './lease-making.ts';
import { boundLease } from './lease-table-view.ts';
import type { Outcome } from './outcome.ts';
import { needsConflictCheck } from './discover-responder.ts';
import { parameterOf } from './scope-parameters.ts';
import { chainAt, type LocatedSituation } from './situation.ts';

/**
 * BOOTREQUEST without a message type (RFC 951, RFC 1534 section 2): a reserved address, the one that the client has, or one of a
 * range that is open to BOOTP. There is no offer and no end: the first reply binds the address for ever.
 */
export function respondToBootp(situation: LocatedSituation): Outcome {
  const { view } = situation;
  if (parameterOf(situation.chain, 'allowBootp') === false) return staySilent(situation, 'bootp-not-allowed');
  const choice = chooseAddress(situation, openRanges(situation));
  if (choice.kind === 'none') return staySilent(situation, choice.reason);
  const { address } = choice;
  const chain = chainAt(situation, address);
  const present = boundLease(view.leases.at(address), view.now);
  // A ROM that asks again changes nothing, so nothing need be written.
  const isSame = present?.bootp === true && present.client === situation.client;
  return composeReply(situation, {
    type: 'bootp',
    address,
    chain,
    leaseSeconds: undefined,
    changes: isSame ? [] : [bindLease(situation, address, undefined)],
    conflictCheck: needsConflictCheck(choice, chain) ? address : undefined,
    asBootServer: false,
  });
}
