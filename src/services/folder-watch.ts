import { watch, type FSWatcher } from 'chokidar';
import { FolderLinks, GONE, identityOf } from './folder-links.ts';

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
  /** Path of the one file that is of interest; all are, unless told otherwise. */
  readonly only?: string;
  /** How often it is looked whether a folder, and what a link in it leads to, is still what is watched. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 2000;

/**
 * Notices what happens to the files of folders, not of folders below them. A folder that is removed, made again, replaced
 * by another one, or mounted over is followed by its name: the kernel's watch stays with the old one, and says nothing.
 * So is a file, or a folder, that is reached over links of which one is swapped. Resolves when the watch has begun.
 */
export async function watchFolders(
  folders: readonly string[],
  listener: FolderWatchListener,
  { only, lookEveryMs = LOOK_EVERY_MS }: FolderWatchOptions = {},
): Promise<FolderWatch> {
  const seen = new Map([...new Set(folders)].map((folder) => [folder, identityOf(folder)]));
  const links = Array.from(seen.keys(), (folder) => new FolderLinks(folder, only));
  let usePolling = false;
  let stopped = false;
  let current = begin();

  function begin(): Promise<FSWatcher> {
    const watcher = watch([...seen.keys()], {
      depth: 0,
      ignoreInitial: true,
      ...(only !== undefined && { ignored: (path) => path !== only && !seen.has(path) }),
      usePolling,
      interval: lookEveryMs,
    });
    watcher.on('all', (event, path) => {
      // The watch has ended with the folder, even where one of its name is back at once.
      if (event === 'unlinkDir' && seen.has(path)) seen.set(path, GONE);
      // The kernel's watch stays with what the link led to: it is told once there is another.
      if (links.some((ofFolder) => ofFolder.wasSwapped(path))) beginAnew([path]);
      else listener.changed(path);
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

  /** Changes are told when the new watch has begun: what happens to a file after it was read is then noticed too. */
  function beginAnew(changed: readonly string[] = []): void {
    current = current.then(async (watcher) => {
      if (stopped) return watcher;
      await watcher.close();
      const next = await begin();
      tell(changed);
      return next;
    });
  }

  function tell(changed: readonly string[]): void {
    if (stopped) return;
    for (const path of changed) listener.changed(path);
  }

  const timer = setInterval(() => {
    const replaced = [...seen].filter(([folder, before]) => {
      const now = identityOf(folder) ?? before;
      seen.set(folder, now);
      return now !== before;
    });
    const changed = [...replaced.map(([folder]) => folder), ...links.flatMap((ofFolder) => ofFolder.look())];
    if (changed.length > 0) beginAnew(changed);
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
