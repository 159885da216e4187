import { dirname } from 'node:path';
import { watchFolders, type FolderWatch, type FolderWatchOptions } from './folder-watch.ts';

/** An editor writes a file in several steps; this long after the last of them it is read. */
const SETTLE_MS = 200;

/** Who hears of a change. */
export interface FileWatchListener {
  changed(): void;
  /** The kernel has no watch left, for one. */
  failed(error: unknown): void;
}

/**
 * Notices when the file is written to, replaced by another one of its name as editors do it, or removed, and, within two
 * seconds, when one of the links that lead to it is swapped. The folder is watched for that, but nothing else in it: it is
 * often the root, which may hold thousands of files. Resolves when the watch has begun.
 */
export async function watchFile(
  file: string,
  listener: FileWatchListener,
  options: Pick<FolderWatchOptions, 'lookEveryMs'> = {},
): Promise<FolderWatch> {
  const folder = dirname(file);
  let settling: NodeJS.Timeout | undefined;
  const watch = await watchFolders(
    [folder],
    {
      changed: (path) => {
        if (path !== file && path !== folder) return;
        clearTimeout(settling);
        settling = setTimeout(() => listener.changed(), SETTLE_MS);
      },
      failed: (error) => listener.failed(error),
    },
    { ...options, only: file },
  );
  return {
    stop: async () => {
      await watch.stop();
      clearTimeout(settling);
    },
  };
}
