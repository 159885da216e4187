import { formatIpv4 } from '../addr/ipv4.ts';
import type { FileObservation, FileSource, FileStarted } from '../boot/boot-observation.ts';
import type { Clock } from '../io/clock.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { printable } from '../wire/visible-text.ts';
import type { RenderedBootFile } from './boot-file-lookup.ts';
import type {
  HttpBootEnd,
  HttpBootEndpoint,
  HttpBootMethod,
  HttpBootPeer,
  HttpBootRejection,
  HttpBootRequest,
  HttpBootResult,
} from './http-boot-messages.ts';
import type { HttpBootRefusal } from './http-boot-resolver.ts';

/** Hears what happens to the files of machines with an IPv4 address. */
export type HttpBootObserver = (observation: FileObservation) => void;

/** A request that was granted. */
export interface HttpBootGrant {
  readonly request: HttpBootRequest;
  readonly path: string;
  readonly source: FileSource;
  readonly rendered: RenderedBootFile | undefined;
  readonly size: number;
  /** Of a file on disk, milliseconds since 1970. */
  readonly modifiedAt: number | undefined;
  /** On the monotonic clock. */
  readonly receivedAt: number;
}

/** Between two warnings that connections are refused. */
const REFUSED_WARNING_MS = 10_000;

/** Tells what happens to requests: to the log, to the metrics and to whoever observes. */
export class HttpBootJournal {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #observer: HttpBootObserver | undefined;
  #refusedConnections = 0;
  #refusalWarnedAt = -Infinity;

  constructor(parts: {
    readonly logger: Logger;
    readonly metrics: Metrics;
    readonly clock: Clock;
    readonly observer?: HttpBootObserver;
  }) {
    this.#logger = parts.logger;
    this.#metrics = parts.metrics;
    this.#clock = parts.clock;
    this.#observer = parts.observer;
  }

  opened({ host, port }: HttpBootEndpoint): void {
    const listen = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.#logger.info({ event: EVENTS.httpListening, listen }, `boot files are served on http://${listen}/`);
  }

  /** What the thread says of all its connections. */
  connections(open: number, refused: number): void {
    this.#metrics.httpConnections.set(open);
    if (refused <= this.#refusedConnections) return;
    this.#metrics.httpConnectionsRefused.inc(refused - this.#refusedConnections);
    this.#refusedConnections = refused;
    const now = this.#clock.monotonic();
    if (now - this.#refusalWarnedAt < REFUSED_WARNING_MS) return;
    this.#refusalWarnedAt = now;
    this.#logger.warn(
      { event: EVENTS.httpRequestRefused, open },
      `${open} connections are open; further ones of the same machine, or of all, are closed at once`,
    );
  }

  /** A request that was refused by its method or its name alone. */
  rejected({ peer, method, target, status, reason }: HttpBootRejection): void {
    this.#refused(peer, method, target, status, reason, reason);
  }

  refused({ peer, method, name }: HttpBootRequest, { status, reason, message }: HttpBootRefusal): void {
    this.#refused(peer, method, name, status, reason, message);
  }

  granted(grant: HttpBootGrant): void {
    const started = describeStart(grant);
    if (started !== undefined) this.#observer?.({ kind: 'started', ...started });
  }

  /** A request could not be dealt with: a mistake of ours. */
  failed({ peer, method, name }: HttpBootRequest, error: unknown): void {
    const { logger, fields } = this.#line(peer, method, name);
    this.#metrics.httpRequests.inc({ result: 'internal-error' });
    logger.error({ event: EVENTS.httpRequestFailed, ...fields, err: error }, 'a request failed inside bootd');
  }

  ended(grant: HttpBootGrant, end: HttpBootEnd): void {
    const { request, path, source, rendered, size, receivedAt } = grant;
    const durationMs = this.#clock.monotonic() - receivedAt;
    const { result, status, bytes, detail } = end;
    this.#metrics.httpRequests.inc({ result });
    this.#metrics.httpSentBytes.inc(bytes);
    if (result === 'done') this.#metrics.httpRequestSeconds.observe(durationMs / 1000);
    const { peer, method } = request;
    const { logger, fields } = this.#line(peer, method, path);
    const failed = result !== 'done' && result !== 'aborted';
    logger[failed ? 'warn' : 'info'](
      {
        event: result === 'done' ? EVENTS.httpRequestDone : EVENTS.httpRequestBroken,
        ...fields,
        status,
        source,
        node: rendered?.node,
        result,
        bytes,
        ms: Math.round(durationMs),
      },
      describeEnd(request, end, size, detail),
    );
    const started = describeStart(grant);
    if (started === undefined) return;
    const ending = result === 'done' && method === 'HEAD' ? 'probed' : result;
    this.#observer?.({ kind: 'ended', ...started, ending, bytes, durationMs, retransmissions: 0, detail });
  }

  threadDied(error: Error, lost: number): void {
    this.#metrics.httpConnections.set(0);
    this.#refusedConnections = 0;
    this.#logger.error(
      { event: EVENTS.httpThreadFailed, err: error },
      `the thread that serves boot files over HTTP failed and is started again; ${lost} requests are lost`,
    );
  }

  /** The address is not there (yet), or somebody else took it. */
  notOpened(error: Error): void {
    this.#logger.warn({ event: EVENTS.httpClosed, err: error }, `${error.message}; it is tried again`);
  }

  #refused(
    peer: HttpBootPeer,
    method: string,
    requested: string,
    status: number,
    reason: string,
    message: string,
  ): void {
    this.#metrics.httpRequests.inc({ result: 'refused' });
    this.#metrics.httpRefusals.inc({ reason });
    const { logger, fields } = this.#line(peer, method, requested);
    logger.info(
      { event: EVENTS.httpRequestRefused, ...fields, status, reason },
      `${method} ${fields.file} refused: ${reason}`,
    );
    if (typeof peer.address !== 'number') return;
    this.#observer?.({
      kind: 'refused',
      via: 'http',
      peer: peer.address,
      requested,
      mapped: requested,
      rule: undefined,
      reason,
      message: `${status}: ${message}`,
    });
  }

  #line(peer: HttpBootPeer, method: string, name: string) {
    const { address, port } = peer;
    const fields = {
      address: typeof address === 'number' ? formatIpv4(address) : address,
      port,
      method,
      file: printable(name),
    };
    return { logger: this.#logger, fields };
  }
}

/** Undefined for a client of IPv6: nobody knows its machine. */
function describeStart({
  request,
  path,
  source,
  rendered,
  size,
  modifiedAt,
}: HttpBootGrant): Omit<FileStarted, 'kind'> | undefined {
  const { address } = request.peer;
  if (typeof address !== 'number') return undefined;
  return {
    via: 'http',
    peer: address,
    transfer: `http-${request.id}`,
    requested: request.name,
    path,
    source,
    node: rendered?.node,
    generation: rendered?.generation,
    modifiedAt,
    size,
  };
}

const ENDINGS: Readonly<Record<HttpBootResult, string>> = {
  done: 'was sent',
  aborted: 'was given up by the client',
  timeout: 'was not sent to its end: the client took nothing more',
  truncated: 'was not sent to its end: the file became shorter meanwhile',
  'read-failed': 'was not sent to its end: it could not be read',
  stopped: 'was not sent to its end: bootd stopped',
};

function describeEnd(
  { method, name }: { readonly method: HttpBootMethod; readonly name: string },
  { result, bytes, start }: HttpBootEnd,
  size: number,
  detail: string | undefined,
): string {
  const file = printable(name);
  if (method === 'HEAD') return `the size of ${file} was told`;
  const part =
    start > 0 || (result === 'done' && bytes < size)
      ? ` (octets ${start} to ${start + bytes} of ${size})`
      : '';
  return `${file}${part} ${ENDINGS[result]}${detail === undefined ? '' : ` (${detail})`}`;
}
