import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { DhcpObservation, FileEnded, FileRefused, FileStarted } from './boot-observation.ts';
import { parseBootPath } from './boot-paths.ts';
import {
  mergedStep,
  wasSentWhole,
  type BootStage,
  type BootStep,
  type FileStep,
  type PowerStep,
} from './boot-step.ts';
import type { FileRole } from './file-role.ts';
import type { Architecture, Firmware, FirmwareKind } from './firmware.ts';
import type { NodeUuid } from './node.ts';
import type { Loader } from './template.ts';
import type { Verdict } from './verdict.ts';

/**
 * How far a boot has come: it was switched on by bootd and has not been heard; asks for an address; has one and is to fetch its boot file; has a loader; a configuration;
 * the kernel; the ramdisk; and a system that asks for an address of its own.
 */
export const BOOT_PHASES = [
  'power',
  'address',
  'boot-file',
  'loader',
  'configuration',
  'kernel',
  'ramdisk',
  'system',
] as const;

export type BootPhase = (typeof BOOT_PHASES)[number];

/** One boot of a machine, from its first question to its system's, as far as it came. Times are milliseconds since 1970. */
export interface BootTrace {
  /** Never given twice. */
  readonly id: string;
  readonly mac: Mac;
  readonly startedAt: number;
  /** When the machine was last heard. */
  readonly lastAt: number;
  /** Another boot of the machine began then. */
  readonly endedAt: number | undefined;
  /** Played by `bootd probe`. */
  readonly isProbe: boolean;
  readonly node: NodeUuid | undefined;
  /** The first program that asked; undefined for one that did not say, or that was first seen asking for a file. */
  readonly firmware: FirmwareKind | undefined;
  /** Of its firmware, also where iPXE is all that was heard of it. */
  readonly architecture: Architecture | undefined;
  /** It takes nothing but a URL. */
  readonly isHttpClient: boolean;
  /** Which loader's configuration it asked for. */
  readonly loader: Loader | undefined;
  readonly phase: BootPhase;
  /** Its configuration told it to start its local disk. */
  readonly startsLocalDisk: boolean;
  /** Its system was given an address. */
  readonly systemRuns: boolean;
  readonly address: Ipv4 | undefined;
  readonly interfaceName: string | undefined;
  readonly relayAddress: Ipv4 | undefined;
  /** What DHCP last told it to fetch. */
  readonly bootFile: string | undefined;
  readonly hostname: string | undefined;
  /** Option 97. */
  readonly machineUuid: string | undefined;
  readonly steps: readonly BootStep[];
  /** Steps that were dropped out of the middle of a very long trace. */
  readonly omittedSteps: number;
  /** The last lines of its serial console, where its boot was watched with them. */
  readonly consoleLines: readonly string[];
  /** What became of it; undefined while that may still change with time or the site. */
  readonly verdict: Verdict | undefined;
}

/** A boot of a hundred different steps is a loop; its beginning and its end say why. */
const STEPS_MAX = 96;
const STEPS_KEPT_OF_BEGINNING = 48;

/** After this long without a word, whatever a machine says begins another boot. */
const QUIET_MS = 15 * 60_000;

/** iPXE's scripts may ask DHCP again, which takes moments; a machine that starts anew takes longer. */
const IPXE_AGAIN_MS = 30_000;

/** A ROM that has its address may ask once more before it fetches its boot file. */
const FIRMWARE_AGAIN_MS = 60_000;

/** Which program asks DHCP. Boot ROMs and iPXE say so; everything else is an operating system. */
export function bootStageOf({ isIpxe, isHttpClient, isPxeClient }: Firmware, isBootp: boolean): BootStage {
  if (isIpxe) return 'ipxe';
  return isHttpClient || isPxeClient || isBootp ? 'firmware' : 'system';
}

/** A trace that grows: the record of one boot while its machine is heard. */
export class GrowingTrace implements BootTrace {
  readonly id: string;
  /** Another one of the machine's ports than that which it was awaited at may be the one that is heard. */
  mac: Mac;
  readonly startedAt: number;
  readonly isProbe: boolean;
  lastAt: number;
  endedAt: number | undefined;
  node: NodeUuid | undefined;
  firmware: FirmwareKind | undefined;
  architecture: Architecture | undefined;
  isHttpClient = false;
  loader: Loader | undefined;
  phase: BootPhase = 'address';
  startsLocalDisk = false;
  systemRuns = false;
  address: Ipv4 | undefined;
  interfaceName: string | undefined;
  relayAddress: Ipv4 | undefined;
  bootFile: string | undefined;
  hostname: string | undefined;
  machineUuid: string | undefined;
  steps: BootStep[] = [];
  omittedSteps = 0;
  consoleLines: readonly string[] = [];
  verdict: Verdict | undefined;
  #stages: BootStage[] = [];

  constructor(id: string, mac: Mac, startedAt: number, isProbe: boolean) {
    this.id = id;
    this.mac = mac;
    this.startedAt = startedAt;
    this.lastAt = startedAt;
    this.isProbe = isProbe;
  }

  /** A trace that was kept. Transfers that ran when it was are over. */
  static from(kept: BootTrace): GrowingTrace {
    const trace = new GrowingTrace(kept.id, kept.mac, kept.startedAt, kept.isProbe);
    Object.assign(trace, kept);
    trace.steps = kept.steps.map((step) =>
      step.kind === 'file' && step.ending === undefined ? { ...step, ending: 'stopped' } : step,
    );
    trace.#stages = trace.steps.flatMap((step) => (step.kind === 'dhcp' ? [step.stage] : []));
    return trace;
  }

  /** Whether a question to DHCP is the first one of another boot than this. */
  isLeftBy({ firmware, question }: DhcpObservation, now: number): boolean {
    const stage = bootStageOf(firmware, question === 'bootp');
    if (stage === 'system' || this.isAwaited(now)) return false;
    const quietMs = now - this.lastAt;
    if (quietMs > QUIET_MS) return true;
    if (question !== 'discover' && question !== 'bootp') return false;
    if (stage === 'firmware') {
      // Firmware that gives up on PXE goes on with HTTP, and the other way round.
      if (this.#stages.length > 0 && this.firmware !== firmwareKind(firmware)) return true;
      if (this.phase === 'address') return false;
      return this.phase !== 'boot-file' || quietMs > FIRMWARE_AGAIN_MS || this.#asksForFiles();
    }
    if (!this.#stages.includes('ipxe')) return this.phase === 'system';
    const isBeyondIpxe = this.loader !== undefined && this.loader !== 'ipxe';
    return isBeyondIpxe || phaseIsAtLeast(this.phase, 'kernel') || quietMs > IPXE_AGAIN_MS;
  }

  /** Whether a file that the machine asks for belongs to another boot, whose beginning was not seen. */
  isLeftByFile(role: FileRole, now: number): boolean {
    if (this.isAwaited(now)) return false;
    if (now - this.lastAt > QUIET_MS) return true;
    return this.phase === 'system' && (role === 'boot-file' || role === 'configuration');
  }

  /** Whether the machine was switched on for this boot and may still be heard for the first time. */
  isAwaited(now: number): boolean {
    if (this.phase !== 'power' || this.endedAt !== undefined) return false;
    return now - this.lastAt <= Math.max(QUIET_MS, powerStepOf(this)?.patienceMs ?? 0);
  }

  /** Whether this boot is through, so that what its system does from now on is no part of it. */
  get isOver(): boolean {
    return this.endedAt !== undefined || this.systemRuns;
  }

  /** bootd switched the machine on for this boot. */
  recordPower(order: Pick<PowerStep, 'action' | 'attempt' | 'attempts' | 'patienceMs'>, now: number): void {
    this.phase = 'power';
    this.add({ kind: 'power', ...once(now), ...order });
  }

  recordDhcp(observation: DhcpObservation, now: number): void {
    const { firmware, question, reply, address, bootFile } = observation;
    const stage = bootStageOf(firmware, question === 'bootp');
    this.#learn(observation, stage);
    const { silence, chosenServer, nextServer, withheldBootFile, objection, durationMs } = observation;
    this.add({
      kind: 'dhcp',
      ...once(now),
      stage,
      question,
      reply,
      silence,
      address,
      chosenServer,
      nextServer,
      bootFile,
      withheldBootFile,
      objection,
      durationMs,
    });
    const isGiven = reply === 'ack' || reply === 'bootp';
    if (this.phase === 'power' && stage !== 'system') this.phase = 'address';
    if (stage === 'system') {
      if (this.startsLocalDisk || phaseIsAtLeast(this.phase, 'configuration')) this.phase = 'system';
      if (isGiven && this.phase === 'system') this.systemRuns = true;
    } else if (isGiven || reply === 'offer') {
      // Beside another server, as a proxy, the offer is all that a machine is told here.
      this.bootFile = bootFile;
      if (isGiven && (this.phase === 'address' || this.phase === 'loader')) this.phase = 'boot-file';
    }
  }

  /** A transfer began, or ended that was not told to have begun. */
  recordFile(observation: FileStarted | FileEnded, role: FileRole, isLocalDisk: boolean, now: number): void {
    const { via, transfer, requested, path, source, node, generation, modifiedAt, size } = observation;
    const ended = observation.kind === 'ended' ? observation : undefined;
    const running = this.#runningFile(via, transfer, requested);
    const step: FileStep = {
      kind: 'file',
      ...once(now),
      at: running?.at ?? now - (ended?.durationMs ?? 0),
      via,
      role,
      transfer,
      requested,
      path,
      source,
      node,
      generation,
      modifiedAt,
      size,
      ending: ended?.ending,
      bytes: ended?.bytes ?? 0,
      durationMs: ended?.durationMs ?? 0,
      retransmissions: ended?.retransmissions ?? 0,
      detail: ended?.detail,
    };
    if (role === 'configuration') this.loader = parseBootPath(path)?.loader ?? this.loader;
    if (ended !== undefined && wasSentWhole(step)) this.#advance(role, isLocalDisk);
    if (running === undefined) this.add(step);
    else this.#finish(running, step, now);
  }

  recordRefusal(observation: FileRefused, role: FileRole, now: number): void {
    const { via, requested, mapped, rule, reason, message } = observation;
    if (role === 'configuration') this.loader = parseBootPath(mapped)?.loader ?? this.loader;
    this.add({ kind: 'refusal', ...once(now), via, role, requested, mapped, rule, reason, message });
  }

  /** Appends a step, or counts it with an equal one before it. */
  add(step: BootStep): void {
    this.lastAt = step.lastAt;
    this.verdict = undefined;
    const last = this.steps.at(-1);
    const merged = last && mergedStep(last, step);
    if (merged !== undefined) {
      this.steps[this.steps.length - 1] = merged;
      return;
    }
    this.steps.push(step);
    if (this.steps.length <= STEPS_MAX) return;
    this.steps.splice(STEPS_KEPT_OF_BEGINNING, 1);
    this.omittedSteps += 1;
  }

  #asksForFiles(): boolean {
    return this.steps.some(({ kind }) => kind === 'file' || kind === 'refusal');
  }

  #learn(observation: DhcpObservation, stage: BootStage): void {
    const { firmware, node, address, reply, interfaceName, relayAddress, hostname, machineUuid } =
      observation;
    if (!this.#stages.includes(stage)) {
      if (this.#stages.length === 0 && stage !== 'system') {
        this.firmware = firmwareKind(firmware);
        this.isHttpClient = firmware.isHttpClient;
        this.architecture = firmware.architecture;
      }
      this.#stages.push(stage);
    }
    this.node = node ?? this.node;
    if (reply !== 'nak') this.address = address ?? this.address;
    this.interfaceName = interfaceName;
    this.relayAddress = relayAddress ?? this.relayAddress;
    this.hostname = hostname ?? this.hostname;
    this.machineUuid = machineUuid ?? this.machineUuid;
  }

  #advance(role: FileRole, isLocalDisk: boolean): void {
    const reached: BootPhase = role === 'boot-file' ? 'loader' : role;
    if (role === 'configuration') this.startsLocalDisk = isLocalDisk;
    if (phaseIsAtLeast(reached, this.phase)) this.phase = reached;
  }

  #runningFile(via: string, transfer: string, requested: string): FileStep | undefined {
    return this.steps.findLast(
      (step): step is FileStep =>
        step.kind === 'file' &&
        step.ending === undefined &&
        step.via === via &&
        step.transfer === transfer &&
        step.requested === requested,
    );
  }

  /** Takes the place of the running step; where an equal one ended just before it, the two become one. */
  #finish(running: FileStep, ended: FileStep, now: number): void {
    const at = this.steps.indexOf(running);
    const before = this.steps[at - 1];
    const merged = before && mergedStep(before, ended);
    this.steps.splice(merged === undefined ? at : at - 1, merged === undefined ? 1 : 2, merged ?? ended);
    this.lastAt = now;
    this.verdict = undefined;
  }
}

/** Whether a phase is the other one, or comes after it. */
export function phaseIsAtLeast(phase: BootPhase, other: BootPhase): boolean {
  return BOOT_PHASES.indexOf(phase) >= BOOT_PHASES.indexOf(other);
}

/** When, and how, bootd switched the machine on for this boot; undefined: it did not. */
export function powerStepOf({ steps }: BootTrace): PowerStep | undefined {
  return steps.find((step): step is PowerStep => step.kind === 'power');
}

/** Whether nothing has been heard of the machine since bootd switched it on. */
export function isUnheard({ phase, steps }: BootTrace): boolean {
  return phase === 'power' && !steps.some(({ kind }) => kind === 'dhcp');
}

/** The transfers that run just now. */
export function runningFiles(trace: BootTrace): readonly FileStep[] {
  return trace.steps.filter((step): step is FileStep => step.kind === 'file' && step.ending === undefined);
}

function firmwareKind({ isIpxe, architecture }: Firmware): FirmwareKind | undefined {
  return isIpxe ? 'ipxe' : architecture;
}

function once(now: number): { readonly at: number; readonly lastAt: number; readonly count: number } {
  return { at: now, lastAt: now, count: 1 };
}
