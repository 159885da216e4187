import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import { isUnheard, powerStepOf, runningFiles, type BootPhase, type BootTrace } from './boot-trace.ts';
import { dhcpFailure } from './diagnose-dhcp.ts';
import { fileFailure, silenceFailure } from './diagnose-files.ts';
import { isUefi } from './firmware.ts';
import type { NodePort } from './node.ts';
import { makeFinding, type Finding, type Verdict } from './verdict.ts';

/** What is known of the site, besides the trace itself, when a boot is judged. */
export interface SiteFacts {
  /** The port that boots; undefined: a machine without a node. */
  readonly port: NodePort | undefined;
  /** Boot files are served over HTTP. */
  readonly servesHttp: boolean;
  /** When the machine last fetched a kernel, this boot included, oldest first: milliseconds since 1970. */
  readonly kernelTimes: readonly number[];
  /** Another port of the same node that boots at the same time. */
  readonly otherPort: Mac | undefined;
  /** Other DHCP servers that were heard lately on the wire of this boot. */
  readonly foreignServers: readonly Ipv4[];
}

/**
 * After this long without a word from the machine, a boot is stuck. Firmware asks DHCP again within 32 s; loaders
 * wait in menus; a system may check its disks before it asks for an address.
 */
const PATIENCE_MS: Readonly<Record<Exclude<BootPhase, 'power'>, number>> = {
  address: 40_000,
  'boot-file': 40_000,
  loader: 60_000,
  configuration: 120_000,
  kernel: 90_000,
  ramdisk: 300_000,
  system: 60_000,
};

/** A machine that was refused a file asks for another one soon, or never. */
const PATIENCE_AFTER_REFUSAL_MS = 30_000;

/** So many kernels within so much time are a loop; deploying and cleaning a machine takes longer for each. */
const LOOP_KERNELS = 3;
const LOOP_MS = 10 * 60_000;

/** Fewer lost packets happen on any wire. */
const LOSSY_RETRANSMISSIONS = 50;

/** So long after its system has spoken, a machine that was to boot from the network does so no more. */
const PATIENCE_AFTER_OTHER_SYSTEM_MS = 40_000;

/** What to say about a boot, as it stands at `now` (milliseconds since 1970). */
export function diagnose(trace: BootTrace, site: SiteFacts, now: number): Verdict {
  if (trace.phase === 'power') return awaitedVerdict(trace, site, now);
  const notices = noticesOf(trace, site);
  if (trace.systemRuns) {
    const seconds = Math.round((trace.lastAt - trace.startedAt) / 1000);
    return { state: 'done', finding: makeFinding('booted', { seconds }), notices };
  }
  if (trace.startsLocalDisk && trace.phase === 'configuration') {
    const file = lastConfiguration(trace) ?? 'its configuration';
    return { state: 'done', finding: makeFinding('local-disk', { file }), notices };
  }
  const isPatient = trace.endedAt === undefined && now < impatientAt(trace);
  const failure =
    loopFailure(trace, site) ??
    (isPatient ? undefined : rootCause(notices)) ??
    fileFailure(trace, site, isPatient) ??
    dhcpFailure(trace, site, isPatient) ??
    (isPatient ? undefined : silenceFailure(trace, site));
  if (failure === undefined) {
    const finding = makeFinding('under-way', { activity: activityOf(trace) });
    return { state: 'under-way', finding, notices };
  }
  const others = notices.filter(({ code }) => code !== failure.code);
  return { state: isPatient ? 'under-way' : 'stuck', finding: failure, notices: others };
}

/** What to say of a machine that was switched on to boot from the network, and has not begun to. */
function awaitedVerdict(trace: BootTrace, site: SiteFacts, now: number): Verdict {
  const isPatient = trace.endedAt === undefined && now < impatientAt(trace);
  const notices = foreignServers(trace, site);
  const state = isPatient ? 'under-way' : 'stuck';
  const after = (at: number): number => Math.round((at - trace.startedAt) / 1000);
  if (!isUnheard(trace)) {
    return { state, finding: makeFinding('other-boot-device', { seconds: after(trace.lastAt) }), notices };
  }
  if (isPatient) return { state, finding: makeFinding('under-way', { activity: NEXT_STEPS.power }), notices };
  const macs = site.port?.node.ports.map(({ address }) => address) ?? [trace.mac];
  return { state, finding: noDiscover(macs, after(trace.endedAt ?? now)), notices };
}

/** The diagnosis of a machine with these ports that has not been heard since power-on. */
export function noDiscover(macs: readonly string[], seconds: number): Finding {
  return makeFinding('no-discover', { ports: macs.join(', ') || 'it has none', seconds });
}

/** When a boot that says nothing more is stuck; Infinity while a file is being sent, whose end is told in any case. */
export function impatientAt(trace: BootTrace): number {
  if (trace.phase === 'power') {
    const patienceMs = isUnheard(trace) ? powerStepOf(trace)?.patienceMs : PATIENCE_AFTER_OTHER_SYSTEM_MS;
    return (isUnheard(trace) ? trace.startedAt : trace.lastAt) + (patienceMs ?? 0);
  }
  if (runningFiles(trace).length > 0) return Infinity;
  const wasRefused = trace.steps.at(-1)?.kind === 'refusal';
  return trace.lastAt + (wasRefused ? PATIENCE_AFTER_REFUSAL_MS : PATIENCE_MS[trace.phase]);
}

/** When each kernel was fetched. */
export function kernelTimesOf(trace: BootTrace): readonly number[] {
  return trace.steps.flatMap((step) =>
    step.kind === 'file' && step.role === 'kernel' && step.ending === 'done' ? [step.at] : [],
  );
}

function loopFailure(trace: BootTrace, { kernelTimes }: SiteFacts): Finding | undefined {
  const recent = kernelTimes.filter((at) => at > trace.lastAt - LOOP_MS);
  const first = recent[0];
  if (recent.length < LOOP_KERNELS || first === undefined) return undefined;
  const minutes = Math.max(1, Math.ceil((trace.lastAt - first) / 60_000));
  return makeFinding('boot-loop', { count: recent.length, minutes });
}

/** A boot that stopped with the wrong kind of firmware stopped for that. */
function rootCause(notices: readonly Finding[]): Finding | undefined {
  return notices.find(({ code }) => code === 'boot-mode-mismatch');
}

function noticesOf(trace: BootTrace, site: SiteFacts): readonly Finding[] {
  return [
    modeMismatch(trace, site),
    ...foreignServers(trace, site),
    site.otherPort === undefined
      ? undefined
      : makeFinding('two-ports', { mac: trace.mac, other: site.otherPort }),
    unexpectedNetworkBoot(site),
    systemFromElsewhere(trace),
    lossyWire(trace),
  ].filter((finding) => finding !== undefined);
}

function modeMismatch({ architecture, mac }: BootTrace, { port }: SiteFacts): Finding | undefined {
  const declared = port?.node.bootMode;
  if (architecture === undefined || declared === undefined) return undefined;
  if (isUefi(architecture) === (declared === 'uefi')) return undefined;
  const said = isUefi(architecture) ? 'uefi' : 'bios';
  return makeFinding('boot-mode-mismatch', { firmware: said, declared, mac });
}

function foreignServers(trace: BootTrace, site: SiteFacts): readonly Finding[] {
  const answered = trace.steps.flatMap((step) => (step.kind === 'foreign-reply' ? [step.server] : []));
  const servers = new Set([...answered, ...site.foreignServers]);
  return [...servers].map((server) => makeFinding('other-server-answered', { server: formatIpv4(server) }));
}

function unexpectedNetworkBoot({ port }: SiteFacts): Finding | undefined {
  const policy = port?.profile?.policy;
  return policy === 'local-disk' ? makeFinding('unexpected-network-boot', { policy }) : undefined;
}

function systemFromElsewhere(trace: BootTrace): Finding | undefined {
  const last = trace.steps.at(-1);
  const isSystem = last?.kind === 'dhcp' && last.stage === 'system';
  return isSystem && trace.phase !== 'system' ? makeFinding('gave-up', {}) : undefined;
}

function lossyWire({ steps }: BootTrace): Finding | undefined {
  const count = steps.reduce((sum, step) => sum + (step.kind === 'file' ? step.retransmissions : 0), 0);
  return count < LOSSY_RETRANSMISSIONS ? undefined : makeFinding('lossy-wire', { count });
}

function lastConfiguration({ steps }: BootTrace): string | undefined {
  const step = steps.findLast((one) => one.kind === 'file' && one.role === 'configuration');
  return step?.kind === 'file' ? step.path : undefined;
}

const NEXT_STEPS: Readonly<Record<BootPhase, string>> = {
  power: 'was switched on and has not been heard yet',
  address: 'asks for an address',
  'boot-file': 'has an address, and is about to fetch its boot file',
  loader: 'has its loader, which looks for its configuration',
  configuration: 'has its configuration, and is about to fetch what that names',
  kernel: 'has its kernel, and is about to fetch its ramdisk or to start',
  ramdisk: 'has kernel and ramdisk, and starts its system',
  system: 'runs its system, which asks for an address',
};

function activityOf(trace: BootTrace): string {
  const [file] = runningFiles(trace);
  return file === undefined ? NEXT_STEPS[trace.phase] : `is being sent ${file.path}`;
}
