/** One change of one record: a new value, or its removal. */
export type RecordChange =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string };

/** What the store had to drop or repair when it was opened; empty when all was well. Each is a sentence for the log. */
export type OpeningReport = readonly string[];

/**
 * Durable records, read whole at start and only written after. Keys begin with the name of their table and a
 * slash (`lease/`, `node/`, `profile/`).
 */
export interface RecordStore {
  /** Every record whose key begins with the prefix, in the order of keys. */
  load(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /**
   * Resolves once all changes are on stable storage (fdatasync). Changes that are handed over while a flush is
   * under way share the next one. Rejects with StoreError when they are not; then none of them is promised.
   */
  commit(changes: readonly RecordChange[]): Promise<void>;
  close(): Promise<void>;
}

/** The store refused, or failed to keep, what it was given. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}
