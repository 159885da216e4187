import { dirname } from 'node:path';
import { watch } from 'chokidar';

/** An editor writes a file in several steps; this long after the last of them it is read. */
const SETTLE_MS = 200;

/** Who hears of a change. */
export interface MapFileWatchListener {
  changed(): void;
  /** The kernel has no watch left, for one. */
  failed(error: unknown): void;
}

/** A watch that can be ended. */
export interface MapFileWatch {
  stop(): Promise<void>;
}

/**
 * Notices when the file is written to, replaced by another one of its name as editors do it, or removed. The folder is
 * watched for that, but nothing else in it: it is often the root, which may hold thousands of files. Resolves when the
 * watch has begun.
 */
export async function watchMapFile(file: string, listener: MapFileWatchListener): Promise<MapFileWatch> {
  const folder = dirname(file);
  let settling: NodeJS.Timeout | undefined;
  const watcher = watch(folder, {
    depth: 0,
    ignoreInitial: true,
    ignored: (path) => path !== folder && path !== file,
  });
  watcher.on('all', (_event, path) => {
    if (path !== file) return;
    clearTimeout(settling);
    settling = setTimeout(() => listener.changed(), SETTLE_MS);
  });
  await new Promise<void>((resolve) => {
    watcher.once('ready', resolve);
    watcher.on('error', (error) => {
      listener.failed(error);
      resolve();
    });
  });
  return {
    stop: async () => {
      clearTimeout(settling);
      await watcher.close();
    },
  };
}
