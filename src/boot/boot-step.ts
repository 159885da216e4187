import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { DhcpQuestion, FileProtocol, FileStarted, TransferEnding } from './boot-observation.ts';
import type { FileRole } from './file-role.ts';

/** Which program of a machine speaks to DHCP: the boot ROM, iPXE whatever loaded it, or an operating system. */
export type BootStage = 'firmware' | 'ipxe' | 'system';

/** What all steps have. Equal ones that follow each other are one step with a count. Times are milliseconds since 1970. */
interface StepTimes {
  readonly at: number;
  readonly lastAt: number;
  readonly count: number;
}

/** A question to DHCP and its answer. */
export interface DhcpStep extends StepTimes {
  readonly kind: 'dhcp';
  readonly stage: BootStage;
  readonly question: DhcpQuestion;
  /** Undefined: silence, for the reason in `silence`. */
  readonly reply: 'offer' | 'ack' | 'nak' | 'bootp' | undefined;
  readonly silence: string | undefined;
  readonly address: Ipv4 | undefined;
  readonly chosenServer: Ipv4 | undefined;
  readonly nextServer: Ipv4 | undefined;
  readonly bootFile: string | undefined;
  readonly withheldBootFile: string | undefined;
  readonly objection: string | undefined;
  readonly durationMs: number | undefined;
}

/** A file that was, or is being, sent. */
export interface FileStep extends StepTimes, Omit<FileStarted, 'kind' | 'peer'> {
  readonly kind: 'file';
  readonly role: FileRole;
  /** Undefined while it runs. */
  readonly ending: TransferEnding | undefined;
  readonly bytes: number;
  readonly durationMs: number;
  readonly retransmissions: number;
  readonly detail: string | undefined;
}

/** A file that was refused. */
export interface RefusalStep extends StepTimes {
  readonly kind: 'refusal';
  readonly via: FileProtocol;
  readonly role: FileRole;
  readonly requested: string;
  readonly mapped: string;
  readonly rule: number | undefined;
  readonly reason: string;
  readonly message: string;
}

/** The machine's configuration could not be rendered. */
export interface RenderingStep extends StepTimes {
  readonly kind: 'rendering-failed';
  readonly path: string;
  readonly reason: string;
}

/** Another DHCP server answered the machine. */
export interface ForeignReplyStep extends StepTimes {
  readonly kind: 'foreign-reply';
  readonly server: Ipv4;
  readonly message: 'offer' | 'ack' | 'nak';
  readonly address: Ipv4 | undefined;
}

/** The address that was meant for the machine was found in use. */
export interface ConflictStep extends StepTimes {
  readonly kind: 'conflict';
  readonly address: Ipv4;
  readonly holder: Mac | undefined;
}

/** bootd switched the machine on, so that it boots from the network. */
export interface PowerStep extends StepTimes {
  readonly kind: 'power';
  /** What its BMC was told. */
  readonly action: 'on' | 'cycle';
  /** Which start of the machine this is, of how many at most. */
  readonly attempt: number;
  readonly attempts: number;
  /** How long it may take until its first word. */
  readonly patienceMs: number;
}

/** One thing that happened in a boot. */
export type BootStep =
  PowerStep | DhcpStep | FileStep | RefusalStep | RenderingStep | ForeignReplyStep | ConflictStep;

/** Whether the machine has the file: whole, or all of it before it closed. */
export function wasSentWhole({ ending, bytes, size }: FileStep): boolean {
  if (ending === 'done') return true;
  return ending === 'closed' && size !== undefined && bytes >= size;
}

/** The step that stands for two equal ones in a row; undefined when they differ. */
export function mergedStep(earlier: BootStep, later: BootStep): BootStep | undefined {
  if (earlier.kind !== later.kind || signatureOf(earlier) !== signatureOf(later)) return undefined;
  return { ...later, at: earlier.at, count: earlier.count + later.count };
}

/** What makes two steps equal; times, durations and the transfers' own numbers do not. */
function signatureOf(step: BootStep): string {
  switch (step.kind) {
    case 'power':
      return `${step.action}\n${step.attempt}`;
    case 'dhcp': {
      const { stage, question, reply, silence, address, chosenServer, bootFile, objection } = step;
      return [stage, question, reply, silence, address, chosenServer, bootFile, objection].join('\n');
    }
    case 'file':
      return [step.via, step.requested, step.path, step.source, step.generation, step.ending].join('\n');
    case 'refusal':
      return [step.via, step.requested, step.mapped, step.reason].join('\n');
    case 'rendering-failed':
      return `${step.path}\n${step.reason}`;
    case 'foreign-reply':
      return `${step.server}\n${step.message}`;
    case 'conflict':
      return `${step.address}\n${step.holder ?? ''}`;
  }
}
