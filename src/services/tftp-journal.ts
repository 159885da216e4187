import type { ConfigError } from '../config/config-error.ts';
import type { Clock } from '../io/clock.ts';
import type { IoError } from '../io/io-error.ts';
import { BoundedLabels } from '../telemetry/bounded-labels.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { printable } from '../wire/visible-text.ts';
import { fileFamily } from '../tftp/file-family.ts';
import type { TftpRequest } from '../wire/tftp/tftp-packet.ts';
import type { TftpEndpoint } from './tftp-endpoints.ts';
import { detailOfEnd, TftpLog } from './tftp-log.ts';
import type { TransferEnd } from './tftp-messages.ts';
import type { MappedName, TftpRefusal } from './tftp-resolver.ts';
import type { TftpGranted, TftpObserver, TftpPeer } from './tftp-served.ts';

/** Between two warnings that requests are left unanswered for want of room. */
const OVERLOAD_WARNING_MS = 10_000;

/** Files, or families of them, that the metrics tell apart; a root may hold any number. */
const FILE_LABELS_MAX = 200;

interface OpenGrant {
  readonly grant: TftpGranted;
  /** On the monotonic clock. */
  readonly receivedAt: number;
  readonly file: string;
  /** Undefined for a request that came again, whose transfer was told of already. */
  readonly key: string | undefined;
}

/** Tells what happens to requests: to the log, to the metrics and to whoever observes. */
export class TftpJournal {
  readonly #log: TftpLog;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #observer: TftpObserver | undefined;
  readonly #grants = new Map<number, OpenGrant>();
  /** Peers and names of the transfers that observers were told of and that have not ended. */
  readonly #told = new Set<string>();
  readonly #files = new BoundedLabels(FILE_LABELS_MAX, (path) => printable(fileFamily(path)));
  #overloadWarnedAt = -Infinity;

  constructor(parts: {
    readonly logger: Logger;
    readonly verbosity?: number;
    readonly metrics: Metrics;
    readonly clock: Clock;
    readonly observer?: TftpObserver;
  }) {
    this.#log = new TftpLog(parts.logger, parts.verbosity ?? 0);
    this.#metrics = parts.metrics;
    this.#clock = parts.clock;
    this.#observer = parts.observer;
  }

  /** Transfers that were granted and have not ended. */
  get active(): number {
    return this.#grants.size;
  }

  opened(endpoint: TftpEndpoint, ports: readonly number[], batched: boolean): void {
    this.#log.opened(endpoint, ports, batched);
  }

  closed(endpoint: TftpEndpoint): void {
    this.#log.closed(endpoint);
  }

  /** An interface of the configuration cannot be served yet. */
  awaited(on: string, reason: string): void {
    this.#log.awaited(on, reason);
  }

  /** An interface that was down is up again. */
  resumed(on: string): void {
    this.#log.resumed(on);
  }

  notOpened(on: string, error: IoError): void {
    this.#log.notOpened(on, error);
  }

  requested(request: TftpRequest, peer: TftpPeer, mapped: MappedName): void {
    this.#log.requested(request, peer, mapped);
  }

  /** `mapped` is undefined for a request that was not read so far that its name could be mapped. */
  refused(
    peer: TftpPeer,
    requested: string,
    mapped: Pick<MappedName, 'mapped' | 'steps'> | undefined,
    refusal: TftpRefusal,
  ): void {
    const { code, message, reason } = refusal;
    this.#metrics.tftpRefusals.inc({ reason });
    this.#log.refused(peer, requested, refusal);
    this.#observer?.({
      kind: 'refused',
      peer,
      requested,
      mapped: mapped?.mapped,
      code,
      message,
      reason,
      steps: mapped?.steps ?? [],
    });
  }

  /** A request could not be dealt with, and gets no answer: a mistake of ours. */
  failed(peer: TftpPeer, requested: string, error: unknown): void {
    this.#metrics.tftpRefusals.inc({ reason: 'internal-error' });
    this.#log.failed(peer, requested, error);
  }

  /** A request was left unanswered, so that the client asks again. */
  overloaded(): void {
    this.#metrics.tftpRefusals.inc({ reason: 'overloaded' });
    const now = this.#clock.monotonic();
    if (now - this.#overloadWarnedAt < OVERLOAD_WARNING_MS) return;
    this.#overloadWarnedAt = now;
    this.#log.overloaded(this.active);
  }

  collapsed(requested: string, peer: TftpPeer, path: string): void {
    this.#log.collapsed(requested, peer, path);
  }

  /** `receivedAt` is the request's time on the monotonic clock. */
  granted(grant: TftpGranted, receivedAt: number): void {
    const file = this.#files.choose(grant.path);
    const { address, port } = grant.peer;
    const key = `${address}/${port}/${grant.requested}`;
    const isRepeated = this.#told.has(key);
    this.#grants.set(grant.id, { grant, receivedAt, file, key: isRepeated ? undefined : key });
    this.#metrics.tftpRequests.inc({ source: grant.source === 'disk' ? 'disk' : 'rendered' });
    this.#metrics.tftpTransfersActive.set(this.active);
    this.#log.granted(grant);
    if (isRepeated) return;
    this.#told.add(key);
    this.#observer?.({ kind: 'started', grant });
  }

  ended(end: TransferEnd): void {
    const open = this.#grants.get(end.id);
    if (open === undefined) return;
    this.#grants.delete(end.id);
    if (open.key !== undefined) this.#told.delete(open.key);
    this.#metrics.tftpTransfersActive.set(this.active);
    const { result, bytes, retransmissions, error } = end;
    if (result === 'duplicate') return;
    const { grant, receivedAt, file } = open;
    const durationMs = this.#clock.monotonic() - receivedAt;
    this.#metrics.tftpTransfers.inc({ result, file });
    this.#metrics.tftpSentBytes.inc({ file }, bytes);
    this.#metrics.tftpRetransmissions.inc({ file }, retransmissions);
    if (result === 'done') this.#metrics.tftpTransferSeconds.observe(durationMs / 1000);
    this.#log.ended(grant, end, durationMs);
    const detail = detailOfEnd(end);
    this.#observer?.({ kind: 'served', grant, bytes, durationMs, retransmissions, result, error, detail });
  }

  mapLoaded(rules: number): void {
    this.#log.mapLoaded(rules);
  }

  mapRejected(error: ConfigError): void {
    this.#metrics.tftpMapFailures.inc();
    this.#log.mapRejected(error);
  }

  mapNotWatched(error: unknown): void {
    this.#log.mapNotWatched(error);
  }

  dataPlaneDied(error: Error): void {
    this.#log.dataPlaneDied(error, this.active);
    for (const id of [...this.#grants.keys()]) this.lost(id);
  }

  /** A transfer was granted, and nobody can send it. */
  lost(id: number): void {
    this.ended({ id, result: 'stopped', bytes: 0, retransmissions: 0, error: undefined, osCode: undefined });
  }
}
