import { formatIpv4 } from '../addr/ipv4.ts';
import {
  wasSentWhole,
  type BootStep,
  type FileStep,
  type RefusalStep,
  type RenderingStep,
} from './boot-step.ts';
import { phaseIsAtLeast, type BootTrace } from './boot-trace.ts';
import { parseBootPath } from './boot-paths.ts';
import type { SiteFacts } from './diagnose.ts';
import { makeFinding, type Finding } from './verdict.ts';

/** A loader that is refused the same name again and again waits for it. */
const REPEATED = 3;

/** What went wrong with the files of a boot; undefined: nothing so far. */
export function fileFailure(trace: BootTrace, site: SiteFacts, isPatient: boolean): Finding | undefined {
  const last = trace.steps.findLast(isFileStep);
  if (last === undefined || !isLatest(trace, last)) return undefined;
  return (
    renderingFailure(trace) ??
    imageRefusal(trace) ??
    (last.kind === 'refusal' ? refusalFailure(trace, last, isPatient) : undefined) ??
    (last.kind === 'file' ? transferFailure(last) : undefined) ??
    (isPatient ? undefined : configurationFailure(trace, site))
  );
}

/** What a machine did not do that was due, once it has been silent for long. */
export function silenceFailure(trace: BootTrace, site: SiteFacts): Finding | undefined {
  const { phase, steps } = trace;
  switch (phase) {
    case 'power':
      return undefined;
    case 'address':
    case 'boot-file': {
      // Where another server gives the addresses, no more is seen of them here.
      if (phase === 'address' && trace.bootFile === undefined) return undefined;
      const told = steps.findLast((step) => step.kind === 'dhcp' && step.reply !== undefined);
      const server = told?.kind === 'dhcp' ? told.nextServer : undefined;
      return makeFinding('no-file-request', {
        file: trace.bootFile ?? 'its boot file',
        server: server === undefined ? 'the server' : formatIpv4(server),
      });
    }
    case 'loader':
      return makeFinding('boot-file-silent', { file: sentFile(trace) });
    case 'configuration':
      return makeFinding('configuration-silent', { file: sentFile(trace) });
    case 'kernel': {
      const ramdisk = site.port?.profile?.ramdisk;
      if (ramdisk !== undefined) return makeFinding('ramdisk-not-requested', { file: ramdisk });
      return makeFinding('system-silent', { ramdisk: '' });
    }
    case 'ramdisk':
      return makeFinding('system-silent', { ramdisk: ' and ramdisk' });
    case 'system':
      return makeFinding('system-unanswered', { reason: 'it asked, and did not finish' });
  }
}

type FilesStep = FileStep | RefusalStep | RenderingStep;

function isFileStep(step: BootStep): step is FilesStep {
  return step.kind === 'file' || step.kind === 'refusal' || step.kind === 'rendering-failed';
}

/** A machine that asked DHCP again after its files left them behind, unless its system asks. */
function isLatest({ steps }: BootTrace, last: FilesStep): boolean {
  return !steps
    .slice(steps.indexOf(last) + 1)
    .some((step) => step.kind === 'dhcp' && step.stage !== 'system' && step.question !== 'renewing');
}

/** Until the loader has a configuration after all. */
function renderingFailure({ steps }: BootTrace): Finding | undefined {
  const failed = steps.findLast((step) => step.kind === 'rendering-failed');
  if (failed?.kind !== 'rendering-failed') return undefined;
  const later = steps.slice(steps.indexOf(failed));
  if (later.some((step) => step.kind === 'file' && step.role === 'configuration')) return undefined;
  return makeFinding('template-failed', { file: failed.path, reason: failed.reason });
}

/** A kernel or ramdisk is no optional file: whoever asks for it wants to start it. */
function imageRefusal({ steps }: BootTrace): Finding | undefined {
  const refused = steps.findLast(
    (step): step is RefusalStep =>
      step.kind === 'refusal' && (step.role === 'kernel' || step.role === 'ramdisk'),
  );
  if (refused === undefined) return undefined;
  const later = steps.slice(steps.indexOf(refused));
  if (later.some((step) => step.kind === 'file' && step.role === refused.role)) return undefined;
  if (refused.reason !== 'not-found' || refused.rule !== undefined) return refusalFinding(refused);
  return makeFinding(refused.role === 'kernel' ? 'kernel-missing' : 'ramdisk-missing', {
    file: refused.requested,
  });
}

function refusalFailure(trace: BootTrace, refused: RefusalStep, isPatient: boolean): Finding | undefined {
  switch (refused.role) {
    case 'boot-file':
      return refusalFinding(refused);
    case 'configuration':
      return undefined;
    case 'kernel':
    case 'ramdisk':
    case 'loader':
      // Loaders try names that may be absent, and go on. GRUB asks for lists of modules after it found no configuration:
      // what it misses then is the configuration.
      if (phaseIsAtLeast(trace.phase, 'kernel')) return undefined;
      return refused.count >= REPEATED || !isPatient
        ? (searchFailure(trace) ?? refusalFinding(refused))
        : undefined;
  }
}

function refusalFinding(refused: RefusalStep): Finding {
  const { requested: file, mapped, rule, reason, message } = refused;
  if (reason !== 'not-found') return makeFinding('file-refused', { file, message, reason });
  return rule !== undefined
    ? makeFinding('file-rewritten', { file, rule, mapped })
    : makeFinding('file-not-found', { file });
}

function configurationFailure(trace: BootTrace, { port }: SiteFacts): Finding | undefined {
  if (phaseIsAtLeast(trace.phase, 'configuration')) return undefined;
  if (port?.port.pxeEnabled === false) return makeFinding('port-not-pxe', { mac: trace.mac });
  return searchFailure(trace);
}

/** A search that went through all of its names; the last one is the one for any machine. */
function searchFailure({ steps, phase }: BootTrace): Finding | undefined {
  if (phaseIsAtLeast(phase, 'configuration')) return undefined;
  const refused = steps.filter(
    (step): step is RefusalStep => step.kind === 'refusal' && step.role === 'configuration',
  );
  const last = refused.findLast(({ mapped }) => parseBootPath(mapped) !== undefined) ?? refused.at(-1);
  if (last === undefined) return undefined;
  const count = new Set(refused.map(({ requested }) => requested)).size;
  return makeFinding('configuration-not-found', { file: last.requested, count });
}

function transferFailure(step: FileStep): Finding | undefined {
  const { path: file, bytes, retransmissions, ending } = step;
  const size = step.size ?? 'unknown';
  const detail = step.detail ?? 'it did not say why';
  switch (ending) {
    case 'aborted':
      return makeFinding('transfer-aborted', { file, bytes, size, detail });
    case 'timeout':
      return makeFinding('transfer-timeout', { file, bytes, size, retransmissions });
    case 'stopped':
      return makeFinding('transfer-stopped', { file, bytes, size });
    case 'truncated':
      return makeFinding('file-unreadable', { file, detail: 'it became shorter meanwhile' });
    case 'read-failed':
      return makeFinding('file-unreadable', { file, detail });
    case undefined:
    case 'done':
    case 'probed':
    case 'closed':
    case 'replaced':
      return undefined;
  }
}

function sentFile({ steps }: BootTrace): string {
  const sent = steps.findLast((step): step is FileStep => step.kind === 'file' && wasSentWhole(step));
  return sent?.path ?? 'its file';
}
