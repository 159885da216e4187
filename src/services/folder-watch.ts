import { statSync } from 'node:fs';
import { watch, type FSWatcher } from 'chokidar';

/** Who hears of changes. */
export interface FolderWatchListener {
  /** A file of a folder, or a folder as a whole, is another one. */
  changed(path: string): void;
  /** The kernel has no watch left, for one; the folders are looked at every two seconds from then on. */
  failed(error: unknown): void;
}

/** A watch that can be ended. */
export interface FolderWatch {
  stop(): Promise<void>;
}

/** How folders are watched. */
export interface FolderWatchOptions {
  /** Paths that are of no interest; none, unless told otherwise. */
  readonly ignored?: (path: string) => boolean;
  /** How often it is looked whether a folder is still the one that is watched. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 2000;

/**
 * Notices what happens to the files of folders, not of folders below them. A folder that is removed, made again, replaced
 * by another one, or mounted over is followed by its name: the kernel's watch stays with the old one, and says nothing.
 * Resolves when the watch has begun.
 */
export async function watchFolders(
  folders: readonly string[],
  listener: FolderWatchListener,
  { ignored, lookEveryMs = LOOK_EVERY_MS }: FolderWatchOptions = {},
): Promise<FolderWatch> {
  const seen = new Map([...new Set(folders)].map((folder) => [folder, identityOf(folder)]));
  let usePolling = false;
  let stopped = false;
  let current = begin();

  function begin(): Promise<FSWatcher> {
    const watcher = watch([...seen.keys()], {
      depth: 0,
      ignoreInitial: true,
      ...(ignored !== undefined && { ignored }),
      usePolling,
      interval: lookEveryMs,
    });
    watcher.on('all', (event, path) => {
      // The watch has ended with the folder, even where one of its name is back at once.
      if (event === 'unlinkDir' && seen.has(path)) seen.set(path, GONE);
      listener.changed(path);
    });
    return new Promise((resolve) => {
      watcher.once('ready', () => resolve(watcher));
      watcher.on('error', (error) => {
        resolve(watcher);
        if (usePolling) return;
        usePolling = true;
        listener.failed(error);
        beginAnew();
      });
    });
  }

  function beginAnew(): void {
    current = current.then(async (watcher) => {
      if (stopped) return watcher;
      await watcher.close();
      return begin();
    });
  }

  const timer = setInterval(() => {
    const replaced = [...seen].filter(([folder, before]) => {
      const now = identityOf(folder) ?? before;
      seen.set(folder, now);
      return now !== before;
    });
    if (replaced.length === 0) return;
    beginAnew();
    for (const [folder] of replaced) listener.changed(folder);
  }, lookEveryMs);
  timer.unref();

  await current;
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      const watcher = await current;
      await watcher.close();
    },
  };
}

const GONE = 'gone';

/** Device and number of the folder that has this name now; undefined when it cannot be asked at the moment. */
function identityOf(folder: string): string | undefined {
  try {
    const { dev, ino } = statSync(folder);
    return `${dev}:${ino}`;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT' || code === 'ENOTDIR' ? GONE : undefined;
  }
}
