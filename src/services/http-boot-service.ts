import type { ListenAddress } from '../config/settings.ts';
import { whyNoFileIsServed } from '../io/boot-root.ts';
import type { Clock } from '../io/clock.ts';
import { bindErrorFromOsCode, IoError, isAwaitedAddress } from '../io/io-error.ts';
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
/** Before a thread that failed is started again, or an address that is not there is tried again. */
const TRY_AGAIN_MS = 1000;
/** A thread that does not answer is ended. */
const STOP_SLACK_MS = 1000;

/**
 * Serves boot files over HTTP, to iPXE, to GRUB and to UEFI firmware. This side decides what a name means and opens
 * it; a thread of its own listens, and sends.
 */
export class HttpBootService implements Service {
  readonly name = 'http-boot';
  readonly #parts: HttpBootServiceParts;
  #resolver: HttpBootResolver;
  readonly #journal: HttpBootJournal;
  /** Requests that the thread asked about and has not ended; undefined while their file is looked for. */
  readonly #requests = new Map<number, Granted | undefined>();
  #link: HttpBootLink | undefined;
  #address: HttpBootEndpoint | undefined;
  #starting: { readonly resolve: () => void; readonly reject: (error: IoError) => void } | undefined;
  #problem: string | undefined;
  #stopped: (() => void) | undefined;
  #stopping: Promise<void> | undefined;
  /** Who waits for a sign of life of the thread. */
  readonly #waiting: (() => void)[] = [];
  #again: NodeJS.Timeout | undefined;

  constructor(parts: HttpBootServiceParts) {
    this.#parts = parts;
    this.#resolver = new HttpBootResolver(parts);
    this.#journal = new HttpBootJournal(parts);
  }

  /** Where it listens; differs from the settings for port 0. */
  get address(): HttpBootEndpoint | undefined {
    return this.#address;
  }

  /** What keeps machines from being served, in words; empty when nothing does. */
  get problems(): readonly string[] {
    const unservable = this.#parts.root === undefined ? undefined : whyNoFileIsServed();
    return [this.#problem, unservable].filter((problem) => problem !== undefined);
  }

  /**
   * Rejects with IoError when the address is taken or may not be listened on. One that this host does not have yet is
   * waited for, as DHCP and TFTP wait for their interfaces.
   */
  async start(): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#starting = { resolve, reject };
        this.#openThread();
      });
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Looks for files elsewhere from the next request on; what is being sent is sent to its end. */
  adopt(files: Pick<HttpBootServiceParts, 'root' | 'files'>): void {
    this.#resolver = new HttpBootResolver({ ...this.#parts, ...files });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Resolves when the thread has given a sign of life; at once where there is none, since a new one is on its way. */
  answer(): Promise<void> {
    const link = this.#link;
    if (link === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      link.post({ kind: 'ping' });
    });
  }

  #openThread(): void {
    const { openLink = openHttpBootThread } = this.#parts;
    this.#link = openLink({
      message: (message) => this.#hear(message),
      failed: (error) => this.#died(error),
    });
    this.#listen();
  }

  #listen(): void {
    this.#link?.post({ kind: 'open', endpoint: this.#parts.listen });
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#again);
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
        this.#problem = undefined;
        this.#journal.opened(message.endpoint);
        this.#started();
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
      case 'alive':
        this.#answered();
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
      osCode === undefined
        ? new IoError('failed', `${what}: ${message}`)
        : bindErrorFromOsCode(what, host, osCode);
    if (this.#starting !== undefined && !isAwaitedAddress(error)) {
      this.#starting.reject(error);
      this.#starting = undefined;
      return;
    }
    if (this.#problem !== error.message) this.#journal.notOpened(error);
    this.#problem = error.message;
    this.#started();
    this.#tryAgain(() => this.#listen());
  }

  /** The start is over, whether it listens already or waits for its address. */
  #started(): void {
    this.#starting?.resolve();
    this.#starting = undefined;
  }

  #tryAgain(act: () => void): void {
    if (this.#stopping !== undefined) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(act, TRY_AGAIN_MS);
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

  #answered(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #died(error: Error): void {
    this.#answered();
    this.#stopped?.();
    this.#journal.threadDied(error, this.#requests.size);
    this.#loseAll();
    this.#address = undefined;
    if (this.#starting !== undefined) this.#notOpened(error.message, undefined);
    else {
      this.#problem = `the thread that serves boot files over HTTP failed: ${error.message}`;
      this.#tryAgain(() => this.#openThread());
    }
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
