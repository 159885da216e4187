import { imagesOf, type BootProfile } from '../boot/boot-profile.ts';
import { imageKey, imageKeyOfPath, type ImageSource } from '../boot/cached-image.ts';
import type { NodeRegistry } from '../boot/node-registry.ts';
import type { ImageSettings } from '../config/settings.ts';
import type { ImageQueries, ImageView } from '../control/image-queries.ts';
import { ImageCache, type ImageFetch } from '../images/image-cache.ts';
import { ImageError } from '../images/image-error.ts';
import { BootRoot, type BootFileOutcome } from '../io/boot-root.ts';
import type { Clock } from '../io/clock.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Service } from './service.ts';

/** What the service works with. */
export interface ImageServiceParts {
  readonly settings: ImageSettings;
  readonly registry: Pick<NodeRegistry, 'listNodes' | 'bootOf' | 'sharedProfile' | 'listSharedProfiles'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** A source that says nothing for this long is given up. */
  readonly silenceMs?: number;
}

/** Why a profile's image cannot be had. */
export interface ImageFailure {
  readonly part: 'kernel' | 'ramdisk';
  readonly code: ImageError['code'];
  readonly reason: string;
}

const SILENCE_MS = 30_000;
const PROGRESS_MS = 5000;

/** Kernels and ramdisks by URL: fetched when a profile names them, and handed out like files below the root. */
export class ImageService implements Service, ImageQueries {
  readonly name = 'images';
  #parts: ImageServiceParts;
  readonly #cache: ImageCache;
  readonly #files: BootRoot;
  readonly #toldAt = new Map<string, number>();

  constructor(parts: ImageServiceParts) {
    const { settings, clock, silenceMs = SILENCE_MS } = parts;
    this.#parts = parts;
    const limits = (): ImageSettings => this.#parts.settings;
    this.#files = new BootRoot({
      root: settings.cacheDirectory,
      followSymlinksTo: [],
      permissive: true,
      chrootLinks: false,
    });
    this.#cache = new ImageCache({
      folder: settings.cacheDirectory,
      get maxBytes() {
        return limits().maxBytes;
      },
      get timeoutMs() {
        return limits().timeoutSeconds * 1000;
      },
      silenceMs,
      now: () => clock.now(),
      inUse: () =>
        new Set([...this.#profiles()].flatMap(sourcesOf).map(({ checksum }) => imageKey(checksum))),
      listener: {
        started: (fetch) => this.#started(fetch),
        progressed: (fetch) => this.#progressed(fetch),
        ended: (fetch, failure) => this.#ended(fetch, failure),
        evicted: ({ key, size }) => {
          this.#parts.metrics.imagesEvicted.inc();
          const fields = { event: EVENTS.imageEvicted, image: key, bytes: size };
          this.#parts.logger.info(fields, 'an image that no profile uses was removed to make room');
        },
      },
    });
  }

  /** Rejects with IoError when the folder cannot be used. What profiles miss is fetched again meanwhile. */
  async start(): Promise<void> {
    await this.#cache.open();
    this.#countBytes();
    for (const source of [...this.#profiles()].flatMap(sourcesOf)) {
      // Whatever comes of it is in the log.
      this.#cache.hold(source).then(
        (release) => release(),
        () => undefined,
      );
    }
  }

  /** Other limits hold for what is fetched from now on; the folder stays that of the start. */
  adopt(settings: ImageSettings): void {
    this.#parts = { ...this.#parts, settings };
  }

  stop(): Promise<void> {
    return this.#cache.close();
  }

  /** Opens an image by the path that machines know it by; undefined for paths of other files. Never rejects. */
  async open(path: string): Promise<BootFileOutcome | undefined> {
    const key = imageKeyOfPath(path);
    if (key === undefined) return undefined;
    // What is not in the list is not there whole.
    if (!this.#cache.has(key)) return { kind: 'failed', reason: 'not-found', osCode: undefined };
    this.#cache.used(key);
    const opened = await this.#files.open(key);
    if (opened.kind === 'failed' && opened.reason === 'not-found') this.#cache.lost(key);
    // The name says what the octets are: they never change.
    return opened.kind === 'file' ? { ...opened, identity: key } : opened;
  }

  /**
   * Sees that the images of a profile are there, and keeps them until the function that it resolves with is called: by
   * then the profile is in the registry. Resolves with what is wrong with the first one that cannot be had.
   */
  async holdFor(profile: BootProfile): Promise<(() => void) | ImageFailure> {
    const releases: (() => void)[] = [];
    const releaseAll = (): void => {
      for (const release of releases) release();
    };
    for (const { part, location } of imagesOf(profile, undefined)) {
      if (location.kind !== 'cached') continue;
      try {
        releases.push(await this.#cache.hold(location.source));
      } catch (error) {
        releaseAll();
        if (!(error instanceof ImageError)) throw error;
        return { part, code: error.code, reason: error.message };
      }
    }
    return releaseAll;
  }

  /** Those that are there and those on their way, in the order of their names. */
  list(): readonly ImageView[] {
    const sources = new Map<string, ImageSource>();
    for (const source of [...this.#profiles()].flatMap(sourcesOf)) {
      sources.set(imageKey(source.checksum), source);
    }
    const there = this.#cache.list().map(({ key, size, lastUsedAt }): ImageView => ({
      key,
      state: 'ready',
      url: sources.get(key)?.url,
      size,
      received: size,
      inUse: sources.has(key),
      lastUsedAt,
    }));
    const coming = this.#cache.fetches().map(({ key, source, size, received }): ImageView => ({
      key,
      state: 'fetching',
      url: source.url,
      size,
      received,
      inUse: sources.has(key),
      lastUsedAt: undefined,
    }));
    return [...there, ...coming].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  *#profiles(): Generator<BootProfile> {
    const { registry } = this.#parts;
    for (const { profile } of registry.listSharedProfiles()) yield profile;
    for (const { uuid } of registry.listNodes()) {
      const assignment = registry.bootOf(uuid)?.assignment;
      if (assignment?.kind === 'own') yield assignment.profile;
    }
  }

  #started({ key, source }: ImageFetch): void {
    this.#toldAt.set(key, this.#parts.clock.now());
    this.#parts.logger.info(
      { event: EVENTS.imageFetchStarted, image: key, url: source.url },
      `fetching ${source.url}`,
    );
  }

  #progressed({ key, source, size, received }: ImageFetch): void {
    const now = this.#parts.clock.now();
    if (now - (this.#toldAt.get(key) ?? 0) < PROGRESS_MS) return;
    this.#toldAt.set(key, now);
    this.#parts.logger.info(
      { event: EVENTS.imageFetchProgressed, image: key, url: source.url, bytes: received, size },
      size === undefined
        ? `${received} octets of ${source.url} are here`
        : `${Math.floor((100 * received) / size)} % of ${source.url} are here`,
    );
  }

  #ended({ key, source: { url }, received, startedAt }: ImageFetch, failure: ImageError | undefined): void {
    const { metrics, logger, clock } = this.#parts;
    this.#toldAt.delete(key);
    metrics.imageFetches.inc({ result: failure?.code ?? 'done' });
    metrics.imageFetchedBytes.inc(received);
    this.#countBytes();
    const fields = { image: key, url, bytes: received, ms: clock.now() - startedAt };
    if (failure === undefined) {
      logger.info({ event: EVENTS.imageFetchDone, ...fields }, `${url} is here, whole and verified`);
    } else {
      const { code, message } = failure;
      logger.warn({ event: EVENTS.imageFetchFailed, ...fields, reason: code }, message);
    }
  }

  #countBytes(): void {
    this.#parts.metrics.imageCacheBytes.set(this.#cache.list().reduce((sum, { size }) => sum + size, 0));
  }
}

function sourcesOf(profile: BootProfile): readonly ImageSource[] {
  return imagesOf(profile, undefined).flatMap(({ location }) =>
    location.kind === 'cached' ? [location.source] : [],
  );
}
