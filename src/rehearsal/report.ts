import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { type Explanation, type Finding, type Verdict } from './finding.ts';
import type { LedgerEntry, LedgerTotals } from './ledger.ts';

/** A rehearsal so far. */
export interface RehearsalReport extends LedgerTotals {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Servers that were compared with. */
  readonly servers: readonly Ipv4[];
  /** Other servers on the same wires: their answers were passed over. */
  readonly otherServers: readonly Ipv4[];
  /** Replies that belong to no request that was heard. */
  readonly unpaired: number;
  /** Frames that the kernel had to drop before they were looked at. */
  readonly framesLost: number;
  /** Wires that could not be listened to, and why. */
  readonly problems: readonly string[];
  readonly entries: readonly LedgerEntry[];
}

/** In the words of an admin; the first part of each is its row in docs/deviations.md, or why nobody can know. */
const EXPLAINED: Readonly<Record<Explanation, string>> = {
  'selects-other-server': 'bootd says nothing to a REQUEST that names another server',
  'client-identifier-sent-back': 'bootd sends the client identifier back (RFC 6842)',
  'machine-identifier-sent-back': 'bootd sends the machine identifier back (PXE 2.1)',
  'offered-to-two': 'bootd offers an address to one machine at a time',
  'other-address-at-reboot':
    'bootd does not move a machine that comes back with another address than its own',
  'renewal-times':
    'bootd sends the times that a client computes by itself, and only when asked (RFC 2131 section 4.4.5)',
  'secs-and-hops-zero': 'bootd sends zero in secs and hops (RFC 2131 table 3)',
  'newcomers-rationed': 'bootd keeps a part of its ranges from newcomers while very many ask at once',
  'card-is-the-client': "a client identifier that is the card's own address makes no other client for bootd",
  'full-time-at-renewal': 'bootd renews for the full time, the other server told what was left',
  'stranger-keeps-address':
    'with `authoritative`, bootd lets a machine keep a free address that it has from elsewhere',
  'renewal-by-unicast': 'bootd answers a renewal at the address that the machine has',
  'reservation-in-use': 'bootd waits until the other machine has left a reserved address',
  'next-server-by-default': 'without next-server, machines load from bootd itself',
  'no-binary-for-ipxe': 'bootd does not give iPXE to iPXE again',
  'vendor-class-of-boot': 'bootd says HTTPClient with a URL, and PXEClient only with a menu',
  'boot-file-in-its-field': 'bootd always fills the field `file`, which is all that old ROMs read',
  'network-told-unasked': 'bootd tells netmask and broadcast address to those that ask',
  'doubled-slashes': 'bootd finds a file whose name came with doubled slashes',
  'lease-from-before':
    'only the other server knows this lease: it is older than the rehearsal (--leases takes them along)',
  'address-believed-taken': 'the address was given to another machine before, and nobody saw it come back',
  'other-address-known': 'the machine was seen with another address, and nobody saw it give that back',
  'answered-late':
    'the other server answered late, or only when asked again, as after a ping that was answered',
  'answer-not-heard': 'an answer may have passed elsewhere: listen on the server itself, or at a mirror port',
};

/** What an explanation says in words. */
export function explain(explanation: Explanation): string {
  return EXPLAINED[explanation];
}

/** A finding as a sentence that names what differs: `siaddr (next-server): the server says 10.0.0.1, bootd would say none`. */
export function describeFinding({ aspect, theirs, ours }: Finding): string {
  return `${aspect}: the server says ${theirs}, bootd would say ${ours}`;
}

/** How many differences there are: each thing once for each machine. */
export function countDifferences({ entries }: Pick<RehearsalReport, 'entries'>): number {
  return entries.filter(({ finding }) => finding.verdict === 'differs').length;
}

/** The report for people, a line each. */
export function formatReport(report: RehearsalReport): readonly string[] {
  const { entries, compared, results, machines } = report;
  const servers = report.servers.map(formatIpv4).join(', ') || 'a server that was not heard';
  const { differs, unknowable, 'by-design': byDesign, alike } = results;
  return [
    `Rehearsal beside ${servers}: ${compared} answers to ${machines} machines compared. ${alike} are alike, ${byDesign} differ ` +
      `on purpose, ${unknowable} cannot be judged, ${differs} differ.`,
    ...notes(report),
    ...formatDifferences(entries),
    ...formatExplained('On purpose (docs/deviations.md):', 'by-design', entries),
    ...formatExplained('Not to be judged from the wire:', 'unknowable', entries),
  ];
}

function notes(report: RehearsalReport): readonly string[] {
  const { problems, otherServers, unpaired, framesLost, unlisted } = report;
  return [
    ...problems,
    ...(otherServers.length === 0
      ? []
      : [`Passed over: the answers of ${otherServers.map(formatIpv4).join(', ')} on the same wires.`]),
    ...(unpaired === 0 ? [] : [`${unpaired} replies belong to no request that was heard.`]),
    ...(framesLost === 0 ? [] : [`${framesLost} frames were lost before they could be looked at.`]),
    ...(unlisted === 0 ? [] : [`${unlisted} more findings are not listed.`]),
  ];
}

/** Machines that are named with a difference; of more, there is the number. */
const NAMED_MACHINES = 4;

/** One line for each difference, with those whom it concerns. */
function formatDifferences(entries: readonly LedgerEntry[]): readonly string[] {
  const bySentence = new Map<string, { questions: Set<string>; machines: Set<string> }>();
  for (const { finding, questions, machine } of entries) {
    if (finding.verdict !== 'differs') continue;
    const sentence = describeFinding(finding);
    const group = bySentence.get(sentence) ?? { questions: new Set(), machines: new Set() };
    for (const question of questions) group.questions.add(question);
    group.machines.add(machine);
    bySentence.set(sentence, group);
  }
  if (bySentence.size === 0) return ['No differences.'];
  const lines = [...bySentence].map(([sentence, { questions, machines }]) => {
    const named = [...machines].slice(0, NAMED_MACHINES).join(', ');
    const more = machines.size > NAMED_MACHINES ? ` and ${machines.size - NAMED_MACHINES} more` : '';
    return `  ${sentence} (${[...questions].join(', ')}; ${named}${more})`;
  });
  return [bySentence.size === 1 ? '1 difference:' : `${bySentence.size} differences:`, ...lines];
}

/** One line for each explanation and aspect: machines are counted, not listed. */
function formatExplained(
  title: string,
  verdict: Verdict,
  entries: readonly LedgerEntry[],
): readonly string[] {
  const byKind = new Map<string, { readonly text: string; machines: number }>();
  for (const { finding } of entries) {
    if (finding.verdict !== verdict || finding.explanation === undefined) continue;
    const text = `${finding.aspect}: ${explain(finding.explanation)}`;
    const kind = byKind.get(text) ?? { text, machines: 0 };
    kind.machines += 1;
    byKind.set(text, kind);
  }
  const lines = [...byKind.values()].map(
    ({ text, machines }) => `  ${text} (${machines} ${machines === 1 ? 'machine' : 'machines'})`,
  );
  return lines.length === 0 ? [] : [title, ...lines];
}
