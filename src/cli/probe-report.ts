import { formatIpv4 } from '../addr/ipv4.ts';
import type { BootOffer } from '../probe/boot-offer.ts';
import { contentText, requestName, type BootVerdict, type FileRequest } from '../probe/file-request.ts';
import type { FirmwareStep } from '../probe/firmware-client.ts';
import { printable } from '../wire/visible-text.ts';
import type { FetchReport } from './machine-player.ts';
import type { FileComparison, NodeCheck } from './probe-comparison.ts';
import type { FootprintNote } from './probe-footprint.ts';

/** What happened, as it is told to people line by line and to programs at the end. */
export type ProbeEvent =
  | { readonly kind: 'round'; readonly title: string }
  | { readonly kind: 'firmware'; readonly step: FirmwareStep }
  | {
      readonly kind: 'file';
      readonly request: FileRequest;
      readonly report: FetchReport;
      /** The same octets came before: GRUB reads its own configuration twice. */
      readonly seenBefore: boolean;
      /** Undefined: there was nothing to compare it with. */
      readonly comparison: FileComparison | undefined;
    }
  | { readonly kind: 'check'; readonly check: NodeCheck }
  | { readonly kind: 'verdict'; readonly verdict: BootVerdict }
  | { readonly kind: 'note'; readonly note: FootprintNote };

/** Whether the verdict means that everything was served that this boot wanted. */
export function isWholeChain(verdict: BootVerdict): boolean {
  return ['kernel', 'local-disk', 'address'].includes(verdict.kind);
}

/** Whether the machine got something else than it should. */
export function isDifference(event: ProbeEvent): boolean {
  return (
    (event.kind === 'check' && !event.check.ok) ||
    (event.kind === 'file' && event.comparison?.kind === 'differs')
  );
}

/** The lines of an event for people; `ms` is the time since the probe began. */
export function formatProbeEvent(event: ProbeEvent, ms: number): readonly string[] {
  const line = (what: string, text: string): string =>
    `${(ms / 1000).toFixed(3).padStart(8)}  ${what.padEnd(13)}  ${text}`;
  switch (event.kind) {
    case 'round':
      return [line('machine', event.title)];
    case 'firmware':
      return [line(...firmwareText(event.step))];
    case 'file':
      return [
        line(event.request.purpose, fileText(event.request, event.report) + sourceText(event)),
        ...differenceLines(event, line),
        ...configurationLines(event),
      ];
    case 'check':
      return [line(event.check.ok ? 'as declared' : 'DIFFERS', checkText(event.check))];
    case 'verdict':
      return verdictLines(event.verdict);
    case 'note':
      return [line(event.note.undone ? 'afterwards' : 'note', printable(event.note.text))];
    default:
      return event satisfies never;
  }
}

function firmwareText(step: FirmwareStep): [what: string, text: string] {
  switch (step.kind) {
    case 'send':
      return [
        step.what.toUpperCase(),
        `xid ${step.message.xid.toString(16).padStart(8, '0')}, secs ${step.message.secs}`,
      ];
    case 'offered':
      return ['OFFER', `${formatIpv4(step.offer.address)} from ${formatIpv4(step.offer.serverIdentifier)}`];
    case 'ignored':
      return ['OFFER', `of ${formatIpv4(step.offer.serverIdentifier)} not taken: ${step.reason}`];
    case 'refused':
      return ['NAK', printable(step.message)];
    case 'bound':
      return ['lease', leaseText(step.lease)];
    case 'failed':
      return ['failed', printable(step.reason)];
    default:
      return step satisfies never;
  }
}

function leaseText(lease: BootOffer): string {
  const time = lease.leaseSeconds === undefined ? 'without end' : `for ${lease.leaseSeconds} s`;
  const file =
    lease.bootFile === ''
      ? 'no boot file'
      : `boot file "${printable(lease.bootFile)}" on ${formatIpv4(lease.nextServer)}`;
  return `${formatIpv4(lease.address)} ${time} from ${formatIpv4(lease.serverIdentifier)}, ${file}`;
}

function fileText(request: FileRequest, { answer, ms, transfer }: FetchReport): string {
  const name = printable(requestName(request));
  switch (answer.kind) {
    case 'served': {
      const speed = `${answer.octets} octets in ${ms.toFixed(0)} ms`;
      const resent = transfer?.retransmissions ?? 0;
      return `${name}  ${speed}${resent > 0 ? `, ${resent} packets sent again` : ''}`;
    }
    case 'aborted':
      return `${name}  ${answer.octets === undefined ? 'of unknown size' : `${answer.octets} octets`}, only asked for`;
    case 'refused':
    case 'failed':
      return `${name}  ${request.optional ? 'not there' : 'NOT SERVED'}: ${printable(answer.reason)}`;
    default:
      return answer satisfies never;
  }
}

/** Where a file that came is kept, or that it was made for this machine. */
function sourceText({ comparison, report }: ProbeEvent & { readonly kind: 'file' }): string {
  if (comparison?.kind !== 'same' || report.answer.kind === 'refused') return '';
  const generation = comparison.generation === undefined ? '' : `, generation ${comparison.generation}`;
  return ` (${comparison.source}${generation})`;
}

function differenceLines(
  { comparison }: ProbeEvent & { readonly kind: 'file' },
  line: (what: string, text: string) => string,
): readonly string[] {
  return comparison?.kind === 'differs' ? [line('DIFFERS', printable(comparison.reason))] : [];
}

function checkText({ what, expected, got, ok }: NodeCheck): string {
  const said = expected === '' ? 'none' : expected;
  return printable(
    ok ? `${what}: ${said}` : `${what}: ${got === '' ? 'none' : got}, but the node says ${said}`,
  );
}

/** A configuration is what people want to see: all of it, once, behind a bar. */
function configurationLines({
  request,
  report,
  seenBefore,
}: ProbeEvent & { readonly kind: 'file' }): readonly string[] {
  if (request.purpose !== 'configuration' || report.answer.kind !== 'served' || seenBefore) return [];
  const text = contentText(report.answer).trimEnd();
  return text.split('\n').map((row) => `${' '.repeat(25)}| ${printable(row.replaceAll('\t', '    '))}`);
}

function verdictLines(verdict: BootVerdict): readonly string[] {
  switch (verdict.kind) {
    case 'kernel': {
      const ramdisks =
        verdict.ramdisks.length === 0 ? 'no ramdisk' : `ramdisk ${verdict.ramdisks.join(', ')}`;
      return [
        printable(`Boots kernel ${verdict.kernel}, ${ramdisks}, arguments: ${verdict.parameters || 'none'}`),
      ];
    }
    case 'local-disk':
      return ['Boots from its local disk, as it is told to.'];
    case 'address':
      return ['Has its address, and wants nothing more.'];
    case 'ipxe':
      return ['Starts iPXE, which asks by DHCP itself.'];
    case 'not-followed':
      return [printable(`Not followed further: ${verdict.reason}.`)];
    case 'stuck':
      return [printable(`Stuck: ${verdict.reason}.`)];
    default:
      return verdict satisfies never;
  }
}

/** An event for programs. */
export function probeEventDocument(event: ProbeEvent, ms: number): Readonly<Record<string, unknown>> {
  const at = { at_ms: Math.round(ms) };
  switch (event.kind) {
    case 'round':
      return { ...at, step: 'machine', title: event.title };
    case 'firmware':
      return { ...at, ...firmwareDocument(event.step) };
    case 'file':
      return { ...at, ...fileDocument(event.request, event.report), ...comparisonDocument(event.comparison) };
    case 'check':
      return { ...at, step: 'check', ...event.check };
    case 'verdict':
      return { ...at, step: 'verdict', ...event.verdict };
    case 'note':
      return { ...at, step: event.note.undone ? 'afterwards' : 'note', ...event.note };
    default:
      return event satisfies never;
  }
}

function comparisonDocument(comparison: FileComparison | undefined): Readonly<Record<string, unknown>> {
  if (comparison === undefined) return {};
  if (comparison.kind === 'differs') return { as_expected: false, difference: comparison.reason };
  return { as_expected: true, served_from: comparison.source, generation: comparison.generation ?? null };
}

function firmwareDocument(step: FirmwareStep): Readonly<Record<string, unknown>> {
  switch (step.kind) {
    case 'send':
      return { step: step.what, xid: step.message.xid, secs: step.message.secs };
    case 'offered':
      return { step: 'offer', ...offerDocument(step.offer) };
    case 'ignored':
      return { step: 'offer-ignored', reason: step.reason, ...offerDocument(step.offer) };
    case 'refused':
      return { step: 'nak', message: step.message };
    case 'bound':
      return { step: 'lease', ...offerDocument(step.lease) };
    case 'failed':
      return { step: 'failed', reason: step.reason };
    default:
      return step satisfies never;
  }
}

function offerDocument(offer: BootOffer): Readonly<Record<string, unknown>> {
  return {
    address: formatIpv4(offer.address),
    server: formatIpv4(offer.serverIdentifier),
    next_server: formatIpv4(offer.nextServer),
    boot_file: offer.bootFile,
    lease_seconds: offer.leaseSeconds ?? null,
  };
}

function fileDocument(request: FileRequest, report: FetchReport): Readonly<Record<string, unknown>> {
  const { answer, transfer } = report;
  const isText = request.purpose === 'configuration' && answer.kind === 'served';
  return {
    step: 'file',
    purpose: request.purpose,
    name: requestName(request),
    protocol: request.source.kind,
    optional: request.optional,
    result: answer.kind,
    ms: Math.round(report.ms),
    ...('octets' in answer ? { octets: answer.octets ?? null } : { reason: answer.reason }),
    ...(report.sha256 === undefined ? {} : { sha256: report.sha256 }),
    ...(transfer === undefined
      ? {}
      : {
          options: Object.fromEntries(transfer.options.map(({ name, value }) => [name, value])),
          blocks: transfer.blocks,
          retransmissions: transfer.retransmissions,
        }),
    ...(isText ? { content: contentText(answer) } : {}),
  };
}
