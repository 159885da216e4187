import { ioErrorFrom } from '../io/io-error.ts';
import { CHAIN_PREFIX, chainBase, chainLink, inspectChain, type ChainState } from './flush-chain.ts';
import { FlushMark } from './flush-mark.ts';
import { GroupCommit, type GroupCommitLimits } from './group-commit.ts';
import { messageOf, openDatabase, readRecords, writeSynced, type Level } from './level-database.ts';
import {
  damagedStoreError,
  dropLogCopies,
  keepLogCopies,
  linkLogs,
  prepareStoreFolder,
  unknownEndNote,
  type StoreFolder,
} from './store-folder.ts';
import { findTableDamage } from './table-check.ts';
import {
  StoreError,
  type OpeningReport,
  type RecordChange,
  type RecordStore,
  type StoreHealth,
} from './store.ts';

/** What a store tells while it works, for the log and the metrics. */
export interface StoreListener {
  /** One flush ended; `error` when it failed. */
  flushed?(durationMs: number, changes: number, error: StoreError | undefined): void;
  healthChanged?(health: StoreHealth): void;
}

/** How a store is opened. */
export interface LevelStoreOptions extends Partial<GroupCommitLimits> {
  readonly listener?: StoreListener;
  /** How long to wait after a failed flush before the disk is tried again; commits are refused meanwhile. */
  readonly retryMs?: number;
}

/** An open store, and what was odd about it. */
export interface OpenedStore {
  readonly store: LevelStore;
  readonly report: OpeningReport;
}

/** A client of DHCP waits about four seconds for an answer; what is later than that is of no use to it. */
const DEADLINE_MS = 5000;
const MAX_WAITING = 100_000;
const RETRY_MS = 1000;

/**
 * Opens the store in the folder, and makes one where there is none. Throws StoreError for a folder that is foreign,
 * newer, damaged or in use, and leaves it as it was.
 */
export async function openLevelStore(path: string, options: LevelStoreOptions = {}): Promise<OpenedStore> {
  const folder = await prepareStoreFolder(path);
  // A file system without hard links only means that a damaged log cannot be kept.
  await linkLogs(folder).catch(() => undefined);
  const { level, mark, chain } = await openParts(folder);
  const notes = mark.isUnreadable ? [...folder.notes, unknownEndNote(path)] : folder.notes;
  const cut = folder.fresh ? 0 : Math.max(0, mark.number - chain.last);
  const store = new LevelStore(folder, level, mark, chain.last, options);
  if (chain.missing + cut === 0) {
    await dropLogCopies(folder).catch(() => undefined);
    return { store, report: notes };
  }
  const loss = describeLoss(folder, chain.missing, cut, await keepLogs(folder));
  try {
    await store.acceptLoss();
  } catch (error) {
    await store.close();
    throw error;
  }
  return { store, report: [...notes, loss] };
}

/** Durable records in LevelDB. */
export class LevelStore implements RecordStore {
  readonly #folder: StoreFolder;
  readonly #mark: FlushMark;
  readonly #listener: StoreListener;
  readonly #retryMs: number;
  readonly #group: GroupCommit<RecordChange>;
  /** Undefined after a failed flush, until LevelDB is opened again. */
  #level: Level | undefined;
  #lastFlush: number;
  #health: StoreHealth = { kind: 'working' };
  #retryAt = 0;
  #healing: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  /** For openLevelStore. */
  constructor(
    folder: StoreFolder,
    level: Level,
    mark: FlushMark,
    lastFlush: number,
    options: LevelStoreOptions,
  ) {
    this.#folder = folder;
    this.#level = level;
    this.#mark = mark;
    this.#lastFlush = lastFlush;
    this.#listener = options.listener ?? {};
    this.#retryMs = options.retryMs ?? RETRY_MS;
    const { deadlineMs = DEADLINE_MS, maxWaiting = MAX_WAITING } = options;
    this.#group = new GroupCommit(
      (changes) => this.#flush(changes),
      { deadlineMs, maxWaiting },
      (error) => this.#becomeFailing(error),
    );
  }

  /** Whether the last flush succeeded in time. A failing store tries by itself until one does. */
  health(): StoreHealth {
    return this.#health;
  }

  async *load(prefix: string): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    const level = this.#level;
    if (level === undefined) throw new StoreError('failing', 'the store cannot be read while its disk fails');
    for await (const entries of readRecords(this.#folder, level, prefix)) yield* entries;
  }

  async commit(changes: readonly RecordChange[]): Promise<void> {
    if (this.#closing !== undefined) throw new StoreError('closed', 'the store is closed');
    await this.#group.commit(changes);
  }

  /** Finishes the flushes that are waiting, then closes. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** For openLevelStore: what is missing was reported; count from here on. */
  async acceptLoss(): Promise<void> {
    this.#mark.set(this.#lastFlush);
    await this.commit([chainBase(this.#lastFlush + 1)]);
  }

  async #close(): Promise<void> {
    clearTimeout(this.#healing);
    await this.#group.idle();
    await this.#mark.close();
    await this.#level?.close();
  }

  async #flush(changes: readonly RecordChange[]): Promise<void> {
    const startedAt = performance.now();
    try {
      await this.#write(changes);
    } catch (cause) {
      const error = cause instanceof StoreError ? cause : flushError(this.#folder, cause);
      this.#listener.flushed?.(performance.now() - startedAt, changes.length, error);
      this.#becomeFailing(error);
      throw error;
    }
    this.#listener.flushed?.(performance.now() - startedAt, changes.length, undefined);
    this.#becomeWorking();
  }

  async #write(changes: readonly RecordChange[]): Promise<void> {
    const level = this.#level ?? (await this.#reopen());
    // A flush that failed may have reached the disk all the same, so its number is used again.
    const number = this.#lastFlush + 1;
    try {
      await writeSynced(level, [...changes, chainLink(number)]);
    } catch (error) {
      // After a failed write LevelDB goes on behind a hole in its log, and loses at the next start what it
      // acknowledged since; opened again, it begins a new log.
      this.#level = undefined;
      this.#retryAt = performance.now() + this.#retryMs;
      await level.close().catch(() => undefined);
      throw error;
    }
    this.#lastFlush = number;
    this.#mark.set(number);
  }

  async #reopen(): Promise<Level> {
    if (performance.now() < this.#retryAt && this.#health.kind === 'failing') {
      throw new StoreError('failing', this.#health.reason);
    }
    this.#retryAt = performance.now() + this.#retryMs;
    try {
      this.#level = await openDatabase(this.#folder, false);
      return this.#level;
    } catch (error) {
      throw new StoreError('failing', messageOf(error), error);
    }
  }

  #becomeFailing(error: StoreError): void {
    if (this.#health.kind === 'working') {
      this.#health = { kind: 'failing', since: Date.now(), reason: error.message };
      this.#listener.healthChanged?.(this.#health);
    }
    this.#healing ??= setTimeout(() => this.#heal(), this.#retryMs).unref();
  }

  #becomeWorking(): void {
    clearTimeout(this.#healing);
    this.#healing = undefined;
    if (this.#health.kind === 'working') return;
    this.#health = { kind: 'working' };
    this.#listener.healthChanged?.(this.#health);
  }

  /** An empty flush, so that health comes back although nobody commits; it takes its turn like any other. */
  #heal(): void {
    this.#healing = undefined;
    if (this.#closing !== undefined) return;
    this.#group.commit([]).catch((error: unknown) => {
      if (error instanceof StoreError) this.#becomeFailing(error);
    });
  }
}

interface StoreParts {
  readonly level: Level;
  readonly mark: FlushMark;
  readonly chain: ChainState;
}

async function openParts(folder: StoreFolder): Promise<StoreParts> {
  const damage = folder.fresh ? undefined : await findTableDamage(folder.records);
  if (damage !== undefined) throw damagedStoreError(folder.path, damage);
  const level = await openDatabase(folder, folder.fresh);
  try {
    const chain = await readChain(folder, level);
    const mark = await FlushMark.open(folder.flushes).catch((error: unknown) => {
      throw new StoreError('unusable', ioErrorFrom(`cannot open ${folder.flushes}`, error).message, error);
    });
    return { level, mark, chain };
  } catch (error) {
    await level.close();
    throw error;
  }
}

async function readChain(folder: StoreFolder, level: Level): Promise<ChainState> {
  const records: (readonly [string, Uint8Array])[] = [];
  for await (const entries of readRecords(folder, level, CHAIN_PREFIX)) records.push(...entries);
  return inspectChain(records);
}

async function keepLogs(folder: StoreFolder): Promise<string> {
  const kept = await keepLogCopies(folder).catch(() => undefined);
  return kept === undefined ? 'its damaged log could not be kept' : `its log as it was is kept in ${kept}`;
}

function describeLoss({ path }: StoreFolder, missing: number, cut: number, kept: string): string {
  const parts = [
    missing > 0 ? `${missing} flushes in the middle` : undefined,
    cut > 0 ? `the last ${cut} flushes` : undefined,
  ];
  const lost = parts.filter((part) => part !== undefined).join(' and ');
  return (
    `the log of the store in ${path} is damaged: ${lost} are lost, each with one or more changes; ${kept}. ` +
    'Leases among them are learned again as their clients renew; nodes must be put again'
  );
}

function flushError({ path }: StoreFolder, cause: unknown): StoreError {
  return new StoreError('failing', `the store in ${path} cannot write: ${messageOf(cause)}`, cause);
}
