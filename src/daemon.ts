import type { BootdSettings } from './config/settings.ts';
import type { HealthCheck } from './control/health-routes.ts';
import { buildBoots } from './daemon/boot-part.ts';
import { buildControl } from './daemon/control-part.ts';
import { buildDhcp } from './daemon/dhcp-part.ts';
import { buildFiles } from './daemon/file-part.ts';
import { layFoundation, type DaemonOptions } from './daemon/foundation.ts';
import type { HousePart } from './daemon/house-part.ts';
import { buildLeases } from './daemon/lease-part.ts';
import { buildNodes } from './daemon/node-part.ts';
import { checkStore, openStore } from './daemon/open-store.ts';
import { buildReload } from './daemon/reload-part.ts';
import { openServiceNotifier, type ServiceNotifier } from './io/sd-notify.ts';
import { expectFile } from './services/boot-file-inquiry.ts';
import { ClockService } from './services/clock-service.ts';
import { warmUpDhcp } from './services/dhcp-warm-up.ts';
import type { Service } from './services/service.ts';
import { Watchdog } from './services/watchdog.ts';
import type { LevelStore } from './store/level-store.ts';
import { EVENTS } from './telemetry/events.ts';
import type { Logger } from './telemetry/logger.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';

/** A daemon that serves. */
export interface RunningDaemon {
  /** Finishes what is under way, within bounds, and gives everything back. */
  stop(): Promise<void>;
  /** Reads the configuration and what it names again. Never rejects: what comes of it, or is wrong, is in the log. */
  reload(): Promise<void>;
}

/**
 * Builds and starts every service that the configuration names, in the order in which they need each other. Rejects
 * with the first reason why one cannot start; what had started is stopped again.
 */
export async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const { settings, logger, version } = options;
  logger.info(
    {
      event: EVENTS.daemonStarted,
      version,
      stateDirectory: settings.stateDirectory,
      interfaces: settings.interfaces,
    },
    `bootd ${version} starts`,
  );
  reportWhatIsOff(settings, logger);
  const notifier = openServiceNotifier(options.process.environment, options.process.pid);
  const metrics = createMetrics();
  const store = await openStore(settings.stateDirectory, logger, metrics);
  if (settings.dhcp !== undefined) await warmUpDhcp(settings.dhcp, logger.level);
  const house = furnish(options, store, metrics, notifier);
  const started: Service[] = [];
  const stopAll = async (): Promise<void> => {
    for (const service of started.splice(0).reverse()) await service.stop();
    await store.close();
  };
  try {
    for (const service of house.services) {
      started.push(service);
      await service.start();
    }
  } catch (error) {
    await stopAll();
    throw error;
  }
  const watchdog = new Watchdog({ notifier, answer: () => house.answer(), logger });
  watchdog.start();
  notifier.ready(house.status);
  logger.info({ event: EVENTS.daemonReady, services: house.services.map(({ name }) => name) }, house.status);
  return {
    async stop() {
      notifier.stopping();
      watchdog.stop();
      logger.info({ event: EVENTS.daemonStopping }, 'finishing what is under way');
      await stopAll();
      logger.info({ event: EVENTS.daemonStopped }, 'everything is closed');
    },
    reload: () => house.reload(),
  };
}

/** The services in the order of their start, and what reaches across them. */
interface House {
  readonly services: readonly Service[];
  /** Resolves when every thread has given a sign of life. */
  answer(): Promise<unknown>;
  /** For the service manager. */
  readonly status: string;
  reload(): Promise<void>;
}

/** The wiring: who is given whom. Nothing runs yet. */
function furnish(
  options: DaemonOptions,
  store: LevelStore,
  metrics: Metrics,
  notifier: ServiceNotifier,
): House {
  const checks = (): readonly HealthCheck[] => [
    checkStore(store),
    ...parts.flatMap((part) => part.checks?.() ?? []),
  ];
  const foundation = layFoundation(options, store, metrics, checks, notifier.sockets);
  const leases = buildLeases(foundation, () => dhcp.dnsmasqFiles?.leasesChanged());
  const nodes = buildNodes(foundation);
  const boots = buildBoots(
    foundation,
    nodes,
    leases,
    (name, address) => files.tftp && expectFile(files.tftp, name, address),
  );
  const dhcp = buildDhcp(foundation, nodes, leases, boots);
  const files = buildFiles(foundation, nodes, boots);
  const control = buildControl(foundation, nodes, leases, boots, checks, {
    reload: () => configuration.reload(),
    plan: () => configuration.plan(),
  });
  const clockWatch = new ClockService({
    clock: foundation.clock,
    onStep: (ms) => leases?.service.shiftTimes(ms),
  });
  const reloadable = [nodes, boots, dhcp, files, control];
  const reload = buildReload(foundation, options.configuration, reloadable, {
    reloading: () => notifier.reloading(),
    reloaded: () => notifier.ready(status),
  });
  const { configuration } = reload;
  const parts: readonly HousePart[] = [{ services: [clockWatch] }, ...reloadable, reload];
  const services = parts.flatMap((part) => part.services);
  const status = `serving ${services.map(({ name }) => name).join(', ')}`;
  return {
    services,
    status,
    answer: () => Promise.all(parts.flatMap((part) => part.answer?.() ?? [])),
    async reload() {
      await configuration.reload('signal').catch(() => undefined);
    },
  };
}

function reportWhatIsOff(settings: BootdSettings, logger: Logger): void {
  const sections = {
    dhcp: settings.dhcp,
    tftp: settings.tftp,
    http: settings.http,
    'http-boot': settings.httpBoot,
  };
  for (const [section, value] of Object.entries(sections)) {
    if (value !== undefined) continue;
    logger.info(
      { event: EVENTS.daemonServiceOff, section },
      `${section} is off: the configuration has no such section`,
    );
  }
}
