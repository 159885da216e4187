import { chmod, link, mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ioErrorFrom } from '../io/io-error.ts';
import { processCommand } from '../io/port-holder.ts';
import { StoreError } from './store.ts';

/**
 * The folder of a store:
 *
 * - `FORMAT`: one line that says what this is and in which format, and is read before anything else is touched
 * - `records/`: the LevelDB database
 * - `FLUSHES`: the number of the last flush, see flush-mark.ts
 * - `log-before-opening/`: LevelDB's logs as they were, while the store is being opened
 * - `damaged-log-<time>/`: the same, kept because something in them could not be read
 */
export interface StoreFolder {
  readonly path: string;
  /** Where LevelDB lives. */
  readonly records: string;
  /** Where the number of the last flush stands. */
  readonly flushes: string;
  /** Whether there is no database yet. */
  readonly fresh: boolean;
  /** What was odd, for the opening report. */
  readonly notes: readonly string[];
}

/** Raised whenever a store of today's bootd could not be read by yesterday's. */
export const STORE_FORMAT = 1;

const FORMAT_FILE = 'FORMAT';
const FLUSHES_FILE = 'FLUSHES';
const FORMAT_LINE = /^ironic-bootd store, format (\d{1,9})\r?\n/;
const FORMAT_TEXT = `ironic-bootd store, format ${STORE_FORMAT}
Leases, nodes and boot profiles of bootd. Stop bootd before you copy, move or remove this folder, and treat it as one piece.
`;

/** What to do about a store that bootd will not open; it never changes one of those. */
const ADVICE =
  'It was left as it is. To go on, restore it from a backup, or move the folder away and start bootd again with an empty store';

/**
 * Looks at the folder of a store, and makes it where there is none. Changes nothing in a folder that is not a store
 * of this format. Throws StoreError.
 */
export async function prepareStoreFolder(path: string): Promise<StoreFolder> {
  try {
    // Not for other users: nodes carry the passwords of their management controllers.
    const made = await mkdir(path, { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncFolder(dirname(made));
    const entries = (await readdir(path)).filter((name) => name !== `${FORMAT_FILE}.new`);
    if (entries.length === 0) {
      await writeDurably(path, FORMAT_FILE, FORMAT_TEXT);
    } else {
      checkFormat(path, entries, await readFormat(path));
    }
    const openness = await closeToOthers(path);
    const records = join(path, 'records');
    await mkdir(records, { recursive: true, mode: 0o700 });
    await syncFolder(path);
    const fresh = await isWithoutDatabase(path, records);
    const isMarked = entries.includes(FLUSHES_FILE);
    return {
      path,
      records,
      flushes: join(path, FLUSHES_FILE),
      fresh,
      notes: [...openness, ...notesOn(path, fresh, isMarked)],
    };
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const problem = ioErrorFrom(`cannot use ${path} for the store`, error);
    // What is left when root's bootd was killed on the service's state directory.
    const advice =
      problem.osCode === 'EACCES'
        ? ` (it must belong to the user that bootd runs as: chown -R USER: ${path})`
        : '';
    throw new StoreError('unusable', problem.message + advice, error);
  }
}

/** Takes the folder's rights from everybody but its owner, where somebody gave them; what to say about that. */
async function closeToOthers(path: string): Promise<readonly string[]> {
  const { mode } = await stat(path);
  if ((mode & 0o077) === 0) return [];
  const was = `${path} was open to other users of this host (mode 0${(mode & 0o777).toString(8)}), and holds passwords of BMCs`;
  try {
    await chmod(path, 0o700);
    return [`${was}; it is closed to them now`];
  } catch (error) {
    return [`${was}; it could not be closed to them: ${ioErrorFrom('chmod', error).message}`];
  }
}

function notesOn(path: string, fresh: boolean, isMarked: boolean): readonly string[] {
  if (fresh && isMarked)
    return [`the database in ${join(path, 'records')} is gone; an empty one was made in its place`];
  return fresh || isMarked ? [] : [unknownEndNote(path)];
}

/** Said when the number of the last flush is not known, so that a log that was cut short would look whole. */
export function unknownEndNote(path: string): string {
  return `${join(path, FLUSHES_FILE)} is gone or cannot be read: should the last changes before this start be missing, nothing else would tell`;
}

/** The error for a database that cannot be read, naming the folder and what to do. */
export function damagedStoreError(path: string, cause: unknown): StoreError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StoreError('damaged', `the store in ${path} is damaged: ${reason}. ${ADVICE}`, cause);
}

/** The error for a database that another process has open, naming that process where the kernel tells. */
export async function lockedStoreError(folder: StoreFolder, cause: unknown): Promise<StoreError> {
  const lock = join(folder.records, 'LOCK');
  const pid = await lockHolder(lock).catch(() => undefined);
  const holder = pid === undefined ? 'another process' : `${processCommand(pid) ?? 'a process'}, pid ${pid}`;
  const message = `the store in ${folder.path} is in use by ${holder}, which holds ${lock}; only one bootd may run on it`;
  return new StoreError('locked', message, cause);
}

/**
 * Keeps LevelDB's logs as they are now, by hard links, since opening reads what it can and removes them. Call
 * `dropLogCopies` or `keepLogCopies` afterwards.
 */
export async function linkLogs({ path, records }: StoreFolder): Promise<void> {
  const copies = join(path, 'log-before-opening');
  await mkdir(copies, { recursive: true, mode: 0o700 });
  for (const name of await readdir(records)) {
    if (!name.endsWith('.log')) continue;
    // Already there when an earlier opening was interrupted: those are the older, and so the better ones.
    await link(join(records, name), join(copies, name)).catch(() => undefined);
  }
}

export async function dropLogCopies({ path }: StoreFolder): Promise<void> {
  await rm(join(path, 'log-before-opening'), { recursive: true, force: true });
}

/** Returns the folder in which the logs stay. */
export async function keepLogCopies({ path }: StoreFolder): Promise<string> {
  const kept = join(path, `damaged-log-${new Date().toISOString().replaceAll(':', '')}`);
  await rename(join(path, 'log-before-opening'), kept);
  return kept;
}

function checkFormat(path: string, entries: readonly string[], format: number | undefined): void {
  if (format === undefined) {
    const example = entries[0] ?? '';
    throw new StoreError(
      'foreign',
      `${path} is not a store of bootd: it holds "${example}", but no readable file ${FORMAT_FILE}. ` +
        'Nothing in it was changed. Name another state-directory, or move the folder away',
    );
  }
  if (format > STORE_FORMAT) {
    throw new StoreError(
      'newer',
      `the store in ${path} has format ${format}, and this bootd knows formats up to ${STORE_FORMAT}: a later version ` +
        `wrote it. Install that version again. ${ADVICE}`,
    );
  }
}

/** Undefined when the file is missing or says something else. */
async function readFormat(path: string): Promise<number | undefined> {
  const file = join(path, FORMAT_FILE);
  if (!(await exists(file))) return undefined;
  const match = FORMAT_LINE.exec(await readFile(file, 'utf8'));
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/**
 * LevelDB's CURRENT names its manifest. Without it LevelDB would begin anew, and remove every table and log that it
 * finds, so that is allowed only where there are none.
 */
async function isWithoutDatabase(path: string, records: string): Promise<boolean> {
  const names = await readdir(records);
  if (names.includes('CURRENT')) return false;
  const data = names.find((name) => /\.(?:ldb|sst|log)$/.test(name));
  if (data === undefined) return true;
  throw damagedStoreError(path, `its file records/CURRENT is missing, but there is ${data}`);
}

/** The kernel's list may leave out a lock while others come and go, so it is looked at more than once. */
const LOOKS_AT_LOCKS = 5;

/** The process that holds a POSIX lock on the file, out of the kernel's table of locks. */
async function lockHolder(file: string): Promise<number | undefined> {
  const { ino } = await stat(file);
  for (let look = 0; look < LOOKS_AT_LOCKS; look += 1) {
    const locks = await readFile('/proc/locks', 'utf8');
    for (const line of locks.split('\n')) {
      const match = /\sPOSIX\s+\S+\s+WRITE\s+(\d+)\s+[0-9a-f]+:[0-9a-f]+:(\d+)\s/.exec(line);
      if (match?.[1] !== undefined && Number(match[2]) === ino) return Number(match[1]);
    }
  }
  return undefined;
}

/** Write aside, sync, rename, sync the folder: after a crash the file is there whole, or not at all. */
async function writeDurably(folder: string, name: string, text: string): Promise<void> {
  const aside = join(folder, `${name}.new`);
  const file = await open(aside, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, join(folder, name));
  await syncFolder(folder);
}

/** Makes the names in a folder survive a power cut. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
