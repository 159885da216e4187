import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { imageKey, parseImageKey, type ImageSource } from '../boot/cached-image.ts';
import { ioErrorFrom } from '../io/io-error.ts';
import { ImageError } from './image-error.ts';
import { openImageSource } from './image-origin.ts';

/** Where images are kept, and how much of them. The two limits are read whenever they count. */
export interface ImageCacheOptions {
  readonly folder: string;
  readonly maxBytes: number;
  /** The longest that fetching one may take. */
  readonly timeoutMs: number;
  readonly silenceMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Keys of what profiles use: never removed to make room. */
  readonly inUse: () => ReadonlySet<string>;
  readonly listener: ImageCacheListener;
}

/** Hears what happens to images. */
export interface ImageCacheListener {
  started(fetch: ImageFetch): void;
  progressed(fetch: ImageFetch): void;
  ended(fetch: ImageFetch, failure: ImageError | undefined): void;
  /** Removed to make room. */
  evicted(image: CachedImage): void;
}

/** An image that is there, whole and verified. */
export interface CachedImage {
  readonly key: string;
  readonly size: number;
  /** Milliseconds since 1970, within an hour. */
  readonly lastUsedAt: number;
}

/** An image on its way. */
export interface ImageFetch {
  readonly key: string;
  readonly source: ImageSource;
  readonly startedAt: number;
  /** Undefined where the source does not say. */
  readonly size: number | undefined;
  readonly received: number;
}

interface RunningFetch extends ImageFetch {
  size: number | undefined;
  received: number;
  /** Octets of the cache that nobody else may take. */
  reserved: number;
  readonly result: Promise<void>;
}

/** Fetches at once; others wait for their turn. */
const FETCHES_MAX = 4;

/** The time of last use is written down this often at most. */
const TOUCH_MS = 3_600_000;

/** In front of names of what is being fetched; such a file is never served, and removed at the next start. */
const PARTIAL = 'partial-';

/**
 * Images by URL on disk: each fetched once, verified, and only then under the name that it is served by. Files are
 * named by their checksum, so a name never stands for other octets. What no profile uses makes room, the longest unused
 * first.
 */
export class ImageCache {
  readonly #options: ImageCacheOptions;
  readonly #images = new Map<string, CachedImage>();
  readonly #fetches = new Map<string, RunningFetch>();
  /** Images that somebody is about to use, and how many are. */
  readonly #holds = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  readonly #stopping = new AbortController();
  #running = 0;
  #nextPartial = 1;

  constructor(options: ImageCacheOptions) {
    this.#options = options;
  }

  /** Finds what is there, and removes what a killed process left half-fetched. Rejects with IoError. */
  async open(): Promise<void> {
    const { folder } = this.#options;
    try {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      for (const name of await readdir(folder)) {
        if (name.startsWith(PARTIAL)) await rm(join(folder, name), { force: true });
        if (parseImageKey(name) === undefined) continue;
        const { size, mtimeMs } = await stat(join(folder, name));
        this.#images.set(name, { key: name, size, lastUsedAt: mtimeMs });
      }
    } catch (error) {
      throw ioErrorFrom(`cannot keep images in ${folder}`, error);
    }
  }

  /** Gives fetches up. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled([...this.#fetches.values()].map(({ result }) => result));
  }

  /** Those that are there, in the order of their names. */
  list(): readonly CachedImage[] {
    return [...this.#images.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Those on their way, the oldest first. */
  fetches(): readonly ImageFetch[] {
    return [...this.#fetches.values()];
  }

  has(key: string): boolean {
    return this.#images.has(key);
  }

  /** A machine asks for it. */
  used(key: string): void {
    const image = this.#images.get(key);
    const now = this.#options.now();
    if (image === undefined || now - image.lastUsedAt < TOUCH_MS) return;
    this.#images.set(key, { ...image, lastUsedAt: now });
    const date = new Date(now);
    // Only the order of leaving hangs on it.
    utimes(join(this.#options.folder, key), date, date).catch(() => undefined);
  }

  /** Somebody removed the file under us. */
  lost(key: string): void {
    this.#images.delete(key);
  }

  /**
   * Sees that an image is there, and resolves when it is, with the function that lets go of it again: until then it is
   * not removed. Whoever asks for one that is on its way waits for the same fetch. Rejects with ImageError.
   */
  async hold(source: ImageSource): Promise<() => void> {
    const key = imageKey(source.checksum);
    this.#holds.set(key, (this.#holds.get(key) ?? 0) + 1);
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      const left = (this.#holds.get(key) ?? 1) - 1;
      if (left === 0) this.#holds.delete(key);
      else this.#holds.set(key, left);
    };
    try {
      await this.#ensure(key, source);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  async #ensure(key: string, source: ImageSource): Promise<void> {
    const running = this.#fetches.get(key);
    if (running !== undefined && running.source.url !== source.url) {
      // The same octets from elsewhere: if they do not come from there, ours may.
      await running.result.catch(() => undefined);
      return this.#ensure(key, source);
    }
    if (running !== undefined) return running.result;
    if (this.#images.has(key)) {
      this.used(key);
      return undefined;
    }
    return this.#fetch(key, source);
  }

  #fetch(key: string, source: ImageSource): Promise<void> {
    const { now, listener } = this.#options;
    const { promise, resolve, reject } = defer();
    const fetch: RunningFetch = {
      key,
      source,
      startedAt: now(),
      size: undefined,
      received: 0,
      reserved: 0,
      result: promise,
    };
    this.#fetches.set(key, fetch);
    void this.#take(fetch).then(
      () => {
        this.#fetches.delete(key);
        listener.ended(fetch, undefined);
        resolve();
      },
      (error: unknown) => {
        const failure = this.#failureOf(fetch, error);
        this.#fetches.delete(key);
        listener.ended(fetch, failure);
        reject(failure);
      },
    );
    return promise;
  }

  async #take(fetch: RunningFetch): Promise<void> {
    const { folder, listener } = this.#options;
    if (this.#running < FETCHES_MAX) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const partial = join(folder, `${PARTIAL}${this.#nextPartial++}`);
    try {
      this.#stopping.signal.throwIfAborted();
      listener.started(fetch);
      const file = await open(partial, 'wx', 0o644);
      try {
        await this.#receive(fetch, file);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, join(folder, fetch.key));
      await syncFolder(folder);
      const { key, received } = fetch;
      this.#images.set(key, { key, size: received, lastUsedAt: this.#options.now() });
      // From here on it counts as one that is there.
      fetch.reserved = 0;
    } finally {
      await rm(partial, { force: true });
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  async #receive(fetch: RunningFetch, file: FileHandle): Promise<void> {
    const { timeoutMs, silenceMs, listener } = this.#options;
    const { url, checksum } = fetch.source;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(timeoutMs)]);
    const { size, octets } = await openImageSource(url, { signal, silenceMs });
    const hash = createHash(checksum.algorithm);
    try {
      fetch.size = size;
      await this.#makeRoom(fetch, size ?? 0);
      for await (const chunk of octets as AsyncIterable<Buffer>) {
        fetch.received += chunk.length;
        if (fetch.received > (size ?? 0)) await this.#makeRoom(fetch, fetch.received);
        hash.update(chunk);
        await writeWhole(file, chunk);
        listener.progressed(fetch);
      }
    } catch (error) {
      // A connection that was cut off by the signal only says that it was.
      throw signal.aborted && !(error instanceof ImageError) ? signal.reason : error;
    } finally {
      octets.destroy();
    }
    if (size !== undefined && fetch.received !== size) {
      throw new ImageError('source-failed', `${url} sent ${fetch.received} of ${size} octets`);
    }
    const digest = hash.digest('hex');
    if (digest !== checksum.digest) {
      // With the checksum of a file of this host one could have its content served, such as the store's with its passwords.
      const found =
        new URL(url).protocol === 'file:'
          ? `does not have the ${checksum.algorithm} checksum`
          : `has the ${checksum.algorithm} checksum ${digest}, and not`;
      throw new ImageError('checksum-mismatch', `${url} ${found} ${checksum.digest}`);
    }
  }

  /**
   * Reserves room for this fetch, of `bytes` so far, and removes what nobody uses as far as that takes. Where it would not
   * do, nothing is removed, and others lose nothing by it: a source announces whatever it likes.
   */
  async #makeRoom(fetch: RunningFetch, bytes: number): Promise<void> {
    const { maxBytes, inUse, folder, listener } = this.#options;
    const others = [...this.#fetches.values()].filter((other) => other !== fetch);
    const taken = sumOf(others.map(({ reserved }) => reserved));
    let missing = sumOf([...this.#images.values()].map(({ size }) => size)) + taken + bytes - maxBytes;
    const leaving: CachedImage[] = [];
    // Asked at each piece of what does not say its size: who uses what is looked up only when it matters.
    if (missing > 0) {
      const used = inUse();
      const unused = [...this.#images.values()]
        .filter(({ key }) => !used.has(key) && !this.#holds.has(key))
        .sort((a, b) => a.lastUsedAt - b.lastUsedAt);
      const free = bytes - missing + sumOf(unused.map(({ size }) => size));
      if (free < bytes) {
        throw new ImageError(
          'no-room',
          `${fetch.source.url} has ${bytes} octets, and ${free} of images.max-bytes (${maxBytes}) ` +
            'are not taken by images that profiles use',
        );
      }
      for (const oldest of unused) {
        if (missing <= 0) break;
        missing -= oldest.size;
        leaving.push(oldest);
      }
    }
    // All in this turn: whoever asks for room meanwhile sees what is reserved, and what is gone.
    fetch.reserved = Math.max(fetch.reserved, bytes);
    for (const { key } of leaving) this.#images.delete(key);
    // Who is being sent one has it open.
    await Promise.all(leaving.map(({ key }) => rm(join(folder, key), { force: true })));
    for (const image of leaving) listener.evicted(image);
  }

  #failureOf({ source: { url } }: RunningFetch, error: unknown): ImageError {
    if (error instanceof ImageError) return error;
    if (this.#stopping.signal.aborted) {
      return new ImageError('source-failed', `${url} was given up, since bootd stops`, error);
    }
    if (error instanceof Error && /^(?:TimeoutError|AbortError)$/.test(error.name)) {
      const seconds = this.#options.timeoutMs / 1000;
      return new ImageError('source-failed', `${url} was not there whole after ${seconds} s`, error);
    }
    const { code, message } = ioErrorFrom(`cannot fetch ${url}`, error);
    return new ImageError(code === 'disk-full' ? 'no-room' : 'source-failed', message, error);
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await file.write(bytes, written)).bytesWritten;
  }
}

/** A rename is on disk when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

function defer(): Deferred {
  let resolve: () => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<void>((fulfil, fail) => {
    resolve = fulfil;
    reject = fail;
  });
  // Whoever waits hears of it; that nobody waits is no crash.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
