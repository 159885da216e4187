import { setImmediate as nextTurn } from 'node:timers';
import { formatIpv4, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { ObservationQueries } from '../control/observation-queries.ts';
import type { Clock } from '../io/clock.ts';
import type { BootTrafficPorts } from '../io/boot-traffic-filter.ts';
import type { UdpDatagram } from '../io/ethernet-frame.ts';
import { readNetworkInterface, type NetworkInterface } from '../io/network-interfaces.ts';
import { isUdpPortHeld } from '../io/port-holder.ts';
import { captureWire, DATAGRAMS_PER_TURN, type WireCapture } from '../io/wire-capture.ts';
import { compareFiles } from '../rehearsal/compare-files.ts';
import { gravest } from '../rehearsal/finding.ts';
import { FileExchanges, type AnsweredFile } from '../rehearsal/file-exchanges.ts';
import { Ledger, type LedgerEntry } from '../rehearsal/ledger.ts';
import { describeFinding, explain, type RehearsalReport } from '../rehearsal/report.ts';
import type { Notice, Shadow, ShadowedWire } from '../rehearsal/shadow.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { decodeDhcpMessage, type DhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { WireError } from '../wire/wire-error.ts';
import type { FileInquiry } from './file-inquiry.ts';
import { judgeInterface } from './interface-readiness.ts';
import type { Service } from './service.ts';

/** DHCP as it is listened to. */
export interface ObservedDhcp {
  readonly shadow: Shadow;
  readonly serverPort: number;
  readonly clientPort: number;
}

/** TFTP as it is listened to. */
export interface ObservedFiles {
  readonly inquiry: FileInquiry;
  readonly port: number;
}

/** What the service works with. */
export interface ObservationServiceParts {
  /** Names of the interfaces to listen on, whether they are there yet or not. */
  readonly interfaces: readonly string[];
  /** Undefined: the configuration has no such section, and nothing is compared. */
  readonly dhcp: ObservedDhcp | undefined;
  readonly files: ObservedFiles | undefined;
  readonly macOfAddress: (address: Ipv4) => Mac | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How a wire is listened to; tests have their own. */
  readonly openCapture?: typeof captureWire;
}

interface Ear {
  readonly capture: WireCapture;
  facts: NetworkInterface;
}

/** A packet socket wakes nobody in Node, so it is looked at; an answer is not on the wire for less time than this matters. */
const LOOK_INTERVAL_MS = 20;

/** Interfaces come and go, and so do servers. */
const REOPEN_INTERVAL_MS = 2000;

const PATIENCE_INTERVAL_MS = 500;

/** Files that wait to be looked up; a flood of more is counted, not kept. */
const INQUIRIES_MAX = 4096;

/** Findings of one kind, whichever machine they are of, are explained once. */
const EXPLAINED_MAX = 1000;

/**
 * Listens to another DHCP and TFTP server at work, plays bootd in its place, and keeps a ledger of what would have been different.
 * Sends nothing and writes nothing.
 */
export class ObservationService implements Service, ObservationQueries {
  readonly name = 'observation';
  readonly #parts: ObservationServiceParts;
  readonly #ears = new Map<string, Ear>();
  readonly #problems = new Map<string, string>();
  readonly #ledger = new Ledger();
  readonly #fileExchanges: FileExchanges | undefined;
  readonly #servers = new Set<Ipv4>();
  readonly #otherServers = new Set<Ipv4>();
  readonly #explained = new Set<string>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #startedAt: number;
  #inquiries: Promise<void> = Promise.resolve();
  #inquiriesWaiting = 0;
  /** What passed was more than one look takes, and the next turn takes more. */
  #goesOn = false;
  #isServersHost = false;
  #unpaired = 0;
  #framesLost = 0;
  #stopped = false;

  constructor(parts: ObservationServiceParts) {
    this.#parts = parts;
    this.#fileExchanges = parts.files && new FileExchanges(parts.files.port);
    this.#startedAt = parts.clock.now();
  }

  /** Rejects with ConfigError for a bad map-file. A wire that cannot be listened to is a problem of the report. */
  async start(): Promise<void> {
    await this.#parts.files?.inquiry.load();
    this.#open();
    this.#timers.push(
      setInterval(() => this.#look(), LOOK_INTERVAL_MS),
      setInterval(() => this.#passTime(), PATIENCE_INTERVAL_MS),
      setInterval(() => this.#open(), REOPEN_INTERVAL_MS),
    );
  }

  /** Takes what has passed so far, and closes the ears. The report stays. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#look();
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const { capture } of this.#ears.values()) capture.close();
    this.#ears.clear();
    await this.#inquiries;
    this.#enter(this.#parts.dhcp?.shadow.conclude() ?? []);
  }

  get problems(): readonly string[] {
    return [...this.#problems.values()];
  }

  report(): RehearsalReport {
    return {
      ...this.#ledger.totals,
      startedAt: this.#startedAt,
      servers: [...this.#servers],
      otherServers: [...this.#otherServers].filter((server) => !this.#servers.has(server)),
      unpaired: this.#unpaired,
      framesLost: this.#framesLost,
      problems: this.problems,
      entries: this.#ledger.entries,
    };
  }

  #open(): void {
    const { interfaces, dhcp } = this.#parts;
    this.#isServersHost = dhcp !== undefined && isUdpPortHeld(dhcp.serverPort);
    for (const name of interfaces) {
      const ear = this.#ears.get(name);
      let facts: NetworkInterface | undefined;
      try {
        facts = readNetworkInterface(name);
      } catch {
        // No file descriptor is left to ask with, for one. What was seen last is taken to be still so.
        continue;
      }
      if (facts !== undefined && facts.index === ear?.facts.index) {
        ear.facts = facts;
        continue;
      }
      ear?.capture.close();
      this.#ears.delete(name);
      this.#openEar(name, facts);
    }
  }

  #openEar(name: string, facts: NetworkInterface | undefined): void {
    const { openCapture = captureWire, logger } = this.#parts;
    const readiness = judgeInterface(name, facts, { needsAddress: false });
    const access =
      readiness.kind === 'usable'
        ? openCapture(readiness.facts, this.#ports())
        : ({ kind: 'unavailable', reason: readiness.reason } as const);
    if (access.kind === 'available' && readiness.kind === 'usable') {
      this.#problems.delete(name);
      this.#ears.set(name, { capture: access.capture, facts: readiness.facts });
      logger.info({ event: EVENTS.rehearsalWireOpened, interface: name }, `listening to the wire of ${name}`);
      return;
    }
    const reason = access.kind === 'unavailable' ? access.reason : '';
    const problem = `${name} cannot be listened to: ${reason}`;
    if (this.#problems.get(name) === problem) return;
    this.#problems.set(name, problem);
    logger.warn({ event: EVENTS.rehearsalWireAwaited, interface: name }, problem);
  }

  #ports(): BootTrafficPorts {
    const { dhcp, files } = this.#parts;
    const ofDhcp = dhcp === undefined ? [] : [dhcp.serverPort, dhcp.clientPort];
    return {
      to: [...ofDhcp, ...(files === undefined ? [] : [files.port])],
      from: dhcp === undefined ? [] : [dhcp.serverPort],
      fileAnswers: files !== undefined,
    };
  }

  #look(): void {
    if (this.#stopped) return;
    let isMore = false;
    for (const { capture, facts } of this.#ears.values()) {
      const datagrams = capture.take();
      isMore ||= datagrams.length >= DATAGRAMS_PER_TURN;
      for (const datagram of datagrams) this.#hear(facts, datagram);
    }
    // One at a time, however many looks have come meanwhile: in a flood each of them would go on for ever.
    if (!isMore || this.#goesOn) return;
    this.#goesOn = true;
    nextTurn(() => {
      this.#goesOn = false;
      this.#look();
    });
  }

  #hear(facts: NetworkInterface, datagram: UdpDatagram): void {
    const { dhcp, clock } = this.#parts;
    if (dhcp !== undefined && isDhcp(datagram, dhcp)) {
      const message = this.#decode(datagram);
      if (message === undefined) return;
      const delivery = datagram;
      const passed = { wire: this.#wireOf(facts), message, delivery, sourcePort: datagram.sourcePort };
      this.#enter(dhcp.shadow.hear(passed, clock.now()));
      return;
    }
    const answered = this.#fileExchanges?.hear(datagram, clock.now());
    if (answered !== undefined) this.#compareFile(answered, facts.name);
  }

  #decode({ payload }: UdpDatagram): DhcpMessage | undefined {
    try {
      return decodeDhcpMessage(payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#parts.metrics.dhcpPacketsDropped.inc({ reason: error.reason });
      return undefined;
    }
  }

  /** The wire as bootd would have it; a mirror port needs no address. */
  #wireOf({ name, addresses, mtu }: NetworkInterface): ShadowedWire {
    const own = addresses.map(({ address }) => address);
    const [serverAddress = UNSPECIFIED_IPV4] = own;
    const link = { name, serverAddress, addresses: own, mtu, isLoopback: false, port: 'dhcp' } as const;
    return { link, isServersHost: this.#isServersHost };
  }

  #passTime(): void {
    const { dhcp, clock, metrics } = this.#parts;
    for (const { capture } of this.#ears.values()) {
      const lost = capture.takeLost();
      this.#framesLost += lost;
      metrics.rehearsalFramesLost.inc(lost);
    }
    this.#enter(dhcp?.shadow.passTime(clock.now()) ?? []);
    const [wireName = ''] = this.#ears.keys();
    for (const answered of this.#fileExchanges?.takeUnanswered(clock.now()) ?? []) {
      this.#compareFile(answered, wireName);
    }
  }

  /** One after the other: a rack that powers on asks for the same loader a thousand times. */
  #compareFile({ client, name, answer }: AnsweredFile, wireName: string): void {
    const { files, macOfAddress } = this.#parts;
    if (files === undefined) return;
    if (this.#inquiriesWaiting >= INQUIRIES_MAX) {
      this.#unpaired += 1;
      return;
    }
    this.#inquiriesWaiting += 1;
    this.#inquiries = this.#inquiries.then(async () => {
      this.#inquiriesWaiting -= 1;
      const { answer: ours, wasCollapsed } = await files.inquiry.ask(name, client);
      const findings = compareFiles({ name, theirs: answer, ours, wasCollapsed });
      const machine = macOfAddress(client) ?? formatIpv4(client);
      this.#enter([{ kind: 'compared', machine, question: 'file', wireName, findings }]);
    });
  }

  #enter(notices: readonly Notice[]): void {
    const { clock, logger, metrics } = this.#parts;
    for (const notice of notices) {
      switch (notice.kind) {
        case 'compared': {
          metrics.rehearsalAnswers.inc({ result: gravest(notice.findings) ?? 'alike' });
          for (const entry of this.#ledger.enter(notice, clock.now())) this.#log(entry);
          break;
        }
        case 'server-heard': {
          const { server, wireName, isCompared } = notice;
          (isCompared ? this.#servers : this.#otherServers).add(server);
          const what = isCompared ? 'is compared with' : 'is another server, whose answers are passed over';
          const facts = { server: formatIpv4(server), interface: wireName, compared: isCompared };
          logger.info(
            { event: EVENTS.rehearsalServerHeard, ...facts },
            `${formatIpv4(server)} answers on ${wireName}, and ${what}`,
          );
          break;
        }
        case 'unpaired':
        case 'overflow':
          this.#unpaired += 1;
          break;
      }
    }
  }

  #log({ machine, wireName, finding }: LedgerEntry): void {
    const { logger } = this.#parts;
    const { aspect, question, theirs, ours, verdict, explanation } = finding;
    const facts = { interface: wireName, machine, question, aspect, theirs, ours };
    if (explanation === undefined) {
      logger.warn(
        { event: EVENTS.rehearsalDifferenceFound, ...facts },
        `${machine}, ${question}: ${describeFinding(finding)}`,
      );
      return;
    }
    const kind = `${aspect} ${explanation}`;
    if (this.#explained.has(kind) || this.#explained.size >= EXPLAINED_MAX) return;
    this.#explained.add(kind);
    logger.info(
      { event: EVENTS.rehearsalDifferenceExplained, ...facts, verdict, explanation },
      `${describeFinding(finding)}; ${explain(explanation)}`,
    );
  }
}

function isDhcp(
  { sourcePort, destinationPort }: UdpDatagram,
  { serverPort, clientPort }: ObservedDhcp,
): boolean {
  return [serverPort, clientPort].includes(destinationPort) || sourcePort === serverPort;
}
