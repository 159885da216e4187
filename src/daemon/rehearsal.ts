import type { RenderingContext } from '../boot/boot-files.ts';
import { NodeRegistry } from '../boot/node-registry.ts';
import { formatConfigProblem } from '../config/config-error.ts';
import { SHIPPED_TEMPLATES } from '../config/load-config.ts';
import type { BootdSettings } from '../config/settings.ts';
import type { Ipv4 } from '../addr/ipv4.ts';
import type { Lease } from '../dhcp/lease.ts';
import { LeaseTable } from '../dhcp/lease-table.ts';
import { boundLease } from '../dhcp/lease-table-view.ts';
import { allRanges } from '../dhcp/subnet-selection.ts';
import { createSteadyClock, type Clock } from '../io/clock.ts';
import { openServiceNotifier } from '../io/sd-notify.ts';
import { Shadow } from '../rehearsal/shadow.ts';
import type { RehearsalReport } from '../rehearsal/report.ts';
import { BootFileService } from '../services/boot-file-service.ts';
import { ControlService } from '../services/control-service.ts';
import { DnsmasqFolderService } from '../services/dnsmasq-folder-service.ts';
import { FileInquiry } from '../services/file-inquiry.ts';
import { KeptConfiguration } from '../services/kept-configuration.ts';
import { NodeService } from '../services/node-service.ts';
import { ObservationService } from '../services/observation-service.ts';
import { ProbeDesk } from '../services/probe-desk.ts';
import type { Service } from '../services/service.ts';
import { TemplateService } from '../services/template-service.ts';
import { Watchdog } from '../services/watchdog.ts';
import { FORGETFUL_STORE } from '../store/forgetful-store.ts';
import { createNodeStore } from '../store/node-store.ts';
import { EVENTS } from '../telemetry/events.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { DaemonOptions } from './foundation.ts';
import { healthCheck } from './house-part.ts';

/** What a rehearsal is made from. */
export interface RehearsalOptions extends Omit<DaemonOptions, 'tftpVerbosity'> {
  /** The other server's leases at the start, as far as they are known. */
  readonly leases: readonly Lease[];
  /** The server whose place bootd is to take; undefined: on each wire, the one that is heard first. */
  readonly server: Ipv4 | undefined;
}

/** A rehearsal that listens. */
export interface RunningRehearsal {
  /** What was found so far. Stays what it was after the end. */
  report(): RehearsalReport;
  stop(): Promise<void>;
}

/**
 * Listens beside another server and compares. No socket of the machines' side is opened and nothing is written: nodes,
 * leases and the control API are in memory, and the API only reads. Rejects with the first reason why it cannot start.
 */
export async function startRehearsal(options: RehearsalOptions): Promise<RunningRehearsal> {
  const { settings, logger, version, leases } = options;
  logger.info(
    { event: EVENTS.rehearsalStarted, version, interfaces: settings.interfaces, leases: leases.length },
    `bootd ${version} listens, and answers nothing`,
  );
  const notifier = openServiceNotifier(options.process.environment, options.process.pid);
  const { services, observation } = furnish(options);
  const started: Service[] = [];
  const stopAll = async (): Promise<void> => {
    for (const service of started.splice(0).reverse()) await service.stop();
  };
  try {
    for (const service of services) {
      started.push(service);
      await service.start();
    }
  } catch (error) {
    await stopAll();
    throw error;
  }
  const watchdog = new Watchdog({ notifier, answer: () => Promise.resolve(), logger });
  watchdog.start();
  notifier.ready('rehearsing: listens, and answers nothing');
  logger.info({ event: EVENTS.daemonReady, services: services.map(({ name }) => name) }, 'listening');
  return {
    report: () => observation.report(),
    async stop() {
      notifier.stopping();
      watchdog.stop();
      await stopAll();
    },
  };
}

/** The services in the order of their start, and the one that it is about. */
function furnish(options: RehearsalOptions): {
  readonly services: readonly Service[];
  readonly observation: ObservationService;
} {
  const { settings, logger, version, server } = options;
  const metrics = createMetrics();
  const clock = createSteadyClock();
  const registry = new NodeRegistry();
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
  const dnsmasqFiles = buildDnsmasqFiles(settings, registry, rendering, clock, logger, metrics);
  const leases = new LeaseTable(settings.dhcp === undefined ? [] : allRanges(settings.dhcp));
  leases.restore(options.leases, clock.now());
  const macOfAddress = (address: Ipv4): Lease['mac'] => boundLease(leases.at(address), clock.now())?.mac;
  const bootFiles = new BootFileService({
    registry,
    rendering,
    macOfAddress,
    unknownMachines: settings.unknownMachines,
    probes: new ProbeDesk({ clock, logger, expectedFile: () => undefined }),
    completeBoot: () => undefined,
    logger,
    metrics,
  });
  const { dhcp, tftp } = settings;
  const observation = new ObservationService({
    interfaces: settings.interfaces,
    dhcp: dhcp && {
      shadow: new Shadow({
        settings: dhcp,
        nodes: registry,
        isIgnored: (mac) => dnsmasqFiles?.folders.isIgnored(mac) ?? false,
        leases,
        server,
      }),
      serverPort: dhcp.serverPort,
      clientPort: dhcp.clientPort,
    },
    files: tftp && { inquiry: new FileInquiry(tftp, bootFiles), port: tftp.port },
    macOfAddress,
    clock,
    logger,
    metrics,
  });
  const configuration = new KeptConfiguration(options.configuration, logger);
  const control = new ControlService({
    control: settings.control,
    http: settings.http,
    api: {
      observations: observation,
      health: {
        checks: () => [
          healthCheck('rehearsal', observation.problems),
          healthCheck('configuration', configuration.problems),
          healthCheck('templates', templates.problems.map(formatConfigProblem)),
        ],
      },
      metrics,
      logger,
      version,
    },
  });
  const ofIronic = dnsmasqFiles === undefined ? [] : [dnsmasqFiles.nodes, dnsmasqFiles.folders];
  return { services: [templates, ...ofIronic, observation, configuration, control], observation };
}

/** Ironic's files for the dnsmasq that answers now: the same nodes, in memory, and no lease file. */
function buildDnsmasqFiles(
  settings: BootdSettings,
  registry: NodeRegistry,
  rendering: () => RenderingContext,
  clock: Clock,
  logger: Logger,
  metrics: Metrics,
): { readonly nodes: NodeService; readonly folders: DnsmasqFolderService } | undefined {
  if (settings.dnsmasqFiles === undefined) return undefined;
  const nodes = new NodeService({
    registry,
    store: createNodeStore(FORGETFUL_STORE),
    rendering,
    // Ironic's files name no profiles, so nobody asks for their images.
    files: { isServed: () => Promise.resolve(true) },
    images: { holdFor: () => Promise.resolve(() => undefined) },
    dhcpSettings: () => settings.dhcp,
    logger,
    metrics,
  });
  const folders = new DnsmasqFolderService({
    settings: settings.dnsmasqFiles,
    nodes,
    leases: undefined,
    clock,
    logger,
  });
  return { nodes, folders };
}
