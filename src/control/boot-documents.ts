import { Type, type Static } from '@sinclair/typebox';
import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { BootStep, FileStep } from '../boot/boot-step.ts';
import { BOOT_PHASES, type BootTrace } from '../boot/boot-trace.ts';
import type { Finding } from '../boot/verdict.ts';
import type { BootView } from './boot-queries.ts';
import { nullable } from './schema-terms.ts';

const FindingSchema = Type.Object({
  code: Type.String({ description: 'Stable; docs/diagnoses.md describes each.' }),
  sentence: Type.String({ description: "Begins where the machine's name ends." }),
  cause: Type.String(),
  remedy: Type.String(),
});

/** One thing that happened. Members that say nothing are left out. */
const StepSchema = Type.Object({
  kind: Type.Union(
    (['power', 'dhcp', 'file', 'refusal', 'rendering-failed', 'foreign-reply', 'conflict'] as const).map(
      (kind) => Type.Literal(kind),
    ),
  ),
  at: Type.String(),
  last_at: Type.Optional(Type.String({ description: 'Of the last of several equal ones.' })),
  count: Type.Integer({ description: 'Equal ones in a row.' }),
  action: Type.Optional(Type.String({ description: 'What the BMC was told: on or cycle.' })),
  attempt: Type.Optional(Type.Integer({ description: 'Which start of the machine this is.' })),
  attempts: Type.Optional(Type.Integer()),
  stage: Type.Optional(Type.String({ description: 'firmware, ipxe or system' })),
  question: Type.Optional(Type.String()),
  reply: Type.Optional(nullable(Type.String({ description: 'Null: silence.' }))),
  silence: Type.Optional(Type.String({ description: 'Why there was no reply.' })),
  address: Type.Optional(Type.String()),
  server: Type.Optional(
    Type.String({ description: 'Another DHCP server: the one chosen, or that answered.' }),
  ),
  message: Type.Optional(Type.String()),
  next_server: Type.Optional(Type.String()),
  boot_file: Type.Optional(Type.String()),
  withheld_boot_file: Type.Optional(Type.String()),
  objection: Type.Optional(Type.String()),
  duration_ms: Type.Optional(Type.Number()),
  via: Type.Optional(Type.String({ description: 'tftp or http' })),
  role: Type.Optional(Type.String({ description: 'boot-file, loader, configuration, kernel or ramdisk' })),
  requested: Type.Optional(Type.String()),
  path: Type.Optional(
    Type.String({ description: 'Below the root; of a refusal: what rules made of the name.' }),
  ),
  rule: Type.Optional(Type.Integer({ description: 'The last rule of the map-file that changed the name.' })),
  source: Type.Optional(Type.String({ description: 'disk, rendered or fallback' })),
  node: Type.Optional(Type.String()),
  generation: Type.Optional(Type.Integer({ description: 'Of the node or profile that was rendered.' })),
  modified_at: Type.Optional(Type.String({ description: 'Of the file on disk that was served.' })),
  size: Type.Optional(Type.Integer()),
  bytes: Type.Optional(Type.Integer()),
  retransmissions: Type.Optional(Type.Integer()),
  ending: Type.Optional(nullable(Type.String({ description: 'Null while it runs.' }))),
  detail: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
  holder: Type.Optional(Type.String({ description: 'MAC that answers on the address.' })),
});

const SUMMARY = {
  id: Type.String(),
  mac: Type.String(),
  node: nullable(Type.String()),
  probe: Type.Boolean({ description: 'Played by bootd probe.' }),
  started_at: Type.String(),
  last_at: Type.String({ description: 'When the machine was last heard.' }),
  ended_at: nullable(Type.String({ description: 'When the next boot of the machine began.' })),
  firmware: nullable(Type.String()),
  loader: nullable(Type.String()),
  phase: Type.Union(BOOT_PHASES.map((phase) => Type.Literal(phase))),
  address: nullable(Type.String()),
  interface: nullable(Type.String()),
  relay: nullable(Type.String()),
  hostname: nullable(Type.String()),
  system_uuid: nullable(Type.String({ description: 'DHCP option 97.' })),
  boot_file: nullable(Type.String()),
  state: Type.Union((['under-way', 'stuck', 'done'] as const).map((state) => Type.Literal(state))),
  verdict: FindingSchema,
  notices: Type.Array(FindingSchema),
};

/** A boot without its steps, as lists and events have it. */
export const BootSummarySchema = Type.Object(SUMMARY);

/** A boot with all that happened in it. */
export const BootSchema = Type.Object({
  ...SUMMARY,
  omitted_steps: Type.Integer({ description: 'Left out of the middle of a very long boot.' }),
  steps: Type.Array(StepSchema),
  console: Type.Array(Type.String(), {
    description: 'The last lines of its serial console, where its boot was watched with `console`.',
  }),
});

export type BootSummaryDocument = Static<typeof BootSummarySchema>;
export type BootDocument = Static<typeof BootSchema>;
type StepDocument = Static<typeof StepSchema>;

/** The boot as lists and events show it. */
export function formatBootSummary({ trace, verdict }: BootView): BootSummaryDocument {
  return {
    id: trace.id,
    mac: trace.mac,
    node: trace.node ?? null,
    probe: trace.isProbe,
    started_at: formatTime(trace.startedAt),
    last_at: formatTime(trace.lastAt),
    ended_at: trace.endedAt === undefined ? null : formatTime(trace.endedAt),
    firmware: trace.firmware ?? null,
    loader: trace.loader ?? null,
    phase: trace.phase,
    address: formatAddress(trace.address) ?? null,
    interface: trace.interfaceName ?? null,
    relay: formatAddress(trace.relayAddress) ?? null,
    hostname: trace.hostname ?? null,
    system_uuid: trace.machineUuid ?? null,
    boot_file: trace.bootFile ?? null,
    state: verdict.state,
    verdict: formatFinding(verdict.finding),
    notices: verdict.notices.map(formatFinding),
  };
}

/** The boot as it is shown alone. */
export function formatBootDocument(view: BootView): BootDocument {
  const { omittedSteps, steps, consoleLines } = view.trace;
  return {
    ...formatBootSummary(view),
    omitted_steps: omittedSteps,
    steps: steps.map(formatStep),
    console: [...consoleLines],
  };
}

/** The last thing that happened, for those who follow; undefined before the first. */
export function formatLastStep({ steps }: BootTrace): StepDocument | undefined {
  const last = steps.at(-1);
  return last && formatStep(last);
}

function formatFinding({ code, sentence, cause, remedy }: Finding): Static<typeof FindingSchema> {
  return { code, sentence, cause, remedy };
}

function formatStep(step: BootStep): StepDocument {
  const { kind, at, lastAt, count } = step;
  const base = {
    kind,
    at: formatTime(at),
    ...(lastAt > at && step.kind !== 'file' && { last_at: formatTime(lastAt) }),
    count,
  };
  return { ...base, ...withoutUndefined(stepMembers(step)) };
}

function stepMembers(step: BootStep): Partial<StepDocument> {
  switch (step.kind) {
    case 'power':
      return { action: step.action, attempt: step.attempt, attempts: step.attempts };
    case 'dhcp':
      return {
        stage: step.stage,
        question: step.question,
        reply: step.reply ?? null,
        silence: step.silence,
        address: formatAddress(step.address),
        server: formatAddress(step.chosenServer),
        next_server: formatAddress(step.nextServer),
        boot_file: step.bootFile,
        withheld_boot_file: step.withheldBootFile,
        objection: step.objection,
        duration_ms: step.durationMs === undefined ? undefined : Math.round(step.durationMs * 100) / 100,
      };
    case 'file':
      return fileMembers(step);
    case 'refusal':
      return {
        via: step.via,
        role: step.role,
        requested: step.requested,
        path: step.mapped,
        rule: step.rule,
        reason: step.reason,
        message: step.message,
      };
    case 'rendering-failed':
      return { path: step.path, reason: step.reason };
    case 'foreign-reply':
      return {
        server: formatIpv4(step.server),
        message: step.message,
        address: formatAddress(step.address),
      };
    case 'conflict':
      return { address: formatIpv4(step.address), holder: step.holder };
  }
}

function fileMembers(step: FileStep): Partial<StepDocument> {
  return {
    via: step.via,
    role: step.role,
    requested: step.requested,
    path: step.path,
    source: step.source,
    node: step.node,
    generation: step.generation,
    modified_at: step.modifiedAt === undefined ? undefined : formatTime(step.modifiedAt),
    size: step.size,
    ending: step.ending ?? null,
    bytes: step.bytes,
    duration_ms: Math.round(step.durationMs),
    retransmissions: step.retransmissions,
    detail: step.detail,
  };
}

function withoutUndefined(members: Readonly<Record<string, unknown>>): Partial<StepDocument> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function formatAddress(address: Ipv4 | undefined): string | undefined {
  return address === undefined ? undefined : formatIpv4(address);
}

function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
