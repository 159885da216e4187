import { BootAttempt, type AttemptState, type BootFailure } from '../boot/boot-attempt.ts';
import type { Mac } from '../addr/mac.ts';
import type { Node, NodeLookup, NodeUuid } from '../boot/node.ts';
import type { BootQueries } from '../control/boot-queries.ts';
import type { PowerCommands } from '../control/power-commands.ts';
import { ProblemError } from '../control/problem.ts';
import type { WatchCommands, WatchOrder, WatchView } from '../control/watch-commands.ts';
import type { Clock } from '../io/clock.ts';
import { IpmiError } from '../ipmi/ipmi-error.ts';
import type { BootWatchSettings } from '../ipmi/power-settings.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { BootTraceService } from './boot-trace-service.ts';
import { ConsoleTee } from './console-tee.ts';
import type { Service } from './service.ts';

/** What the service works with. */
export interface BootWatchServiceParts {
  readonly settings: BootWatchSettings;
  readonly nodes: Pick<NodeLookup, 'nodeByUuid'>;
  readonly power: Pick<PowerCommands, 'status' | 'control' | 'setBootDevice' | 'console'>;
  readonly boots: Pick<BootQueries, 'list'> & Pick<BootTraceService, 'awaitBoot' | 'showConsole'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A boot that is watched, or was. */
interface Watch {
  view: WatchView;
  readonly settings: BootWatchSettings;
  /** Outlives a watch that came to its kernel: that one has last words too. */
  tee: ConsoleTee | undefined;
  readonly abort: AbortController;
}

/** How often a machine is looked at that is awaited. */
const LOOK_MS = 1000;
/** A machine that was switched off is off after moments; one that never says so is switched on all the same. */
const MOST_LOOKS_FOR_OFF = 30;
/** A BMC that failed is not asked again at once. */
const PAUSE_AFTER_FAILURE_MS = 5000;
/** Ended watches that are remembered. */
const MOST_REMEMBERED = 1000;

/**
 * Boots machines from the network by their BMC and follows their traces: one that is not heard in time, or becomes stuck,
 * is started again as often as the settings allow, and then the diagnosis is given. A node that another program manages
 * is left alone, unless the order says otherwise: two masters of one power button help nobody.
 */
export class BootWatchService implements Service, WatchCommands {
  readonly name = 'boot-watch';
  #parts: BootWatchServiceParts;
  readonly #watches = new Map<NodeUuid, Watch>();
  readonly #running = new Set<Promise<void>>();

  constructor(parts: BootWatchServiceParts) {
    this.#parts = parts;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** Attempts that begin from now on are as patient as these settings. */
  adopt(settings: Pick<BootWatchServiceParts, 'settings'>): void {
    this.#parts = { ...this.#parts, ...settings };
  }

  /** Watches nothing any more; machines stay as they are. */
  async stop(): Promise<void> {
    for (const { abort } of this.#watches.values()) abort.abort();
    await Promise.all(this.#running);
    const tees = Array.from(this.#watches.values(), ({ tee }) => tee);
    await Promise.all(tees.flatMap((tee) => (tee === undefined ? [] : [tee.close()])));
  }

  begin(uuid: NodeUuid, order: WatchOrder): WatchView {
    const { node } = this.#require(uuid);
    if (node.bmc === undefined)
      throw new ProblemError('no-bmc', `Node ${uuid} has no BMC; put it with "bmc"`);
    if (node.managedBy !== undefined && !order.evenIfManaged) {
      throw new ProblemError(
        'managed-elsewhere',
        `${node.managedBy} manages node ${uuid} and its power; ask there, or say "even_if_managed": true`,
      );
    }
    if (this.#watches.get(uuid)?.view.state === 'under-way') {
      throw new ProblemError(
        'boot-under-way',
        `bootd is booting node ${uuid} already; end that first (DELETE, or "bootd boot cancel")`,
      );
    }
    const settings = this.#settingsOf(order);
    const watch: Watch = {
      settings,
      abort: new AbortController(),
      tee: this.#watches.get(uuid)?.tee,
      view: {
        node: uuid,
        state: 'under-way',
        startedAt: this.#parts.clock.now(),
        endedAt: undefined,
        attempt: 1,
        attempts: settings.attempts,
        boot: undefined,
        sentence: 'is being switched on',
        failures: [],
      },
    };
    this.#remember(uuid, watch);
    this.#parts.logger.info(
      { event: EVENTS.watchStarted, node: uuid },
      'booting the machine and watching it',
    );
    const running = this.#run(uuid, watch, order).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return watch.view;
  }

  watch(uuid: NodeUuid): WatchView | undefined {
    return this.#watches.get(uuid)?.view;
  }

  cancel(uuid: NodeUuid): void {
    const watch = this.#watches.get(uuid);
    watch?.abort.abort();
    void watch?.tee?.close();
  }

  async #run(uuid: NodeUuid, watch: Watch, order: WatchOrder): Promise<void> {
    const { attempts } = watch.view;
    const { signal } = watch.abort;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      watch.view = { ...watch.view, attempt, boot: undefined, sentence: 'is being switched on' };
      const state = await this.#attempt(uuid, watch, order).catch((error: unknown) => this.#failureOf(error));
      if (signal.aborted) {
        this.#end(watch, 'cancelled', 'is no longer watched');
        return;
      }
      if (state.kind === 'booted') {
        watch.view = { ...watch.view, boot: state.boot };
        this.#end(watch, 'booted', state.sentence);
        return;
      }
      const { failure, boot } = state;
      watch.view = {
        ...watch.view,
        boot: boot ?? watch.view.boot,
        failures: [...watch.view.failures, failure],
      };
      if (attempt === attempts) {
        this.#end(watch, 'failed', failure.sentence);
        return;
      }
      this.#parts.logger.warn(
        { event: EVENTS.watchRetried, node: uuid, attempt, attempts, code: failure.code },
        `${failure.sentence}; it is started again`,
      );
      if (failure.code === POWER_FAILED) await pause(PAUSE_AFTER_FAILURE_MS, signal);
    }
  }

  /** Starts the machine once, and waits until it is clear what came of it. Rejects with IpmiError. */
  async #attempt(uuid: NodeUuid, watch: Watch, order: WatchOrder): Promise<Ending> {
    const { power, clock, boots } = this.#parts;
    const { settings } = watch;
    const { node, profile } = this.#require(uuid);
    const uefi = order.uefi ?? node.bootMode === 'uefi';
    // Set anew each time: it is for one boot, and within 60 seconds of the power command.
    await power.setBootDevice(uuid, { device: 'pxe', uefi, persistent: false, expires: true });
    const { power: before } = await power.status(uuid);
    const macs = portsToHear(node);
    await watch.tee?.close();
    watch.tee = order.console ? await this.#openTee(uuid, macs, settings) : undefined;
    const poweredAt = clock.now();
    const action = before === 'on' ? 'cycle' : 'on';
    if (action === 'on') await power.control(uuid, 'on');
    else await this.#restart(uuid, watch.abort.signal);
    const boot = boots.awaitBoot({
      ...{ macs, since: poweredAt, action, attempt: watch.view.attempt, attempts: settings.attempts },
      patienceMs: settings.firstRequestMs,
    });
    watch.tee?.showAgain();
    const hasRamdisk = profile === undefined || profile.ramdisk !== undefined;
    const attempt = new BootAttempt({ ...settings, poweredAt, macs, hasRamdisk });
    watch.view = { ...watch.view, boot, sentence: 'was switched on and has not been heard yet' };
    for (;;) {
      const heard = macs.flatMap((mac) => boots.list({ mac }));
      const state = attempt.judge(heard, clock.now());
      if (state.kind !== 'wait') return state;
      const newest = heard.find(({ trace }) => trace.startedAt >= poweredAt);
      if (newest !== undefined) {
        const { trace, verdict } = newest;
        watch.view = { ...watch.view, boot: trace.id, sentence: verdict.finding.sentence };
      }
      if (!(await pause(LOOK_MS, watch.abort.signal))) return CANCELLED;
    }
  }

  /** Off and on again. Power cycle is optional (IPMI 2.0 section 28.3): without it the two are told one after the other. */
  async #restart(uuid: NodeUuid, signal: AbortSignal): Promise<void> {
    const { power } = this.#parts;
    try {
      await power.control(uuid, 'cycle');
      return;
    } catch (error) {
      if (!(error instanceof IpmiError) || error.code !== 'refused') throw error;
    }
    const isOff = async (): Promise<boolean> => (await power.status(uuid)).power === 'off';
    if (!(await isOff())) await power.control(uuid, 'off');
    for (let looks = 0; looks < MOST_LOOKS_FOR_OFF && !(await isOff()); looks += 1) {
      if (!(await pause(LOOK_MS, signal))) return;
    }
    await power.control(uuid, 'on');
  }

  /** A machine boots without its console as well; PowerService has logged why there is none. */
  async #openTee(
    uuid: NodeUuid,
    macs: readonly Mac[],
    settings: BootWatchSettings,
  ): Promise<ConsoleTee | undefined> {
    const { power, boots, clock } = this.#parts;
    const since = clock.now();
    try {
      return await ConsoleTee.open({
        open: (listener) => power.console(uuid, false, listener),
        longestMs: settings.bootMs,
        show: (lines) => boots.showConsole(macs, since, lines),
      });
    } catch (error) {
      if (error instanceof IpmiError) return undefined;
      throw error;
    }
  }

  /** A boot that is to be through before its first word would be due is not waited for any longer than that. */
  #settingsOf({ patience }: WatchOrder): BootWatchSettings {
    const { attempts, firstRequestMs, bootMs } = { ...this.#parts.settings, ...patience };
    if (patience.firstRequestMs !== undefined) {
      return { attempts, firstRequestMs, bootMs: Math.max(bootMs, firstRequestMs) };
    }
    return { attempts, firstRequestMs: Math.min(firstRequestMs, bootMs), bootMs };
  }

  #failureOf(error: unknown): Ending {
    if (error instanceof IpmiError || error instanceof ProblemError) {
      const remedy = 'See docs/power.md, "When it does not work".';
      return {
        kind: 'failed',
        boot: undefined,
        failure: { code: POWER_FAILED, sentence: `cannot be switched on: ${error.message}`, remedy },
      };
    }
    throw error;
  }

  #end(watch: Watch, state: WatchView['state'], sentence: string): void {
    const { clock, logger, metrics } = this.#parts;
    watch.view = { ...watch.view, state, sentence, endedAt: clock.now() };
    if (state !== 'booted') void watch.tee?.close();
    const { node, attempt, boot, failures } = watch.view;
    metrics.watchedBoots.inc({ result: state });
    const facts = { node, attempt, boot, code: failures.at(-1)?.code };
    if (state === 'failed') {
      logger.error(
        { event: EVENTS.watchFailed, ...facts },
        `${sentence}; bootd gives up after ${attempt === 1 ? 'one attempt' : `${attempt} attempts`}`,
      );
    } else {
      logger.info({ event: EVENTS.watchEnded, ...facts, state }, `the machine ${sentence}`);
    }
  }

  #require(uuid: NodeUuid): NonNullable<ReturnType<NodeLookup['nodeByUuid']>> & { readonly node: Node } {
    const found = this.#parts.nodes.nodeByUuid(uuid);
    if (found === undefined) throw new ProblemError('node-not-found', `There is no node ${uuid}`);
    return found;
  }

  #remember(uuid: NodeUuid, watch: Watch): void {
    this.#watches.delete(uuid);
    this.#watches.set(uuid, watch);
    if (this.#watches.size <= MOST_REMEMBERED) return;
    for (const [oldest, { view }] of this.#watches) {
      if (view.state === 'under-way') continue;
      this.#watches.delete(oldest);
      return;
    }
  }
}

/** The ports of a node, those that may boot from the network first. */
function portsToHear({ ports }: Node): readonly Mac[] {
  return [...ports].sort((a, b) => Number(b.pxeEnabled) - Number(a.pxeEnabled)).map(({ address }) => address);
}

const POWER_FAILED = 'power-failed';

type Ending = Exclude<AttemptState, { readonly kind: 'wait' }>;

const NO_LONGER_WATCHED: BootFailure = { code: 'cancelled', sentence: 'is no longer watched', remedy: '' };
const CANCELLED: Ending = { kind: 'failed', boot: undefined, failure: NO_LONGER_WATCHED };

/** Resolves after the time with true, or with false at the signal. */
function pause(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (passed: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(passed);
    };
    const onAbort = (): void => end(false);
    const timer = setTimeout(() => end(true), milliseconds).unref();
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) end(false);
  });
}
