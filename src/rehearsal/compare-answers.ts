import type { Claim } from '../dhcp/claim.ts';
import type { ClientRequest } from '../dhcp/dhcp-request.ts';
import type { Outcome, SilenceReason } from '../dhcp/outcome.ts';
import { compareReplies, type ReplyComparison } from './compare-replies.ts';
import { find, type Explanation, type Finding } from './finding.ts';
import type { ObservedReply } from './observed-reply.ts';

/** One request, what the other server did, and what bootd would have done from the same leases. */
export interface AnswerComparison extends Pick<
  ReplyComparison,
  'claim' | 'oursIsKnown' | 'isOfferedToOther' | 'secondsLeft'
> {
  readonly request: ClientRequest;
  /** Undefined: no answer was seen. */
  readonly theirs: ObservedReply | undefined;
  readonly ours: Outcome;
  /** What the address that the client asked for is to it. */
  readonly requestedClaim: Claim | undefined;
  /** Whether every reply of the other server passes here; else one that was not seen may have been sent all the same. */
  readonly hearsReplies: boolean;
}

const SILENCE = 'silence';

/** Everything in which the two answers differ; empty when a machine could not tell them apart. */
export function compareAnswers(comparison: AnswerComparison): readonly Finding[] {
  const { request, theirs, ours } = comparison;
  if (theirs === undefined) return ours.kind === 'silent' ? [] : [compareToSilence(comparison)];
  if (ours.kind === 'reply' && ours.facts.replyType === theirs.type) {
    return compareReplies({ ...comparison, theirs, ours });
  }
  const explanation =
    ours.kind === 'silent' ? explainSilence(ours.reason, comparison) : explainRefusal(comparison);
  return [find(request.kind, `answer to ${request.kind}`, theirs.type, describeOutcome(ours), explanation)];
}

/** The other server said nothing, and bootd would have answered. */
function compareToSilence({ request, ours, requestedClaim, hearsReplies }: AnswerComparison): Finding {
  const isStranger =
    (request.kind === 'renewing' || request.kind === 'init-reboot') &&
    requestedClaim === 'free' &&
    ours.facts.replyType === 'ack';
  const explanation = isStranger ? 'stranger-keeps-address' : hearsReplies ? undefined : 'answer-not-heard';
  return find(request.kind, `answer to ${request.kind}`, SILENCE, describeOutcome(ours), explanation);
}

/** bootd would have said nothing, and the other server answered. */
function explainSilence(reason: SilenceReason, comparison: AnswerComparison): Explanation | undefined {
  switch (reason) {
    case 'other-server':
      return 'selects-other-server';
    case 'too-many-offers':
      return 'newcomers-rationed';
    case 'reservation-in-use':
      return 'reservation-in-use';
    case 'unknown-lease':
      return 'lease-from-before';
    case 'no-free-address':
    case 'not-authoritative':
      return comparison.claim === 'taken' || comparison.requestedClaim === 'taken'
        ? 'address-believed-taken'
        : undefined;
    default:
      return undefined;
  }
}

/** Both answered, one of them with a NAK. */
function explainRefusal({
  request,
  theirs,
  ours,
  requestedClaim,
}: AnswerComparison): Explanation | undefined {
  if (theirs?.type === 'nak') {
    // Whoever had the address before the rehearsal began is known to the other server alone.
    return requestedClaim === 'free' ? 'lease-from-before' : undefined;
  }
  if (ours.facts.replyType !== 'nak') return undefined;
  switch (requestedClaim) {
    case 'taken':
      return 'address-believed-taken';
    case 'reserved-in-use':
      return 'reservation-in-use';
    case 'free':
      return request.kind === 'init-reboot' ? 'other-address-at-reboot' : 'other-address-known';
    default:
      return undefined;
  }
}

function describeOutcome(outcome: Outcome): string {
  if (outcome.kind === 'silent') return `${SILENCE} (${outcome.reason})`;
  const { replyType = 'bootp', objection } = outcome.facts;
  return objection === undefined ? replyType : `${replyType} (${objection})`;
}
