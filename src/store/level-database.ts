import { ClassicLevel } from 'classic-level';
import { damagedStoreError, lockedStoreError, type StoreFolder } from './store-folder.ts';
import { StoreError, type RecordChange } from './store.ts';

/** The database of a store: text to octets. */
export type Level = ClassicLevel<string, Uint8Array>;

/** Records taken from LevelDB in one go: large enough that the way through the thread pool does not count. */
const RECORDS_PER_READ = 2000;

/** Opens the database of the folder. Throws StoreError. */
export async function openDatabase(folder: StoreFolder, createIfMissing: boolean): Promise<Level> {
  const level: Level = new ClassicLevel(folder.records, { keyEncoding: 'utf8', valueEncoding: 'view' });
  try {
    await level.open({ createIfMissing });
    return level;
  } catch (error) {
    await level.close().catch(() => undefined);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'LEVEL_LOCKED') throw await lockedStoreError(folder, cause);
    if (code === 'LEVEL_IO_ERROR') {
      throw new StoreError(
        'unusable',
        `the store in ${folder.path} cannot be opened: ${messageOf(cause)}`,
        cause,
      );
    }
    throw damagedStoreError(folder.path, cause);
  }
}

/** The records whose keys begin with a prefix that ends in a slash, some thousands at a time. Throws StoreError. */
export async function* readRecords(
  folder: StoreFolder,
  level: Level,
  prefix: string,
): AsyncGenerator<(readonly [key: string, value: Uint8Array])[]> {
  // A prefix ends in a slash; its successor ends in the character after it.
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  const iterator = level.iterator({ gte: prefix, lt: end, highWaterMarkBytes: 1 << 20 });
  try {
    for (;;) {
      const entries = await iterator.nextv(RECORDS_PER_READ);
      if (entries.length === 0) return;
      yield entries.map(([key, value]) => [key, asPlainView(value)]);
    }
  } catch (error) {
    throw damagedStoreError(folder.path, error);
  } finally {
    await iterator.close();
  }
}

/** classic-level hands out Buffers for views, whose `slice` does not copy; nobody here expects that. */
function asPlainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * Writes the changes in one piece, and resolves when they are on stable storage. Rejects with LevelDB's error. The batch
 * is built change by change: as an array each one would be copied, property by property, which costs five times as much.
 */
export async function writeSynced(level: Level, changes: readonly RecordChange[]): Promise<void> {
  const batch = level.batch();
  for (const change of changes) {
    if (change.kind === 'put') batch.put(change.key, change.value);
    else batch.del(change.key);
  }
  await batch.write({ sync: true });
}

/** The words of whatever was thrown. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
