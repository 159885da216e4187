import { Type, type Static } from '@sinclair/typebox';
import { formatIpv4 } from '../addr/ipv4.ts';
import type { LedgerEntry } from '../rehearsal/ledger.ts';
import {
  countDifferences,
  describeFinding,
  explain,
  formatReport,
  type RehearsalReport,
} from '../rehearsal/report.ts';
import { nullable } from './schema-terms.ts';

const VERDICTS = ['differs', 'by-design', 'unknowable'] as const;

const FindingSchema = Type.Object({
  machine: Type.String({
    description: 'MAC, or what else names the client; the address of one that only asks for files.',
  }),
  interface: Type.String(),
  verdict: Type.Union(VERDICTS.map((verdict) => Type.Literal(verdict))),
  explanation: nullable(Type.Object({ name: Type.String(), sentence: Type.String() })),
  questions: Type.Array(Type.String(), { description: 'In the answers to which requests it was found.' }),
  aspect: Type.String({ description: 'What differs: a field, an option, the answer itself, a file.' }),
  theirs: Type.String(),
  ours: Type.String(),
  sentence: Type.String(),
  count: Type.Integer(),
  first_at: Type.String(),
  last_at: Type.String(),
});

/** A rehearsal so far. Times are ISO 8601 in UTC. */
export const ObservationsSchema = Type.Object({
  started_at: Type.String(),
  servers: Type.Array(Type.String(), { description: 'Servers that are compared with.' }),
  other_servers: Type.Array(Type.String(), { description: 'Servers whose answers are passed over.' }),
  machines: Type.Integer(),
  compared: Type.Integer({ description: 'Answers and silences that were compared.' }),
  results: Type.Object(
    { alike: Type.Integer(), by_design: Type.Integer(), unknowable: Type.Integer(), differs: Type.Integer() },
    { description: 'The same, by the gravest that was found in each.' },
  ),
  differences: Type.Integer({
    description: 'Findings that are differences: each thing once for each machine.',
  }),
  unpaired: Type.Integer({ description: 'Replies to requests that were not heard.' }),
  frames_lost: Type.Integer(),
  unlisted: Type.Integer({ description: 'Findings for which the list has no room.' }),
  problems: Type.Array(Type.String()),
  findings: Type.Array(FindingSchema),
  report: Type.Array(Type.String(), { description: 'The same for people, a line each.' }),
});

export type ObservationsDocument = Static<typeof ObservationsSchema>;

/** The rehearsal as the API shows it. */
export function formatObservations(report: RehearsalReport): ObservationsDocument {
  const { alike, differs, unknowable, 'by-design': byDesign } = report.results;
  return {
    started_at: new Date(report.startedAt).toISOString(),
    servers: report.servers.map(formatIpv4),
    other_servers: report.otherServers.map(formatIpv4),
    machines: report.machines,
    compared: report.compared,
    results: { alike, by_design: byDesign, unknowable, differs },
    differences: countDifferences(report),
    unpaired: report.unpaired,
    frames_lost: report.framesLost,
    unlisted: report.unlisted,
    problems: [...report.problems],
    findings: report.entries.map(formatFinding),
    report: [...formatReport(report)],
  };
}

function formatFinding({
  machine,
  wireName,
  finding,
  questions,
  count,
  firstAt,
  lastAt,
}: LedgerEntry): Static<typeof FindingSchema> {
  const { verdict, explanation, aspect, theirs, ours } = finding;
  return {
    machine,
    interface: wireName,
    verdict,
    explanation: explanation === undefined ? null : { name: explanation, sentence: explain(explanation) },
    questions: [...questions],
    aspect,
    theirs,
    ours,
    sentence: describeFinding(finding),
    count,
    first_at: new Date(firstAt).toISOString(),
    last_at: new Date(lastAt).toISOString(),
  };
}
