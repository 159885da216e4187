import { chooseAddress, offerHoldSeconds, offerOrigin, openRanges, type AddressChoice } from './allocator.ts';
import { composeReply, staySilent } from './compose-reply.ts';
import { offerLease } from './lease-making.ts';
import { standingOffer } from './lease-table-view.ts';
import type { Outcome } from './outcome.ts';
import { parameterOf, type ScopeChain } from './scope-parameters.ts';
import { chainAt, leaseSecondsOf, type LocatedSituation } from './situation.ts';

/**
 * DHCPDISCOVER (RFC 2131 section 4.3.1): an offer, which is held for the client for a while. Whoever has an address is
 * always offered it, however many newcomers ask.
 */
export function respondToDiscover(situation: LocatedSituation): Outcome {
  const { view } = situation;
  const ranges = openRanges(situation);
  const choice = chooseAddress(situation, ranges);
  if (choice.kind === 'none') return staySilent(situation, choice.reason);
  const { address } = choice;
  const chain = chainAt(situation, address);
  const isToNewcomer = choice.kind === 'new' && choice.toNewcomer;
  const offeredVia = isToNewcomer
    ? offerOrigin(situation)
    : standingOffer(view.leases.at(address), view.now)?.offeredVia;
  return composeReply(situation, {
    type: 'offer',
    address,
    chain,
    leaseSeconds: leaseSecondsOf(situation, chain),
    changes: [offerLease(situation, address, offerHoldSeconds(situation, ranges), offeredVia)],
    conflictCheck: needsConflictCheck(choice, chain) ? address : undefined,
    asBootServer: false,
  });
}

/**
 * Whether somebody else may be on the address (RFC 2131 section 2.2): nobody answers for one that the client has already, and one
 * that was declined is never given unchecked, whatever `ping-check` says in the scopes of the address.
 */
export function needsConflictCheck(
  choice: Exclude<AddressChoice, { kind: 'none' }>,
  chain: ScopeChain,
): boolean {
  if (choice.kind === 'own') return false;
  return choice.declined || parameterOf(chain, 'pingCheck') !== false;
}
