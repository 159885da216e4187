import type { ListenAddress } from '../config/settings.ts';
import type { Clock } from '../io/clock.ts';
import { IoError, ioErrorFromOsCode } from '../io/io-error.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { BootFileLookup } from './boot-file-lookup.ts';
import { HttpBootJournal, type HttpBootGrant, type HttpBootObserver } from './http-boot-journal.ts';
import { openHttpBootThread, type HttpBootLink, type OpenHttpBootLink } from './http-boot-link.ts';
import type {
  FromHttpBootThread,
  HttpBootAnswer,
  HttpBootEnd,
  HttpBootEndpoint,
  HttpBootRequest,
} from './http-boot-messages.ts';
import { HttpBootResolver, type BootFileSource, type HttpBootContent } from './http-boot-resolver.ts';
import type { Service } from './service.ts';

/** What the service works with. */
export interface HttpBootServiceParts {
  readonly listen: ListenAddress;
  /** The folder that files are served from; undefined: none. */
  readonly root: string | undefined;
  readonly files: BootFileSource | undefined;
  readonly bootFiles: BootFileLookup;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly observer?: HttpBootObserver;
  /** Where HTTP is spoken: a thread of its own unless told otherwise. */
  readonly openLink?: OpenHttpBootLink;
  /** How long what is under way may still take when the service stops. */
  readonly stopGraceMs?: number;
}

const STOP_GRACE_MS = 2000;
/** Before a thread that failed is started again. */
const RESTART_MS = 1000;
/** A thread that does not answer is ended. */
const STOP_SLACK_MS = 1000;

/**
 * Serves boot files over HTTP, to iPXE, to GRUB and to UEFI firmware. This side decides what a name means and opens
 * it; a thread of its own listens, and sends.
 */
export class HttpBootService implements Service {
  readonly name = 'http-boot';
  readonly #parts: HttpBootServiceParts;
  readonly #resolver: HttpBootResolver;
  readonly #journal: HttpBootJournal;
  /** Requests that the thread asked about and has not ended; undefined while their file is looked for. */
  readonly #requests = new Map<number, Granted | undefined>();
  #link: HttpBootLink | undefined;
  #address: HttpBootEndpoint | undefined;
  #opening: { resolve(): void; reject(error: IoError): void } | undefined;
  #stopped: (() => void) | undefined;
  #stopping: Promise<void> | undefined;
  #restart: NodeJS.Timeout | undefined;

  constructor(parts: HttpBootServiceParts) {
    this.#parts = parts;
    this.#resolver = new HttpBootResolver(parts);
    this.#journal = new HttpBootJournal(parts);
  }

  /** Where it listens; differs from the settings for port 0. */
  get address(): HttpBootEndpoint | undefined {
    return this.#address;
  }

  /** Rejects with IoError when the address is taken or may not be listened on. */
  async start(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  #open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject };
      const { openLink = openHttpBootThread, listen } = this.#parts;
      this.#link = openLink({
        message: (message) => this.#hear(message),
        failed: (error) => this.#died(error),
      });
      this.#link.post({ kind: 'open', endpoint: listen });
    });
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#restart);
    const link = this.#link;
    if (link === undefined) return;
    const graceMs = this.#parts.stopGraceMs ?? STOP_GRACE_MS;
    if (this.#address !== undefined) {
      const stopped = new Promise<void>((resolve) => (this.#stopped = resolve));
      const silence = setTimeout(() => this.#stopped?.(), graceMs + STOP_SLACK_MS);
      link.post({ kind: 'stop', graceMs });
      await stopped;
      clearTimeout(silence);
    }
    await link.terminate();
    this.#loseAll();
  }

  #hear(message: FromHttpBootThread): void {
    switch (message.kind) {
      case 'opened':
        this.#address = message.endpoint;
        this.#journal.opened(message.endpoint);
        this.#opening?.resolve();
        this.#opening = undefined;
        return;
      case 'failed':
        this.#notOpened(message.message, message.osCode);
        return;
      case 'request':
        void this.#answer(message.request);
        return;
      case 'rejected':
        this.#journal.rejected(message.rejection);
        return;
      case 'ended':
        this.#ended(message.end);
        return;
      case 'connections':
        this.#journal.connections(message.open, message.refused);
        return;
      case 'stopped':
        this.#stopped?.();
        return;
      default:
        message satisfies never;
    }
  }

  #notOpened(message: string, osCode: string | undefined): void {
    const { host, port } = this.#parts.listen;
    const what = `cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port} for http-boot`;
    const error =
      osCode === undefined ? new IoError('failed', `${what}: ${message}`) : ioErrorFromOsCode(what, osCode);
    if (this.#opening !== undefined) {
      this.#opening.reject(error);
      this.#opening = undefined;
      return;
    }
    this.#journal.notOpened(error);
    this.#startAgain();
  }

  async #answer(request: HttpBootRequest): Promise<void> {
    const { id, peer, name } = request;
    const receivedAt = this.#parts.clock.monotonic();
    this.#requests.set(id, undefined);
    try {
      const content = await this.#resolver.find(name, peer.address);
      if (content.kind === 'refused') {
        const { status, message } = content;
        // What ends without a grant leaves no second line.
        this.#journal.refused(request, content);
        this.#link?.post({ kind: 'answer', id, answer: { kind: 'refused', status, message } });
      } else this.#grant(request, content, receivedAt);
    } catch (error) {
      this.#journal.failed(request, error);
      const answer = { kind: 'refused', status: 500, message: 'the request failed inside bootd' } as const;
      this.#link?.post({ kind: 'answer', id, answer });
    }
  }

  #grant(request: HttpBootRequest, content: HttpBootContent, receivedAt: number): void {
    const { id } = request;
    const { path, source } = content;
    if (!this.#requests.has(id)) {
      // The client is gone already.
      if (content.kind === 'file') content.opened.drop();
      return;
    }
    const answer = answerOf(content);
    const size = answer.kind === 'file' ? answer.size : answer.bytes.length;
    const rendered = content.kind === 'rendered' ? content.rendered : undefined;
    const modifiedAt = answer.kind === 'file' ? answer.modifiedAt : undefined;
    const grant = { request, path, source, rendered, size, modifiedAt, receivedAt };
    this.#requests.set(id, { grant, content });
    this.#journal.granted(grant);
    this.#link?.post({ kind: 'answer', id, answer });
  }

  #ended(end: HttpBootEnd): void {
    const granted = this.#requests.get(end.id);
    this.#requests.delete(end.id);
    if (granted === undefined) return;
    if (granted.content.kind === 'file') granted.content.opened.drop();
    this.#journal.ended(granted.grant, end);
  }

  /** Nobody sends any of it any more. */
  #loseAll(): void {
    for (const id of [...this.#requests.keys()]) {
      this.#ended({ id, result: 'stopped', status: 0, bytes: 0, start: 0, detail: undefined });
    }
  }

  #died(error: Error): void {
    this.#stopped?.();
    this.#journal.threadDied(error, this.#requests.size);
    this.#loseAll();
    if (this.#opening === undefined) this.#startAgain();
    else this.#notOpened(error.message, undefined);
  }

  #startAgain(): void {
    if (this.#stopping !== undefined) return;
    this.#restart = setTimeout(() => {
      // What keeps it from listening is in the log, and it is tried again.
      this.#open().catch((error: unknown) => {
        this.#journal.notOpened(error instanceof Error ? error : new Error(String(error)));
        void this.#link?.terminate();
        this.#startAgain();
      });
    }, RESTART_MS);
  }
}

interface Granted {
  readonly grant: HttpBootGrant;
  readonly content: HttpBootContent;
}

type Content = Exclude<HttpBootAnswer, { readonly kind: 'refused' }>;

function answerOf(content: HttpBootContent): Content {
  const contentType = contentTypeOf(content);
  if (content.kind === 'rendered') return { kind: 'bytes', bytes: content.rendered.bytes, contentType };
  const { fd, size, identity, modifiedAt } = content.opened.file;
  return { kind: 'file', fd, size, identity, modifiedAt, contentType };
}

/** UEFI starts what is `application/efi`, or ends in `.efi` where it is told no type (UEFI 2.10 section 24.7.3.2). */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  efi: 'application/efi',
  iso: 'application/vnd.efi-iso',
  ipxe: 'text/plain; charset=utf-8',
  cfg: 'text/plain; charset=utf-8',
  conf: 'text/plain; charset=utf-8',
};

function contentTypeOf({ kind, path }: HttpBootContent): string {
  if (kind === 'rendered') return 'text/plain; charset=utf-8';
  const ending = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  return CONTENT_TYPES[ending] ?? 'application/octet-stream';
}
