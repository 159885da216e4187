import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { measureEventLoopLag } from './event-loop-lag.ts';

/**
 * Every metric of bootd, by room. Names are `bootd_<room>_<noun>_<unit or total>`; labels have few values, never
 * an address; a `file` is a family of files (tftp/file-family.ts), and of these there are a bounded number.
 */
export interface Metrics {
  readonly registry: Registry;
  /** The checks of `/readyz`, by name, and whether each passes; asked only when somebody asks for the metrics. */
  observeChecks(ask: () => ReadonlyMap<string, boolean>): void;
  /** A configuration came into force, at the start or by a reload; its SHA-256, and when, in milliseconds. */
  configLoaded(sha256: string, at: number): void;
  readonly configReloadSuccessful: Gauge;
  readonly configRestartPending: Gauge;
  readonly dhcpPacketsReceived: Counter<'type'>;
  readonly dhcpPacketsDropped: Counter<'reason'>;
  readonly dhcpReplies: Counter<'type'>;
  readonly dhcpReplySeconds: Histogram;
  readonly dhcpConflicts: Counter;
  readonly dhcpForeignReplies: Counter;
  /** Addresses by state of their lease are counted only when somebody asks for the metrics. */
  observeLeases(count: () => ReadonlyMap<string, number>): void;
  readonly storeCommits: Counter<'result'>;
  readonly storeCommitSeconds: Histogram;
  readonly tftpRequests: Counter<'source'>;
  readonly tftpRefusals: Counter<'reason'>;
  readonly tftpTransfers: Counter<'result' | 'file'>;
  readonly tftpTransferSeconds: Histogram;
  readonly tftpSentBytes: Counter<'file'>;
  readonly tftpRetransmissions: Counter<'file'>;
  readonly tftpTransfersActive: Gauge;
  readonly tftpMapFailures: Counter;
  readonly httpRequests: Counter<'result'>;
  readonly httpRefusals: Counter<'reason'>;
  readonly httpRequestSeconds: Histogram;
  readonly httpSentBytes: Counter;
  readonly httpConnections: Gauge;
  readonly httpConnectionsRefused: Counter;
  readonly controlConnections: Gauge;
  readonly controlConnectionsRefused: Counter;
  readonly boots: Counter<'verdict'>;
  /** Boots under way are counted only when somebody asks for the metrics. */
  observeBoots(count: () => number): void;
  readonly imageFetches: Counter<'result'>;
  readonly imageFetchedBytes: Counter;
  readonly imageCacheBytes: Gauge;
  readonly imagesEvicted: Counter;
  readonly watchedBoots: Counter<'result'>;
  readonly powerCommands: Counter<'command' | 'result'>;
  readonly powerCommandSeconds: Histogram;
  readonly powerPolls: Counter<'result'>;
  /** BMCs that fail, by the code of their failure, are counted only when somebody asks for the metrics. */
  observeBmcs(countFailing: () => ReadonlyMap<string, number>): void;
  readonly ipmiDatagramsIgnored: Counter<'reason'>;
  readonly rehearsalAnswers: Counter<'result'>;
  readonly rehearsalFramesLost: Counter;
  readonly nodes: Gauge;
  readonly templateFailures: Counter;
}

const LATENCY_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const TRANSFER_BUCKETS = [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/** An hour: prom-client cannot leave its measurement of the event loop out. */
const NEVER_MS = 3_600_000;

function measureProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry, prefix: 'bootd_', eventLoopMonitoringPrecision: NEVER_MS });
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith('bootd_nodejs_eventloop_lag')) registry.removeSingleMetric(name);
  }
  measureEventLoopLag(registry);
}

/**
 * A registry of its own, so that tests and several instances in one process do not share counts. With `services`, the
 * figures of the process itself are left out.
 */
export function createMetrics(about: 'process-and-services' | 'services' = 'process-and-services'): Metrics {
  const registry = new Registry();
  const registers = [registry];
  let countLeases: () => ReadonlyMap<string, number> = () => new Map();
  if (about === 'process-and-services') measureProcess(registry);
  let countBoots: () => number = () => 0;
  let countFailingBmcs: () => ReadonlyMap<string, number> = () => new Map();
  let askChecks: () => ReadonlyMap<string, boolean> = () => new Map();
  new Gauge({
    name: 'bootd_check_ok',
    help: 'Checks of /readyz: 1 for one that passes, else 0.',
    labelNames: ['check'],
    registers,
    collect() {
      this.reset();
      for (const [name, ok] of askChecks()) this.set({ check: name }, ok ? 1 : 0);
    },
  });
  const configReloadSuccessful = new Gauge({
    name: 'bootd_config_last_reload_successful',
    help: 'Whether the configuration file, as it was read last, is in force: 1, else 0.',
    registers,
  });
  const configReloadSuccessTimestamp = new Gauge({
    name: 'bootd_config_last_reload_success_timestamp_seconds',
    help: 'When the configuration in force was read, in seconds since 1970.',
    registers,
  });
  const configInfo = new Gauge({
    name: 'bootd_config_info',
    help: 'The SHA-256 of the configuration file in force, as a label; always 1.',
    labelNames: ['sha256'],
    registers,
  });
  new Gauge({
    name: 'bootd_leases',
    help: 'Addresses by state of their lease.',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset();
      for (const [state, count] of countLeases()) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'bootd_boots_under_way',
    help: 'Network boots under way.',
    registers,
    collect() {
      this.set(countBoots());
    },
  });
  new Gauge({
    name: 'bootd_power_bmcs_failing',
    help: 'BMCs of nodes that could not be asked for the power state when they were last polled, by code.',
    labelNames: ['code'],
    registers,
    collect() {
      this.reset();
      for (const [code, count] of countFailingBmcs()) this.set({ code }, count);
    },
  });
  return {
    registry,
    observeBmcs(countFailing) {
      countFailingBmcs = countFailing;
    },
    configLoaded(sha256, at) {
      configReloadSuccessful.set(1);
      configReloadSuccessTimestamp.set(at / 1000);
      // One series, whatever was in force before.
      configInfo.reset();
      configInfo.set({ sha256 }, 1);
    },
    configReloadSuccessful,
    configRestartPending: new Gauge({
      name: 'bootd_config_restart_pending_keys',
      help: 'Keys of the configuration file that only a restart puts in force.',
      registers,
    }),
    observeChecks(ask) {
      askChecks = ask;
    },
    dhcpPacketsReceived: new Counter({
      name: 'bootd_dhcp_packets_received_total',
      help: 'DHCP and BOOTP packets received, by message type.',
      labelNames: ['type'],
      registers,
    }),
    dhcpPacketsDropped: new Counter({
      name: 'bootd_dhcp_packets_dropped_total',
      help: 'DHCP and BOOTP packets that got no reply, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    dhcpReplies: new Counter({
      name: 'bootd_dhcp_replies_total',
      help: 'DHCP and BOOTP replies sent, by message type.',
      labelNames: ['type'],
      registers,
    }),
    dhcpReplySeconds: new Histogram({
      name: 'bootd_dhcp_reply_seconds',
      help: 'Time from a request to its reply, conflict checks and the flush of the lease included.',
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    dhcpConflicts: new Counter({
      name: 'bootd_dhcp_conflicts_total',
      help: 'Addresses that were found in use by somebody else, by a conflict check or a DECLINE.',
      registers,
    }),
    dhcpForeignReplies: new Counter({
      name: 'bootd_dhcp_foreign_replies_total',
      help: 'Answers of other DHCP servers that were overheard, or that a machine took.',
      registers,
    }),
    observeLeases(count) {
      countLeases = count;
    },
    storeCommits: new Counter({
      name: 'bootd_store_commits_total',
      help: 'Flushes of the store to stable storage, by result.',
      labelNames: ['result'],
      registers,
    }),
    storeCommitSeconds: new Histogram({
      name: 'bootd_store_commit_seconds',
      help: 'Time of one flush of the store to stable storage.',
      buckets: LATENCY_BUCKETS,
      registers,
    }),
    tftpRequests: new Counter({
      name: 'bootd_tftp_requests_total',
      help: 'TFTP read requests that were granted, by where the file came from (disk or rendered).',
      labelNames: ['source'],
      registers,
    }),
    tftpRefusals: new Counter({
      name: 'bootd_tftp_refusals_total',
      help: 'TFTP requests that were refused, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    tftpTransfers: new Counter({
      name: 'bootd_tftp_transfers_total',
      help: 'TFTP transfers that ended, by result and file.',
      labelNames: ['result', 'file'],
      registers,
    }),
    tftpTransferSeconds: new Histogram({
      name: 'bootd_tftp_transfer_seconds',
      help: 'Duration of TFTP transfers that were completed.',
      buckets: TRANSFER_BUCKETS,
      registers,
    }),
    tftpSentBytes: new Counter({
      name: 'bootd_tftp_sent_bytes_total',
      help: 'Octets of file data sent by TFTP and acknowledged, by file.',
      labelNames: ['file'],
      registers,
    }),
    tftpRetransmissions: new Counter({
      name: 'bootd_tftp_retransmissions_total',
      help: 'TFTP packets that were sent again, by file.',
      labelNames: ['file'],
      registers,
    }),
    tftpTransfersActive: new Gauge({
      name: 'bootd_tftp_transfers_active',
      help: 'TFTP transfers under way.',
      registers,
    }),
    tftpMapFailures: new Counter({
      name: 'bootd_tftp_map_failures_total',
      help: 'Attempts to reload a map-file that has mistakes; the old rules go on serving.',
      registers,
    }),
    httpRequests: new Counter({
      name: 'bootd_http_boot_requests_total',
      help: 'Requests for boot files over HTTP that ended, by result.',
      labelNames: ['result'],
      registers,
    }),
    httpRefusals: new Counter({
      name: 'bootd_http_boot_refusals_total',
      help: 'Requests for boot files over HTTP that were refused, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    httpRequestSeconds: new Histogram({
      name: 'bootd_http_boot_request_seconds',
      help: 'Duration of requests for boot files over HTTP that were answered whole.',
      buckets: TRANSFER_BUCKETS,
      registers,
    }),
    httpSentBytes: new Counter({
      name: 'bootd_http_boot_sent_bytes_total',
      help: 'Octets of boot files sent over HTTP.',
      registers,
    }),
    httpConnections: new Gauge({
      name: 'bootd_http_boot_connections',
      help: 'Connections of machines that fetch boot files over HTTP.',
      registers,
    }),
    httpConnectionsRefused: new Counter({
      name: 'bootd_http_boot_connections_refused_total',
      help: 'Connections for boot files that were closed at once, because too many were open.',
      registers,
    }),
    controlConnections: new Gauge({
      name: 'bootd_control_connections',
      help: "Connections of the admins' side: status pages, scripts, Prometheus.",
      registers,
    }),
    controlConnectionsRefused: new Counter({
      name: 'bootd_control_connections_refused_total',
      help: "Connections of the admins' side that were closed at once, because too many were open.",
      registers,
    }),
    boots: new Counter({
      name: 'bootd_boots_total',
      help: 'Network boots that are through or became stuck, by verdict.',
      labelNames: ['verdict'],
      registers,
    }),
    observeBoots(count) {
      countBoots = count;
    },
    imageFetches: new Counter({
      name: 'bootd_image_fetches_total',
      help: 'Images by URL that were fetched, by result.',
      labelNames: ['result'],
      registers,
    }),
    imageFetchedBytes: new Counter({
      name: 'bootd_image_fetched_bytes_total',
      help: 'Octets of images by URL that were fetched.',
      registers,
    }),
    imageCacheBytes: new Gauge({
      name: 'bootd_image_cache_bytes',
      help: 'Octets of images by URL that are kept.',
      registers,
    }),
    imagesEvicted: new Counter({
      name: 'bootd_images_evicted_total',
      help: 'Images by URL that were removed to make room.',
      registers,
    }),
    watchedBoots: new Counter({
      name: 'bootd_watched_boots_total',
      help: 'Boots that bootd started by IPMI and watched to their end, by result.',
      labelNames: ['result'],
      registers,
    }),
    powerCommands: new Counter({
      name: 'bootd_power_commands_total',
      help: 'Questions and orders to BMCs, by command and result; polls are counted apart.',
      labelNames: ['command', 'result'],
      registers,
    }),
    powerCommandSeconds: new Histogram({
      name: 'bootd_power_command_seconds',
      help: 'Time that BMCs took for what succeeded, opening a session and asking again included.',
      buckets: [...LATENCY_BUCKETS, 10, 30],
      registers,
    }),
    powerPolls: new Counter({
      name: 'bootd_power_polls_total',
      help: 'Polls of the power state of nodes, by result.',
      labelNames: ['result'],
      registers,
    }),
    ipmiDatagramsIgnored: new Counter({
      name: 'bootd_ipmi_datagrams_ignored_total',
      help: 'Datagrams from BMCs that were no answer to anything, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    rehearsalAnswers: new Counter({
      name: 'bootd_rehearsal_answers_total',
      help: "Answers of another server that were held against bootd's own, by what came of it.",
      labelNames: ['result'],
      registers,
    }),
    rehearsalFramesLost: new Counter({
      name: 'bootd_rehearsal_frames_lost_total',
      help: 'Frames that passed faster than the rehearsal could look at them.',
      registers,
    }),
    nodes: new Gauge({
      name: 'bootd_nodes',
      help: 'Nodes known from the control API.',
      registers,
    }),
    templateFailures: new Counter({
      name: 'bootd_template_failures_total',
      help: 'Templates that failed to load or to render; the last good one goes on serving.',
      registers,
    }),
  };
}
