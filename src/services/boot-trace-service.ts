import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type {
  AddressConflict,
  BootObserver,
  DhcpObservation,
  FileObservation,
  FileRefused,
  ForeignReply,
  RenderingFailure,
} from '../boot/boot-observation.ts';
import { bootStageOf, type GrowingTrace } from '../boot/boot-trace.ts';
import { diagnose, impatientAt, kernelTimesOf, type SiteFacts } from '../boot/diagnose.ts';
import { fileRoleOf, isSameName, type FileRole } from '../boot/file-role.ts';
import type { PowerStep } from '../boot/boot-step.ts';
import type { NodePort } from '../boot/node.ts';
import type { ProbeLookup } from '../boot/probe-register.ts';
import { TraceTable, TRACE_LIMITS, type TraceLimits } from '../boot/trace-table.ts';
import type { Verdict } from '../boot/verdict.ts';
import type { UnknownMachineBoot } from '../config/settings.ts';
import type { BootFilter, BootQueries, BootView } from '../control/boot-queries.ts';
import type { Clock } from '../io/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { BootReport } from './boot-report.ts';
import type { ForeignServers } from './foreign-servers.ts';
import type { Service } from './service.ts';
import type { TraceKeeper } from './trace-keeper.ts';

/** What the service works with. */
export interface BootTraceServiceParts {
  readonly portByMac: (mac: Mac) => NodePort | undefined;
  /** Whose lease an address is. */
  readonly macOfAddress: (address: Ipv4) => Mac | undefined;
  readonly probes: ProbeLookup;
  readonly foreignServers: ForeignServers;
  readonly keeper: TraceKeeper;
  readonly tftpRoot: string | undefined;
  readonly unknownMachines: UnknownMachineBoot;
  /** Boot files are served over HTTP. */
  readonly servesHttp: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly limits?: TraceLimits;
}

/** A machine that was switched on to boot from the network. */
export interface AwaitedBoot extends Pick<PowerStep, 'action' | 'attempt' | 'attempts' | 'patienceMs'> {
  /** Its ports, the one that it is most likely to boot by first. */
  readonly macs: readonly Mac[];
  /** When its BMC was told: a boot that began since then is the one that is awaited. */
  readonly since: number;
}

/** Told of each change of a boot, after it was made. */
export type BootListener = (view: BootView) => void;

/** How often boots are looked at that may have become stuck. */
const LOOK_INTERVAL_MS = 1000;

/** A relayed or foreign lease is known by what was heard of it; this many are remembered. */
const REMEMBERED_ADDRESSES = 8192;

/** What a system asks for when it starts; renewals and goodbyes are no part of a boot. */
const STARTING_QUESTIONS: ReadonlySet<string> = new Set(['discover', 'selecting', 'init-reboot', 'bootp']);

/** After this long, what another system of the machine says has nothing to do with its network boot. */
const SYSTEM_LATE_MS = 15 * 60_000;

/** Changes of boots of strangers that listeners hear of in a second. */
const STRANGERS_TOLD_PER_SECOND = 50;

/** Ports of one node that are heard within this time of each other boot at once. */
const AT_ONCE_MS = 60_000;

/**
 * Follows every boot from the machine's first question to its system's, and says in words where it stands. It only
 * listens: nothing waits for it, and no packet of a stranger costs more than a constant time.
 */
export class BootTraceService implements Service, BootObserver, BootQueries {
  readonly name = 'boots';
  #parts: BootTraceServiceParts;
  readonly #table: TraceTable;
  readonly #report: BootReport;
  readonly #listeners = new Set<BootListener>();
  /** Boots whose verdict may still change by itself. */
  readonly #open = new Set<GrowingTrace>();
  readonly #macByAddress = new Map<Ipv4, Mac>();
  #strangers = { second: 0, told: 0 };
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: BootTraceServiceParts) {
    this.#parts = parts;
    this.#table = new TraceTable(parts.limits ?? TRACE_LIMITS, (trace) => this.#open.delete(trace));
    this.#report = new BootReport(parts.logger, parts.metrics);
  }

  /** What is judged from now on is judged by these. */
  adopt(settings: Pick<BootTraceServiceParts, 'tftpRoot' | 'unknownMachines'>): void {
    this.#parts = { ...this.#parts, ...settings };
  }

  /** Reads the traces that were kept. Never rejects: without them everything works. */
  async start(): Promise<void> {
    const kept = await this.#parts.keeper.load();
    this.#table.restore(kept);
    for (const trace of kept) if (trace.verdict === undefined) this.#open.add(trace);
    this.#parts.metrics.observeBoots(() => this.#open.size);
    this.#timer = setInterval(() => this.look(), LOOK_INTERVAL_MS).unref();
  }

  /** Writes what is not on disk yet. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#parts.keeper.close();
  }

  /** Calls back at each change; the function returned ends that. */
  onChange(listener: BootListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  list({ mac, node }: BootFilter): readonly BootView[] {
    const traces = mac === undefined ? [...this.#table.all()] : this.#table.ofMachine(mac);
    return traces
      .filter((trace) => node === undefined || this.#nodeOf(trace) === node)
      .sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1))
      .map((trace) => this.#view(trace));
  }

  byId(id: string): BootView | undefined {
    const trace = this.#table.byId(id);
    return trace && this.#view(trace);
  }

  observeDhcp(observation: DhcpObservation): void {
    const { mac, question, reply, address, isKnown, firmware, chosenServer, silence, interfaceName } =
      observation;
    const now = this.#parts.clock.now();
    const stage = bootStageOf(firmware, question === 'bootp');
    const isGiven = reply === 'ack' || reply === 'bootp';
    // Also of a lease that another server gives, which this one, as a proxy, knows by the REQUEST alone.
    if (address !== undefined && (isGiven || (question === 'selecting' && reply !== 'nak'))) {
      this.#remember(address, mac);
    }
    if (silence === 'other-server' && chosenServer !== undefined) {
      this.#parts.foreignServers.heard(chosenServer, interfaceName, mac);
    }
    let trace = this.#table.current(mac);
    if (trace === undefined || this.#isLeft(trace, observation, now)) {
      const awaited = this.#awaited(mac, now);
      // A system that starts from its disk is no network boot, unless it was to be one.
      if (stage === 'system' && awaited === undefined) return;
      trace = awaited ?? this.#begin(mac, now, isKnown);
    } else if (trace.isOver || (stage === 'system' && !isPartOfBoot(trace, observation, now))) return;
    trace.recordDhcp(observation, now);
    if (isGiven || isKnown) this.#table.establish(trace);
    this.#changed(trace);
  }

  observeFile(observation: FileObservation): void {
    const { peer } = observation;
    const mac = this.#parts.macOfAddress(peer) ?? this.#macByAddress.get(peer);
    if (mac === undefined) return;
    const now = this.#parts.clock.now();
    const port = this.#parts.portByMac(mac);
    const running = this.#traceOfTransfer(mac, observation);
    let trace = running ?? this.#table.current(mac);
    const role = this.#roleOf(observation, trace, port);
    const isEnded = running === undefined && trace?.endedAt !== undefined;
    if (trace === undefined || isEnded || trace.isLeftByFile(role, now)) {
      trace = this.#awaited(mac, now) ?? this.#begin(mac, now, true);
    } else if (trace.systemRuns) return;
    trace.node = port?.node.uuid ?? trace.node;
    // A probe fetches from its host's address; the trace has the machine's.
    if (this.#parts.probes.machineAt(peer) === undefined) trace.address = peer;
    if (observation.kind === 'refused') trace.recordRefusal(this.#withTellingRule(observation), role, now);
    else trace.recordFile(observation, role, this.#isLocalDisk(observation.source, port), now);
    this.#table.establish(trace);
    this.#changed(trace);
  }

  observeRenderingFailure({ peer, path, reason }: RenderingFailure): void {
    const mac = this.#parts.macOfAddress(peer) ?? this.#macByAddress.get(peer);
    const trace = mac && this.#table.current(mac);
    if (trace === undefined || trace.isOver) return;
    const now = this.#parts.clock.now();
    trace.add({ kind: 'rendering-failed', at: now, lastAt: now, count: 1, path, reason });
    this.#changed(trace);
  }

  observeForeignReply({ mac, server, message, address, interfaceName }: ForeignReply): void {
    this.#parts.foreignServers.heard(server, interfaceName, mac);
    const trace = this.#table.current(mac);
    if (trace === undefined || trace.isOver) return;
    if (address !== undefined && message === 'ack') this.#remember(address, mac);
    const now = this.#parts.clock.now();
    trace.add({ kind: 'foreign-reply', at: now, lastAt: now, count: 1, server, message, address });
    this.#changed(trace);
  }

  observeConflict({ mac, address, holder }: AddressConflict): void {
    const now = this.#parts.clock.now();
    // A machine's first question waits for the check, so this is what is first heard of its boot.
    const trace = this.#awaited(mac, now) ?? this.#table.current(mac) ?? this.#begin(mac, now, false);
    if (trace.isOver) return;
    trace.add({ kind: 'conflict', at: now, lastAt: now, count: 1, address, holder });
    this.#changed(trace);
  }

  /**
   * Opens the trace of a machine that has just been switched on, so that it has one although it is never heard: what is
   * heard next of any of its ports belongs to it. Answers its id; undefined for a machine without ports.
   */
  awaitBoot({ macs, since, action, attempt, attempts, patienceMs }: AwaitedBoot): string | undefined {
    const [first] = macs;
    if (first === undefined) return undefined;
    const earlier = macs.flatMap((mac) => this.#table.current(mac) ?? []);
    const isThere = earlier.find(({ startedAt, isProbe }) => startedAt >= since && !isProbe);
    if (isThere !== undefined) return isThere.id;
    const now = this.#parts.clock.now();
    for (const trace of earlier) {
      if (trace.isProbe) continue;
      trace.endedAt ??= now;
      if (this.#open.has(trace)) this.#settle(trace, this.#diagnose(trace, now));
    }
    const trace = this.#begin(first, now, true);
    trace.node = this.#parts.portByMac(first)?.node.uuid;
    trace.recordPower({ action, attempt, attempts, patienceMs }, now);
    this.#changed(trace);
    return trace.id;
  }

  /** Puts the last lines of a console into the boot that one of these cards began since then, if there is one yet. */
  showConsole(macs: readonly Mac[], since: number, lines: readonly string[]): void {
    const traces = macs.flatMap((mac) => this.#table.current(mac) ?? []);
    const trace = traces.find(({ startedAt, isProbe }) => startedAt >= since && !isProbe);
    if (trace === undefined) return;
    trace.consoleLines = lines;
    if (this.#table.isEstablished(trace)) {
      this.#parts.keeper.keep(trace, () => [...this.#table.established()]);
    }
  }

  /** Finds the boots that have become stuck by now. */
  look(): void {
    const now = this.#parts.clock.now();
    for (const trace of this.#open) {
      if (trace.endedAt === undefined && now < impatientAt(trace)) continue;
      this.#settle(trace, this.#diagnose(trace, now));
    }
  }

  #begin(mac: Mac, now: number, isEstablished: boolean): GrowingTrace {
    const earlier = this.#table.current(mac);
    const isProbe = this.#parts.probes.probeOf(mac) !== undefined;
    const isKnown = isEstablished || this.#parts.portByMac(mac) !== undefined;
    const trace = this.#table.begin(mac, now, { isProbe, isEstablished: isKnown });
    if (earlier !== undefined && this.#open.has(earlier)) {
      this.#settle(earlier, this.#diagnose(earlier, now));
    }
    return trace;
  }

  /** Also one that the machine was switched off in, and one that a machine is awaited in which is being played only. */
  #isLeft(trace: GrowingTrace, observation: DhcpObservation, now: number): boolean {
    if (trace.endedAt !== undefined || trace.isLeftBy(observation, now)) return true;
    return trace.isAwaited(now) && this.#parts.probes.probeOf(trace.mac) !== undefined;
  }

  /** The boot that the machine of this card was switched on for, now that this card is heard. */
  #awaited(mac: Mac, now: number): GrowingTrace | undefined {
    if (this.#parts.probes.probeOf(mac) !== undefined) return undefined;
    const cards = this.#parts.portByMac(mac)?.node.ports ?? [];
    const awaited = cards
      .map(({ address }) => this.#table.current(address))
      .find((trace) => trace?.isProbe === false && trace.isAwaited(now));
    if (awaited !== undefined) this.#table.move(awaited, mac);
    return awaited;
  }

  #changed(trace: GrowingTrace): void {
    const verdict = this.#diagnose(trace, this.#parts.clock.now());
    if (verdict.state === 'done') {
      this.#settle(trace, verdict);
      return;
    }
    this.#open.add(trace);
    this.#tell(trace, verdict);
  }

  /** The verdict stays as it is until the machine is heard again. */
  #settle(trace: GrowingTrace, verdict: Verdict): void {
    trace.verdict = verdict;
    this.#open.delete(trace);
    if (this.#table.isEstablished(trace) && verdict.state !== 'under-way')
      this.#report.settled(trace, verdict);
    this.#tell(trace, verdict);
  }

  #tell(trace: GrowingTrace, verdict: Verdict): void {
    if (this.#table.isEstablished(trace)) {
      this.#parts.keeper.keep(trace, () => [...this.#table.established()]);
    } else if (!this.#mayTellOfStranger()) return;
    for (const listener of this.#listeners) listener({ trace, verdict });
  }

  /** A flood of strangers must not flood those who follow. */
  #mayTellOfStranger(): boolean {
    const second = Math.floor(this.#parts.clock.monotonic() / 1000);
    if (second !== this.#strangers.second) this.#strangers = { second, told: 0 };
    this.#strangers.told += 1;
    return this.#strangers.told <= STRANGERS_TOLD_PER_SECOND;
  }

  #view(trace: GrowingTrace): BootView {
    return { trace, verdict: trace.verdict ?? this.#diagnose(trace, this.#parts.clock.now()) };
  }

  #diagnose(trace: GrowingTrace, now: number): Verdict {
    return diagnose(trace, this.#siteFacts(trace, now), now);
  }

  #siteFacts(trace: GrowingTrace, now: number): SiteFacts {
    const port = this.#parts.portByMac(trace.mac);
    const boots = this.#table.ofMachine(trace.mac).filter(({ isProbe }) => isProbe === trace.isProbe);
    return {
      port,
      servesHttp: this.#parts.servesHttp,
      kernelTimes: boots.filter(({ startedAt }) => startedAt <= trace.startedAt).flatMap(kernelTimesOf),
      otherPort: this.#otherPort(trace, port),
      foreignServers: this.#parts.foreignServers.lately(trace.interfaceName, now),
    };
  }

  #otherPort(trace: GrowingTrace, port: NodePort | undefined): Mac | undefined {
    const others = port?.node.ports.filter(({ address }) => address !== trace.mac) ?? [];
    return others.find(({ address }) => {
      const other = this.#table.current(address);
      if (other?.endedAt !== undefined) return false;
      if (other === undefined || other.isProbe || trace.isProbe) return false;
      return other.startedAt <= trace.lastAt + AT_ONCE_MS && trace.startedAt <= other.lastAt + AT_ONCE_MS;
    })?.address;
  }

  /** That a rule puts the root in front, as most map-files do, tells nothing. */
  #withTellingRule(refused: FileRefused): FileRefused {
    const isSame = isSameName(refused.requested, refused.mapped, this.#parts.tftpRoot);
    return isSame ? { ...refused, rule: undefined } : refused;
  }

  /** A name that rules have spoiled still says what was wanted. */
  #roleOf(
    observation: FileObservation,
    trace: GrowingTrace | undefined,
    port: NodePort | undefined,
  ): FileRole {
    const { tftpRoot } = this.#parts;
    const facts = { bootFile: trace?.bootFile, profile: port?.profile, tftpRoot };
    const role = fileRoleOf(observation.kind === 'refused' ? observation.mapped : observation.path, facts);
    return role === 'loader' ? fileRoleOf(observation.requested, facts) : role;
  }

  /** The boot in which a transfer began, also after the machine has started anew. */
  #traceOfTransfer(mac: Mac, observation: FileObservation): GrowingTrace | undefined {
    if (observation.kind !== 'ended') return undefined;
    const { transfer, requested } = observation;
    return this.#table
      .ofMachine(mac)
      .find(({ steps }) =>
        steps.some(
          (step) =>
            step.kind === 'file' &&
            step.ending === undefined &&
            step.transfer === transfer &&
            step.requested === requested,
        ),
      );
  }

  #isLocalDisk(source: 'disk' | 'rendered' | 'fallback', port: NodePort | undefined): boolean {
    if (source === 'rendered') return port?.profile?.policy === 'local-disk';
    return source === 'fallback' && this.#parts.unknownMachines.kind === 'local-disk';
  }

  #nodeOf(trace: GrowingTrace): string | undefined {
    return trace.node ?? this.#parts.portByMac(trace.mac)?.node.uuid;
  }

  #remember(address: Ipv4, mac: Mac): void {
    this.#macByAddress.delete(address);
    this.#macByAddress.set(address, mac);
    if (this.#macByAddress.size <= REMEMBERED_ADDRESSES) return;
    const [oldest] = this.#macByAddress.keys();
    if (oldest !== undefined) this.#macByAddress.delete(oldest);
  }
}

/** Whether what a system asks DHCP belongs to the network boot before it, and not to a system of its own. */
function isPartOfBoot(trace: GrowingTrace, { question }: DhcpObservation, now: number): boolean {
  if (!STARTING_QUESTIONS.has(question)) return false;
  const last = trace.steps.at(-1);
  const isFromElsewhere = last?.kind === 'dhcp' && last.stage === 'system' && trace.phase !== 'system';
  if (isFromElsewhere && last.reply === 'ack') return false;
  const wasLoaded = trace.phase === 'kernel' || trace.phase === 'ramdisk' || trace.phase === 'system';
  return wasLoaded || now - trace.lastAt < SYSTEM_LATE_MS;
}
