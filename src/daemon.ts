import { join } from 'node:path';
import type { Mac } from './addr/mac.ts';
import type { RenderingContext } from './boot/boot-files.ts';
import type { NodeUuid } from './boot/node.ts';
import { NodeRegistry } from './boot/node-registry.ts';
import { TRACE_LIMITS } from './boot/trace-table.ts';
import { formatConfigProblem } from './config/config-error.ts';
import { SHIPPED_TEMPLATES } from './config/load-config.ts';
import type { BootdSettings } from './config/settings.ts';
import type { HealthCheck } from './control/health-routes.ts';
import type { DhcpSettings } from './dhcp/dhcp-settings.ts';
import type { Lease } from './dhcp/lease.ts';
import { LeaseTable } from './dhcp/lease-table.ts';
import { allRanges } from './dhcp/subnet-selection.ts';
import { createSteadyClock, systemClock, type Clock } from './io/clock.ts';
import { readInheritedSockets, type InheritedSocket } from './io/inherited-sockets.ts';
import { BootRoot } from './io/boot-root.ts';
import { openServiceNotifier } from './io/sd-notify.ts';
import { expectFile } from './services/boot-file-inquiry.ts';
import { BootFileService } from './services/boot-file-service.ts';
import { ClockService } from './services/clock-service.ts';
import {
  bothObservers,
  publishBoots,
  publishLease,
  publishLeases,
  publishNodes,
} from './services/event-sources.ts';
import { EventHub } from './services/event-hub.ts';
import { BootTraceService } from './services/boot-trace-service.ts';
import { BootWatchService } from './services/boot-watch-service.ts';
import { PowerService } from './services/power-service.ts';
import { ControlService } from './services/control-service.ts';
import { DnsmasqFolderService } from './services/dnsmasq-folder-service.ts';
import { rehearseDhcp } from './services/dhcp-rehearsal.ts';
import { traceDhcp } from './services/dhcp-observer.ts';
import { DhcpService } from './services/dhcp-service.ts';
import { DhcpWires } from './services/dhcp-wires.ts';
import { BootTree } from './services/boot-tree.ts';
import { HttpBootService, type HttpBootServiceParts } from './services/http-boot-service.ts';
import { ForeignServerWatch, serverIdentifiersOf } from './services/foreign-server-watch.ts';
import { ForeignServers } from './services/foreign-servers.ts';
import { ImageService } from './services/image-service.ts';
import { LeaseService } from './services/lease-service.ts';
import { NodeService } from './services/node-service.ts';
import { PeerMemory } from './services/peer-memory.ts';
import { ProbeDesk } from './services/probe-desk.ts';
import { filePresence } from './services/profile-warnings.ts';
import type { Service } from './services/service.ts';
import { TemplateService } from './services/template-service.ts';
import { TftpFileOpener } from './services/tftp-file-opener.ts';
import type { TftpObserver } from './services/tftp-served.ts';
import { TftpService } from './services/tftp-service.ts';
import { describeTftpEvent } from './services/tftp-trace.ts';
import { TraceKeeper } from './services/trace-keeper.ts';
import { announceCommits, createLeaseStore, type LeaseStore } from './store/lease-store.ts';
import { TraceJournal } from './store/trace-journal.ts';
import { openLevelStore, type LevelStore } from './store/level-store.ts';
import { createNodeStore } from './store/node-store.ts';
import { EVENTS } from './telemetry/events.ts';
import type { Logger } from './telemetry/logger.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';

/** What a service manager and the kernel know of this process. */
export interface ProcessFacts {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
}

/** What the daemon is made from. */
export interface DaemonOptions {
  readonly settings: BootdSettings;
  readonly logger: Logger;
  /** How many `-v`: TFTP is logged as in.tftpd does with as many, whatever the level of the log is. */
  readonly tftpVerbosity?: number;
  /** Of the program, for the log and the API's description. */
  readonly version: string;
  readonly process: ProcessFacts;
}

/** A daemon that serves. */
export interface RunningDaemon {
  /** Finishes what is under way, within bounds, and gives everything back. */
  stop(): Promise<void>;
  /** Reads templates and the map-file again; what is bad keeps its last good form and is in the log. */
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
  const store = await openStore(settings, logger, metrics);
  if (settings.dhcp !== undefined) await rehearseDhcp(settings.dhcp, logger.level);
  const house = furnish(options, store, metrics);
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
  const watchdog = keepWatchdogFed(notifier.watchdogTimeoutMs, () => notifier.watchdog());
  const status = `serving ${house.services.map(({ name }) => name).join(', ')}`;
  notifier.ready(status);
  logger.info({ event: EVENTS.daemonReady, services: house.services.map(({ name }) => name) }, status);
  return {
    async stop() {
      notifier.stopping();
      clearInterval(watchdog);
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
  reload(): Promise<void>;
}

/** The wiring: who is given whom. Nothing runs yet. */
function furnish(
  { settings, logger, version, process, tftpVerbosity = 0 }: DaemonOptions,
  store: LevelStore,
  metrics: Metrics,
): House {
  const clock = createSteadyClock();
  const inherited = readInheritedSockets(process.environment, process.pid);
  const registry = new NodeRegistry();
  const runId = process.pid.toString(36) + clock.now().toString(36);
  const events = new EventHub({ checks: () => checks(), runId });
  const nodeOf = (mac: Mac): NodeUuid | undefined => registry.portByMac(mac)?.node.uuid;
  const leaseStore = announceCommits(createLeaseStore(store), () => dnsmasqFiles?.leasesChanged());
  const leases =
    settings.dhcp &&
    buildLeases(settings.dhcp, leaseStore, clock, logger, metrics, (lease) =>
      publishLease(events, { lease, state: 'released' }, nodeOf),
    );
  const templates = new TemplateService({
    folder: settings.templatesDirectory,
    shippedFolder: SHIPPED_TEMPLATES,
    logger,
    metrics,
  });
  const rendering = (): RenderingContext => ({
    templates,
    tftpRoot: settings.tftp?.root,
    tftpServer: settings.dhcp?.parameters.nextServer,
  });
  const images = new ImageService({ settings: settings.images, registry, clock, logger, metrics });
  const nodes = new NodeService({
    registry,
    store: createNodeStore(store),
    rendering,
    files: filePresence(settings.tftp, images),
    images,
    dhcpSettings: () => settings.dhcp,
    onChange: publishNodes(events),
    logger,
    metrics,
  });
  const probes = new ProbeDesk({
    clock,
    logger,
    expectedFile: (name, address) => tftp && expectFile(tftp, name, address),
  });
  const clockWatch = new ClockService({ clock, onStep: (ms) => leases?.service.shiftTimes(ms) });
  const foreignServers = new ForeignServers({
    areExpected: settings.dhcp?.mode === 'proxy',
    clock,
    logger,
    metrics,
  });
  const traceFile = join(settings.stateDirectory, 'boots.jsonl');
  const boots = new BootTraceService({
    portByMac: (mac) => registry.portByMac(mac),
    macOfAddress: (address) => leases?.service.macOfAddress(address),
    probes,
    foreignServers,
    keeper: new TraceKeeper(new TraceJournal(traceFile, TRACE_LIMITS.established), logger),
    tftpRoot: settings.tftp?.root,
    unknownMachines: settings.unknownMachines,
    servesHttp: settings.httpBoot !== undefined,
    clock,
    logger,
    metrics,
  });
  const power = new PowerService({ settings: settings.power, nodes, clock, logger, metrics });
  boots.onChange(publishBoots(events));
  const watches = new BootWatchService({
    settings: settings.power.bootWatch,
    nodes: registry,
    power,
    boots,
    clock,
    logger,
    metrics,
  });
  const services: Service[] = [clockWatch, templates, nodes, images, boots, power, watches];

  const dnsmasqFiles =
    settings.dnsmasqFiles &&
    leases &&
    new DnsmasqFolderService({
      settings: settings.dnsmasqFiles,
      nodes,
      leases: () => [...leases.leases.leases(clock.now())],
      clock,
      logger,
    });

  let dhcp: DhcpService | undefined;
  if (settings.dhcp !== undefined && leases !== undefined) {
    const { dhcp: dhcpSettings, interfaces } = settings;
    const wires = new DhcpWires({ settings: dhcpSettings, interfaces, inherited, logger, metrics });
    dhcp = new DhcpService({
      ...leases,
      settings: dhcpSettings,
      wires,
      nodes: registry,
      isIgnored: (mac) => dnsmasqFiles?.isIgnored(mac) ?? false,
      clock,
      logger,
      metrics,
      observer: bothObservers(
        traceDhcp(boots),
        publishLeases(events, { byAddress: (address) => leases.service.byAddress(address), nodeOf }),
      ),
    });
    // What Ironic's files say is in effect before the first request is answered.
    services.push(leases.service, ...(dnsmasqFiles === undefined ? [] : [dnsmasqFiles]), dhcp);
    if (dhcpSettings.mode === 'server') {
      const ownIdentifiers = serverIdentifiersOf(dhcpSettings);
      const { clientPort } = dhcpSettings;
      services.push(new ForeignServerWatch({ interfaces, clientPort, ownIdentifiers, boots, logger }));
    }
  }

  const givesAddresses = settings.dhcp?.mode === 'server';
  const bootFiles = new BootFileService({
    registry,
    peers: givesAddresses ? undefined : new PeerMemory(clock),
    rendering,
    macOfAddress: (address) => leases?.service.macOfAddress(address),
    unknownMachines: settings.unknownMachines,
    probes,
    renderingFailed: (failure) => boots.observeRenderingFailure(failure),
    completeBoot: (uuid) => void nodes.execute({ kind: 'boot-profile.complete', uuid, at: clock.now() }),
    logger,
    metrics,
  });
  const observeTftp: TftpObserver = (event) => {
    bootFiles.observe(event);
    const observation = describeTftpEvent(event);
    if (observation !== undefined) boots.observeFile(observation);
  };
  const tftp = buildTftp(settings, inherited, bootFiles, images, tftpVerbosity, observeTftp, logger, metrics);
  if (tftp !== undefined) services.push(tftp);
  const { httpBoot } = settings;
  const http =
    httpBoot &&
    new HttpBootService({
      listen: httpBoot.listen,
      ...httpBootFiles(settings, images),
      bootFiles,
      logger,
      metrics,
      clock,
      observer: (observation) => {
        bootFiles.observeFile(observation);
        boots.observeFile(observation);
      },
    });
  if (http !== undefined) services.push(http);

  const checks = (): readonly HealthCheck[] => [
    storeCheck(store),
    check('templates', templates.problems.map(formatConfigProblem)),
    ...(dhcp === undefined ? [] : [check('dhcp', dhcp.problems)]),
    ...(tftp === undefined ? [] : [check('tftp', tftp.problems)]),
    ...(http === undefined ? [] : [check('http-boot', http.problems)]),
  ];
  services.push(
    new ControlService({
      control: settings.control,
      http: settings.http,
      api: {
        nodes,
        leases: leases?.service,
        images,
        probes,
        boots,
        power,
        events,
        watches,
        health: { checks },
        metrics,
        logger,
        version,
      },
    }),
  );
  // Ends the streams of those who listen before the control API waits for their end.
  services.push(events);
  return {
    services,
    async reload() {
      await templates.reload();
      await tftp?.reloadMapFile();
    },
  };
}

function buildLeases(
  settings: DhcpSettings,
  store: LeaseStore,
  clock: Clock,
  logger: Logger,
  metrics: Metrics,
  onFreed: (lease: Lease) => void,
): { leases: LeaseTable; store: LeaseStore; service: LeaseService } {
  const leases = new LeaseTable(allRanges(settings));
  return { leases, store, service: new LeaseService({ leases, store, clock, onFreed, logger, metrics }) };
}

function buildTftp(
  settings: BootdSettings,
  inherited: readonly InheritedSocket[],
  bootFiles: BootFileService,
  images: ImageService,
  verbosity: number,
  observer: TftpObserver,
  logger: Logger,
  metrics: Metrics,
): TftpService | undefined {
  const { tftp, interfaces } = settings;
  if (tftp === undefined) return undefined;
  return new TftpService({
    settings: tftp,
    interfaces,
    inherited,
    bootFiles,
    images,
    logger,
    verbosity,
    metrics,
    clock: systemClock,
    observer,
  });
}

/** What HTTP serves is what TFTP serves; openings of its own, so that neither waits for the other's. */
function httpBootFiles(
  { tftp, httpBoot }: BootdSettings,
  images: ImageService,
): Pick<HttpBootServiceParts, 'root' | 'files'> {
  const root = httpBoot?.root;
  const { permissive, followSymlinksTo, secure } = tftp ?? TFTP_DEFAULTS_OF_FILES;
  const files =
    root === undefined
      ? undefined
      : new BootRoot({ root, permissive, followSymlinksTo, chrootLinks: secure });
  return { root, files: new TftpFileOpener(new BootTree(images, files)) };
}

/** Without TFTP: what its section leaves out means. */
const TFTP_DEFAULTS_OF_FILES = { permissive: false, followSymlinksTo: [], secure: true } as const;

async function openStore(settings: BootdSettings, logger: Logger, metrics: Metrics): Promise<LevelStore> {
  const { store, report } = await openLevelStore(join(settings.stateDirectory, 'store'), {
    listener: {
      flushed(durationMs, _changes, error) {
        metrics.storeCommits.inc({ result: error === undefined ? 'kept' : 'failed' });
        metrics.storeCommitSeconds.observe(durationMs / 1000);
      },
      healthChanged(health) {
        if (health.kind === 'working')
          logger.info({ event: EVENTS.storeRecovered }, 'the store keeps leases again');
        else logger.error({ event: EVENTS.storeFailed }, health.reason);
      },
    },
  });
  for (const sentence of report) logger.warn({ event: EVENTS.storeRepaired }, sentence);
  return store;
}

function check(name: string, problems: readonly string[]): HealthCheck {
  return { name, ok: problems.length === 0, problems };
}

function storeCheck(store: LevelStore): HealthCheck {
  const health = store.health();
  return check('store', health.kind === 'working' ? [] : [health.reason]);
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

/** systemd wants to hear of us at least once in its time; twice is safe. */
function keepWatchdogFed(timeoutMs: number | undefined, feed: () => void): NodeJS.Timeout | undefined {
  return timeoutMs === undefined ? undefined : setInterval(feed, timeoutMs / 2).unref();
}
