import { formatConfigProblem, type ConfigError } from '../config/config-error.ts';
import type { Clock } from '../io/clock.ts';
import type { IoError } from '../io/io-error.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { escapeControlBytes } from '../tftp/control-bytes.ts';
import { formatMapStep } from '../tftp/map-rules.ts';
import type { TftpRequest } from '../wire/tftp/tftp-packet.ts';
import type { RenderedBootFile } from './boot-file-lookup.ts';
import type { TftpEndpoint } from './tftp-endpoints.ts';
import { formatRefusalLine, formatRequestLine, formatTftpPeer } from './tftp-log.ts';
import type { TransferEnd, TransferResult } from './tftp-messages.ts';
import type { MappedName, TftpRefusal } from './tftp-resolver.ts';
import { isFailedTransfer, type TftpObserver, type TftpPeer, type TftpSource } from './tftp-served.ts';

/** A request that was granted. */
export interface Grant {
  readonly peer: TftpPeer;
  readonly requested: string;
  readonly path: string;
  readonly source: TftpSource;
  readonly rendered: RenderedBootFile | undefined;
  readonly size: number;
  /** On the monotonic clock. */
  readonly receivedAt: number;
  readonly steps: MappedName['steps'];
  readonly collapsed: boolean;
}

/** Between two warnings that requests are left unanswered for want of room. */
const OVERLOAD_WARNING_MS = 10_000;

/** Tells what happens to requests: to the log, to the metrics and to whoever observes. */
export class TftpJournal {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #observer: TftpObserver | undefined;
  readonly #grants = new Map<number, Grant>();
  #overloadWarnedAt = -Infinity;

  constructor(parts: {
    readonly logger: Logger;
    readonly metrics: Metrics;
    readonly clock: Clock;
    readonly observer?: TftpObserver;
  }) {
    this.#logger = parts.logger;
    this.#metrics = parts.metrics;
    this.#clock = parts.clock;
    this.#observer = parts.observer;
  }

  /** Transfers that were granted and have not ended. */
  get active(): number {
    return this.#grants.size;
  }

  opened({ place, blockSizeMax }: TftpEndpoint, ports: readonly number[], batched: boolean): void {
    const { description: on, limitations } = place;
    this.#logger.info(
      { event: EVENTS.tftpListening, on, blockSizeMax, dataPorts: ports, batched },
      `TFTP is served on ${on}`,
    );
    for (const limitation of limitations) {
      this.#logger.warn({ event: EVENTS.tftpListening, on }, limitation);
    }
  }

  /** The address or interface is gone. */
  closed({ place }: TftpEndpoint): void {
    this.#logger.warn(
      { event: EVENTS.tftpClosed, on: place.description },
      `TFTP is no longer served on ${place.description}, which is gone`,
    );
  }

  /** An interface of the configuration cannot be served yet. */
  awaited(on: string, reason: string): void {
    this.#logger.warn({ event: EVENTS.tftpAwaited, on }, `TFTP waits: ${reason}`);
  }

  notOpened(on: string, error: IoError): void {
    this.#logger.error({ event: EVENTS.tftpClosed, on, err: error }, `${error.message}; it is tried again`);
  }

  /** A request was read and its name mapped; one that a rule refused gets no line, as in in.tftpd. */
  requested(request: TftpRequest, peer: TftpPeer, { mapped, steps, warning }: MappedName): void {
    if (warning !== undefined) this.#logger.warn({ event: EVENTS.tftpRequestReceived }, warning);
    if (this.#logger.isLevelEnabled('debug')) {
      for (const step of steps) {
        this.#logger.debug({ event: EVENTS.tftpRequestReceived }, formatMapStep(step));
      }
    }
    if (mapped === undefined) return;
    this.#logger.info(
      { event: EVENTS.tftpRequestReceived, address: formatTftpPeer(peer.address), port: peer.port },
      formatRequestLine(request.direction, peer, request.name, mapped),
    );
  }

  refused(peer: TftpPeer, requested: string, steps: MappedName['steps'], refusal: TftpRefusal): void {
    const { code, message, reason } = refusal;
    this.#metrics.tftpRefusals.inc({ reason });
    this.#logger.info(
      {
        event: EVENTS.tftpRequestRefused,
        address: formatTftpPeer(peer.address),
        port: peer.port,
        file: escapeControlBytes(requested),
        code,
        reason,
      },
      formatRefusalLine(code, message, peer),
    );
    this.#observer?.({ kind: 'refused', peer, requested, code, message, reason, steps });
  }

  /** A request could not be dealt with, and gets no answer: a mistake of ours. */
  failed(peer: TftpPeer, requested: string, error: unknown): void {
    this.#metrics.tftpRefusals.inc({ reason: 'internal-error' });
    this.#logger.error(
      {
        event: EVENTS.tftpRequestFailed,
        address: formatTftpPeer(peer.address),
        file: escapeControlBytes(requested),
        err: error,
      },
      'a request failed inside bootd',
    );
  }

  /** A request was left unanswered, so that the client asks again. */
  overloaded(): void {
    this.#metrics.tftpRefusals.inc({ reason: 'overloaded' });
    const now = this.#clock.monotonic();
    if (now - this.#overloadWarnedAt < OVERLOAD_WARNING_MS) return;
    this.#overloadWarnedAt = now;
    this.#logger.warn(
      { event: EVENTS.tftpRequestRefused, active: this.active },
      `${this.active} transfers are under way; further requests wait until the clients ask again`,
    );
  }

  /** A name was found only with its leading slashes collapsed. */
  collapsed(request: TftpRequest, peer: TftpPeer, path: string): void {
    this.#logger.warn(
      { event: EVENTS.tftpRequestReceived, address: formatTftpPeer(peer.address), file: path },
      `served ${path} for ${escapeControlBytes(request.name)}: pxelinux puts the folder of its boot file before ` +
        'an absolute path; name the boot file without its leading slash to be rid of this',
    );
  }

  granted(id: number, grant: Grant): void {
    this.#grants.set(id, grant);
    this.#metrics.tftpRequests.inc({ source: grant.source === 'disk' ? 'disk' : 'rendered' });
    this.#metrics.tftpTransfersActive.set(this.active);
    this.#logger.debug(
      {
        event: EVENTS.tftpTransferStarted,
        address: formatTftpPeer(grant.peer.address),
        port: grant.peer.port,
        file: escapeControlBytes(grant.path),
        source: grant.source,
        bytes: grant.size,
      },
      'a transfer begins',
    );
  }

  ended(end: TransferEnd): void {
    const grant = this.#grants.get(end.id);
    if (grant === undefined) return;
    this.#grants.delete(end.id);
    this.#metrics.tftpTransfersActive.set(this.active);
    if (end.result === 'duplicate') return;
    const durationMs = this.#clock.monotonic() - grant.receivedAt;
    this.#metrics.tftpTransfers.inc({ result: end.result });
    this.#metrics.tftpSentBytes.inc(end.bytes);
    this.#metrics.tftpRetransmissions.inc(end.retransmissions);
    if (end.result === 'done') this.#metrics.tftpTransferSeconds.observe(durationMs / 1000);
    this.#log(grant, end, durationMs);
    this.#observer?.({
      kind: 'served',
      peer: grant.peer,
      requested: grant.requested,
      path: grant.path,
      source: grant.source,
      node: grant.rendered?.node,
      generation: grant.rendered?.generation ?? 0,
      size: grant.size,
      bytes: end.bytes,
      durationMs,
      retransmissions: end.retransmissions,
      result: end.result,
      steps: grant.steps,
      collapsed: grant.collapsed,
    });
  }

  mapLoaded(rules: number): void {
    this.#logger.info({ event: EVENTS.tftpMapLoaded, rules }, `the map-file was read again: ${rules} rules`);
  }

  mapRejected(error: ConfigError): void {
    this.#metrics.tftpMapFailures.inc();
    for (const problem of error.problems) {
      this.#logger.error(
        { event: EVENTS.tftpMapFailed, place: formatConfigProblem(problem) },
        `${problem.message}; the old rules stay in force`,
      );
    }
  }

  dataPlaneDied(error: Error): void {
    this.#logger.error(
      { event: EVENTS.tftpThreadFailed, err: error },
      `the thread that sends files failed and is started again; ${this.active} transfers are lost`,
    );
    for (const id of [...this.#grants.keys()]) this.lost(id);
  }

  /** A transfer was granted, and nobody can send it. */
  lost(id: number): void {
    this.ended({ id, result: 'stopped', bytes: 0, retransmissions: 0, detail: undefined });
  }

  #log(grant: Grant, end: TransferEnd, durationMs: number): void {
    const failed = isFailedTransfer(end.result);
    const address = formatTftpPeer(grant.peer.address);
    const file = escapeControlBytes(grant.path);
    this.#logger[failed ? 'warn' : 'info'](
      {
        event: failed ? EVENTS.tftpTransferFailed : EVENTS.tftpTransferDone,
        address,
        port: grant.peer.port,
        file,
        source: grant.source,
        node: grant.rendered?.node,
        result: end.result,
        bytes: end.bytes,
        ms: Math.round(durationMs),
        retransmissions: end.retransmissions,
      },
      describeEnd(end, file, address),
    );
  }
}

const ENDINGS: Readonly<Record<TransferResult, string>> = {
  done: 'was sent whole',
  probed: 'was closed after its size was told',
  closed: 'was closed by the client, which had seen enough of it',
  aborted: 'was given up by the client',
  timeout: 'was not sent to its end: the client fell silent',
  truncated: 'was not sent to its end: the file became shorter meanwhile',
  'read-failed': 'was not sent to its end: it could not be read',
  replaced: 'was not sent to its end: the client asked anew',
  duplicate: 'is being sent already',
  stopped: 'was not sent to its end: bootd stopped',
};

function describeEnd({ result, detail }: TransferEnd, file: string, address: string): string {
  const words = detail === undefined ? '' : ` (${escapeControlBytes(detail)})`;
  return `${file} to ${address} ${ENDINGS[result]}${words}`;
}
