import type { RequestKind } from '../dhcp/dhcp-request.ts';
import { printable } from '../wire/visible-text.ts';

/**
 * Why two answers may differ although both servers do what they are meant to do:
 * - by design: bootd does it differently on purpose; each has its row in docs/deviations.md
 * - unknowable: the answer depends on something that no wire shows, so that neither answer can be called wrong
 */
export const EXPLANATIONS = {
  'selects-other-server': 'by-design',
  'client-identifier-sent-back': 'by-design',
  'machine-identifier-sent-back': 'by-design',
  'offered-to-two': 'by-design',
  'other-address-at-reboot': 'by-design',
  'renewal-times': 'by-design',
  'secs-and-hops-zero': 'by-design',
  'newcomers-rationed': 'by-design',
  'card-is-the-client': 'by-design',
  'full-time-at-renewal': 'by-design',
  'stranger-keeps-address': 'by-design',
  'renewal-by-unicast': 'by-design',
  'reservation-in-use': 'by-design',
  'next-server-by-default': 'by-design',
  'no-binary-for-ipxe': 'by-design',
  'vendor-class-of-boot': 'by-design',
  'boot-file-in-its-field': 'by-design',
  'network-told-unasked': 'by-design',
  'doubled-slashes': 'by-design',
  'lease-from-before': 'unknowable',
  'address-believed-taken': 'unknowable',
  'other-address-known': 'unknowable',
  'answered-late': 'unknowable',
  'answer-not-heard': 'unknowable',
} as const satisfies Readonly<Record<string, 'by-design' | 'unknowable'>>;

export type Explanation = keyof typeof EXPLANATIONS;

/** `differs`: bootd, as it is configured, would have told the machine something else. */
export type Verdict = 'differs' | 'by-design' | 'unknowable';

/** What a machine asked: the kinds of DHCP, or a file by TFTP. */
export type Question = RequestKind | 'file';

/** One thing in which the other server's answer and bootd's are not the same. */
export interface Finding {
  readonly verdict: Verdict;
  readonly explanation: Explanation | undefined;
  readonly question: Question;
  /** What it is about, in the words of the wire: `siaddr (next-server)`, `option 128 (option-128)`. */
  readonly aspect: string;
  /** What the other server did, and what bootd would have done; `none` where there is nothing. */
  readonly theirs: string;
  readonly ours: string;
}

/** What stands in a finding where one of the two has nothing. */
export const NOTHING = 'none';

/** Makes a finding; without an explanation it is a difference. What came from the wire is made fit for a terminal. */
export function find(
  question: Question,
  aspect: string,
  theirs: string,
  ours: string,
  explanation?: Explanation,
): Finding {
  const verdict = explanation === undefined ? 'differs' : EXPLANATIONS[explanation];
  return {
    verdict,
    explanation,
    question,
    aspect: printable(aspect),
    theirs: printable(theirs),
    ours: printable(ours),
  };
}

const BY_GRAVITY = ['differs', 'unknowable', 'by-design'] as const satisfies readonly Verdict[];

/** The verdict that counts where there are several; undefined where there is none. */
export function gravest(findings: readonly Finding[]): Verdict | undefined {
  return BY_GRAVITY.find((verdict) => findings.some((finding) => finding.verdict === verdict));
}
