import { closeSync } from 'node:fs';
import type { Mac } from '../addr/mac.ts';
import type { NodeUuid } from '../boot/node.ts';
import { NodeRegistry } from '../boot/node-registry.ts';
import type { BootdSettings } from '../config/settings.ts';
import type { HealthCheck } from '../control/health-routes.ts';
import { createSteadyClock, type SteadyClock } from '../io/clock.ts';
import { readInheritedSockets, sortInheritedSockets, type InheritedSocket } from '../io/inherited-sockets.ts';
import type { SocketKeeper } from '../io/sd-notify.ts';
import { EventHub } from '../services/event-hub.ts';
import type { StartingConfiguration } from '../services/reload-service.ts';
import type { LevelStore } from '../store/level-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What a service manager and the kernel know of this process. */
export interface ProcessFacts {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
}

/** What the daemon is made from. */
export interface DaemonOptions {
  readonly settings: BootdSettings;
  /** Where the settings come from. */
  readonly configuration: StartingConfiguration;
  readonly logger: Logger;
  /** How many `-v`: TFTP is logged as in.tftpd does with as many, whatever the level of the log is. */
  readonly tftpVerbosity?: number;
  /** Of the program, for the log and the API's description. */
  readonly version: string;
  readonly process: ProcessFacts;
}

/** What nearly every service is given: the parts of the house are built on it, and it knows none of them. */
export interface Foundation {
  /** Those of the start. */
  readonly settings: BootdSettings;
  /** Those that hold now; replaced whole by a reload. */
  readonly inForce: { settings: BootdSettings };
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: LevelStore;
  readonly clock: SteadyClock;
  /** The only writer is the node service. */
  readonly registry: NodeRegistry;
  /** Whom the API's followers listen to. */
  readonly events: EventHub;
  /** What the service manager opened for us. */
  readonly inherited: readonly InheritedSocket[];
  /** Keeps sockets that we opened for our next process. */
  readonly keeper: SocketKeeper;
  readonly tftpVerbosity: number;
  readonly version: string;
  readonly nodeOf: (mac: Mac) => NodeUuid | undefined;
}

/** `checks` may ask for parts that are built later: nobody calls it before the start. */
export function layFoundation(
  { settings, logger, version, process, tftpVerbosity = 0 }: DaemonOptions,
  store: LevelStore,
  metrics: Metrics,
  checks: () => readonly HealthCheck[],
  keeper: SocketKeeper,
): Foundation {
  const clock = createSteadyClock();
  const registry = new NodeRegistry();
  const runId = process.pid.toString(36) + clock.now().toString(36);
  return {
    settings,
    inForce: { settings },
    logger,
    metrics,
    store,
    clock,
    registry,
    events: new EventHub({ checks, runId }),
    inherited: takeSockets(settings, process, keeper),
    keeper,
    tftpVerbosity,
    version,
    nodeOf: (mac) => registry.portByMac(mac)?.node.uuid,
  };
}

/** The sockets for what is configured. Those of an earlier configuration would collect requests that nobody reads. */
function takeSockets(
  { dhcp, tftp, interfaces }: BootdSettings,
  { environment, pid }: ProcessFacts,
  keeper: SocketKeeper,
): readonly InheritedSocket[] {
  const { wanted, strays } = sortInheritedSockets(readInheritedSockets(environment, pid), interfaces, [
    ...(dhcp === undefined ? [] : (['dhcp', 'boot-server'] as const)),
    ...(tftp === undefined || tftp.listen !== undefined ? [] : (['tftp'] as const)),
  ]);
  for (const { name, fd } of strays) {
    closeSync(fd);
    keeper.forget(name);
  }
  return wanted;
}
