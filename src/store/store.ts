/** One change of one record: a new value, or its removal. */
export type RecordChange =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string };

/** What the store had to drop or repair when it was opened; empty when all was well. Each is a sentence for the log. */
export type OpeningReport = readonly string[];

/** Whether promises can be kept just now. Times are milliseconds since 1970. */
export type StoreHealth =
  | { readonly kind: 'working' }
  | { readonly kind: 'failing'; readonly since: number; readonly reason: string };

/**
 * Durable records, read whole at start and only written after. Keys begin with the name of their table and a
 * slash (`lease/`, `node/`, `profile/`).
 */
export interface RecordStore {
  /** Every record whose key begins with the prefix, in the order of keys. Throws StoreError for a damaged table. */
  load(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /**
   * Resolves once all changes are on stable storage (fdatasync). Changes that are handed over while a flush is
   * under way share the next one. Rejects with StoreError when they are not; then none of them is promised.
   */
  commit(changes: readonly RecordChange[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * - `unusable`: the folder cannot be made, read or written
 * - `foreign`: the folder holds something that is no store of ours
 * - `newer`: a later version of bootd wrote it
 * - `damaged`: what is on disk cannot be read back
 * - `locked`: another process has it open
 * - `failing`: a flush did not succeed
 * - `slow`: a flush took too long to wait for
 * - `overloaded`: more is waiting for a flush than may
 * - `closed`: the store was closed
 */
export type StoreErrorCode =
  'unusable' | 'foreign' | 'newer' | 'damaged' | 'locked' | 'failing' | 'slow' | 'overloaded' | 'closed';

/** The store refused, or failed to keep, what it was given. The message says where, why and, at opening, what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
