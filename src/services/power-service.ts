import type { Bmc, Node, NodeUuid } from '../boot/node.ts';
import type { ConsoleListener, OpenConsole, PowerCommands, PowerView } from '../control/power-commands.ts';
import { ProblemError } from '../control/problem.ts';
import type { Clock } from '../io/clock.ts';
import {
  getBootDevice,
  setBootDevice,
  type BootDeviceOrder,
  type BootDeviceState,
} from '../ipmi/boot-device.ts';
import {
  controlPower,
  getChassisStatus,
  identifyChassis,
  type ChassisStatus,
  type PowerAction,
} from '../ipmi/chassis-commands.ts';
import { askRaw, type Conversation, type IpmiRequest, type IpmiResponse } from '../ipmi/conversation.ts';
import { getDeviceId, type DeviceId } from '../ipmi/device-id.ts';
import { listEventLog, type EventLogEntry } from '../ipmi/event-log.ts';
import { IpmiError } from '../ipmi/ipmi-error.ts';
import type { RetryPolicy } from '../ipmi/ipmi-settings.ts';
import type { PowerSettings } from '../ipmi/power-settings.ts';
import type { BmcPresence } from '../ipmi/presence-survey.ts';
import { listSensors, type SensorReading } from '../ipmi/sensors.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { BmcClient } from './bmc-client.ts';
import { openBmcConsole } from './bmc-console.ts';
import { BmcConnection, type BmcConnectionParts } from './bmc-connection.ts';
import { surveyBmc } from './bmc-survey.ts';
import { targetOf } from './bmc-target.ts';
import { PollSchedule } from './poll-schedule.ts';
import type { Service } from './service.ts';

/** What the service works with. */
export interface PowerServiceParts {
  /** Those of the start; see `adopt`. */
  readonly settings: PowerSettings;
  readonly nodes: {
    listNodes(): readonly Node[];
    node(uuid: NodeUuid): Node | undefined;
  };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What is kept of a node's BMC. */
interface Station {
  readonly bmc: Bmc;
  readonly client: BmcClient;
  view: PowerView;
}

/** Questions that wait for one BMC beyond this are refused: nobody reads their answers any more. */
const MOST_WAITING = 32;

const NOTHING_SEEN: PowerView = { state: undefined, seenAt: undefined, failure: undefined };

/**
 * Asks the BMCs of nodes: each has a session, a queue and a socket of its own, so that one that is silent delays nobody
 * but those who ask it. Remembers the power state that it last saw; never shows or logs what it logs in with.
 */
export class PowerService implements Service, PowerCommands {
  readonly name = 'power';
  readonly #parts: PowerServiceParts;
  readonly #connectionParts: BmcConnectionParts;
  readonly #stations = new Map<NodeUuid, Station>();
  readonly #consoles = new Set<OpenConsole>();
  #settings: PowerSettings;
  #schedule: PollSchedule | undefined;

  constructor(parts: PowerServiceParts) {
    const { clock, metrics } = parts;
    this.#parts = parts;
    this.#settings = parts.settings;
    const retries = (): RetryPolicy => this.#settings.retries;
    this.#connectionParts = {
      // Read at each new session: a reload may have changed it.
      get retries() {
        return retries();
      },
      clock,
      onIgnored: (reason) => metrics.ipmiDatagramsIgnored.inc({ reason }),
    };
  }

  start(): Promise<void> {
    this.#startPolling();
    // What nobody polls may have failed once and work again: that is no state to be told.
    this.#parts.metrics.observeBmcs(() => (this.#schedule === undefined ? new Map() : this.#failingByCode()));
    return Promise.resolve();
  }

  /** Polls by other settings from now on; sessions that are open stay as patient as they were. */
  adopt(settings: PowerSettings): void {
    const isSamePace = settings.pollIntervalMs === this.#settings.pollIntervalMs;
    this.#settings = settings;
    if (!isSamePace) this.#startPolling();
  }

  /** Ends every session; what is under way is given up. */
  async stop(): Promise<void> {
    this.#schedule?.stop();
    await Promise.all(Array.from(this.#consoles, (console) => console.close()));
    this.#consoles.clear();
    for (const { client } of this.#stations.values()) client.close();
    this.#stations.clear();
  }

  view(uuid: NodeUuid): PowerView | undefined {
    const bmc = this.#parts.nodes.node(uuid)?.bmc;
    if (bmc === undefined) return undefined;
    const station = this.#stations.get(uuid);
    return station !== undefined && isSame(station.bmc, bmc) ? station.view : NOTHING_SEEN;
  }

  async status(uuid: NodeUuid): Promise<ChassisStatus> {
    const status = await this.#ask(uuid, 'status', getChassisStatus);
    this.#saw(uuid, status.power);
    return status;
  }

  async control(uuid: NodeUuid, action: PowerAction): Promise<void> {
    await this.#ask(uuid, action, () => controlPower(action));
    // What a soft shutdown or a reset leads to is not known yet.
    if (action === 'on' || action === 'off') this.#saw(uuid, action);
    this.#logDone(uuid, action);
  }

  bootDevice(uuid: NodeUuid): Promise<BootDeviceState> {
    return this.#ask(uuid, 'bootdev', getBootDevice);
  }

  async setBootDevice(uuid: NodeUuid, order: BootDeviceOrder): Promise<void> {
    const manufacturer = await this.#report(uuid, 'bootdev', this.#station(uuid).client.manufacturer());
    await this.#ask(uuid, 'bootdev', () => setBootDevice(order, manufacturer));
    this.#logDone(uuid, 'bootdev', { ...order });
  }

  device(uuid: NodeUuid): Promise<DeviceId> {
    return this.#ask(uuid, 'info', getDeviceId);
  }

  /** On a socket of its own: it asks what can be asked while every session is taken. */
  presence(uuid: NodeUuid): Promise<BmcPresence> {
    const { target } = this.#station(uuid).client;
    return this.#report(uuid, 'ping', surveyBmc(target, this.#connectionParts));
  }

  eventLog(uuid: NodeUuid, limit: number): Promise<readonly EventLogEntry[]> {
    return this.#ask(uuid, 'sel', () => listEventLog(limit));
  }

  sensors(uuid: NodeUuid, limit: number): Promise<readonly SensorReading[]> {
    return this.#ask(uuid, 'sensors', () => listSensors(limit));
  }

  async identify(uuid: NodeUuid, seconds: number | 'forever'): Promise<void> {
    await this.#ask(uuid, 'identify', () => identifyChassis(seconds));
    this.#logDone(uuid, 'identify', { seconds });
  }

  async raw(uuid: NodeUuid, request: IpmiRequest): Promise<IpmiResponse> {
    const response = await this.#ask(uuid, 'raw', () => askRaw(request));
    this.#logDone(uuid, 'raw', { netFn: request.netFn, command: request.command });
    return response;
  }

  /** On a session of its own: what is typed must not wait for a poll. */
  async console(uuid: NodeUuid, takeOver: boolean, listener: ConsoleListener): Promise<OpenConsole> {
    const { clock, logger } = this.#parts;
    const { target } = this.#station(uuid).client;
    const opening = BmcConnection.open(target, this.#connectionParts).then((connection) =>
      openBmcConsole(connection, clock, takeOver, listener),
    );
    const console = await this.#report(uuid, 'console', opening);
    this.#consoles.add(console);
    logger.info({ event: EVENTS.powerConsoleOpened, node: uuid }, 'a serial console was opened');
    return {
      type: (characters) => console.type(characters),
      close: () => {
        this.#consoles.delete(console);
        return console.close();
      },
    };
  }

  #startPolling(): void {
    this.#schedule?.stop();
    const { pollIntervalMs: intervalMs } = this.#settings;
    this.#schedule =
      intervalMs === undefined
        ? undefined
        : new PollSchedule({
            intervalMs,
            clock: this.#parts.clock,
            nodes: () => this.#pollable(),
            poll: (uuid) => this.#poll(uuid),
          });
    this.#schedule?.start();
  }

  /** Throws ProblemError when there is no such node, or it has no BMC. */
  #station(uuid: NodeUuid): Station {
    const node = this.#parts.nodes.node(uuid);
    if (node === undefined) throw new ProblemError('node-not-found', `There is no node ${uuid}`);
    const { bmc } = node;
    if (bmc === undefined) throw new ProblemError('no-bmc', `Node ${uuid} has no BMC; put it with "bmc"`);
    const before = this.#stations.get(uuid);
    if (before !== undefined && isSame(before.bmc, bmc)) return before;
    before?.client.close();
    const station = { bmc, client: new BmcClient(targetOf(bmc), this.#connectionParts), view: NOTHING_SEEN };
    this.#stations.set(uuid, station);
    return station;
  }

  async #ask<Result>(uuid: NodeUuid, command: string, begin: () => Conversation<Result>): Promise<Result> {
    const { client } = this.#station(uuid);
    if (client.load >= MOST_WAITING) {
      throw new IpmiError('session-limit', `${client.load} questions wait for this BMC already`);
    }
    return this.#report(uuid, command, client.ask(begin));
  }

  /** Counts and logs how a question went; what it rejects with is passed on. */
  async #report<Result>(uuid: NodeUuid, command: string, question: Promise<Result>): Promise<Result> {
    const { metrics, logger, clock } = this.#parts;
    const startedAt = clock.monotonic();
    try {
      const result = await question;
      metrics.powerCommands.inc({ command, result: 'done' });
      metrics.powerCommandSeconds.observe((clock.monotonic() - startedAt) / 1000);
      this.#answered(uuid);
      return result;
    } catch (error) {
      if (!(error instanceof IpmiError)) throw error;
      metrics.powerCommands.inc({ command, result: error.code });
      this.#failed(uuid, error);
      logger.warn(
        { event: EVENTS.powerCommandFailed, node: uuid, command, code: error.code },
        `${command}: ${error.message}`,
      );
      throw error;
    }
  }

  #logDone(uuid: NodeUuid, command: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.#parts.logger.info(
      { event: EVENTS.powerCommandDone, node: uuid, command, ...facts },
      `the BMC took ${command}`,
    );
  }

  #failingByCode(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const uuid of this.#pollable()) {
      const code = this.view(uuid)?.failure?.code;
      if (code !== undefined) counts.set(code, (counts.get(code) ?? 0) + 1);
    }
    return counts;
  }

  #pollable(): readonly NodeUuid[] {
    const { nodes } = this.#parts;
    for (const [uuid, { client }] of this.#stations) {
      if (nodes.node(uuid)?.bmc !== undefined) continue;
      client.close();
      this.#stations.delete(uuid);
    }
    return nodes.listNodes().flatMap(({ uuid, bmc }) => (bmc === undefined ? [] : [uuid]));
  }

  /** Whether the BMC answered. Its first silence, and its return, are logged; not each poll. */
  async #poll(uuid: NodeUuid): Promise<boolean> {
    const { metrics, logger } = this.#parts;
    try {
      const { client, view } = this.#station(uuid);
      const { power } = await client.ask(getChassisStatus);
      metrics.powerPolls.inc({ result: 'done' });
      if (view.failure !== undefined) {
        logger.info({ event: EVENTS.powerBmcFound, node: uuid }, 'the BMC answers again');
      }
      this.#answered(uuid);
      this.#saw(uuid, power);
      return true;
    } catch (error) {
      // The node went, or its BMC changed, while it was asked.
      if (!(error instanceof IpmiError) || error.code === 'cancelled') return true;
      metrics.powerPolls.inc({ result: error.code });
      if (this.#stations.get(uuid)?.view.failure === undefined) {
        logger.warn({ event: EVENTS.powerBmcLost, node: uuid, code: error.code }, error.message);
      }
      this.#failed(uuid, error);
      return false;
    }
  }

  #saw(uuid: NodeUuid, state: 'on' | 'off'): void {
    const station = this.#stations.get(uuid);
    if (station === undefined) return;
    const before = station.view.state;
    station.view = { ...station.view, state, seenAt: this.#parts.clock.now() };
    if (before === undefined || before === state) return;
    this.#parts.logger.info(
      { event: EVENTS.powerStateChanged, node: uuid, state },
      `the machine is ${state}`,
    );
  }

  #answered(uuid: NodeUuid): void {
    const station = this.#stations.get(uuid);
    if (station?.view.failure !== undefined) station.view = { ...station.view, failure: undefined };
  }

  /** A refusal is an answer. */
  #failed(uuid: NodeUuid, { code, message }: IpmiError): void {
    const station = this.#stations.get(uuid);
    if (station === undefined || code === 'refused' || code === 'cancelled') return;
    const since = station.view.failure?.since ?? this.#parts.clock.now();
    station.view = { ...station.view, failure: { code, message, since } };
  }
}

function isSame(a: Bmc, b: Bmc): boolean {
  return (
    a === b ||
    (a.address === b.address &&
      a.port === b.port &&
      a.username === b.username &&
      a.password === b.password &&
      a.privilege === b.privilege &&
      a.cipherSuite === b.cipherSuite &&
      a.kg === b.kg)
  );
}
