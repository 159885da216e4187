import type { RecordChange, RecordStore } from '../../../src/store/store.ts';

/** A RecordStore that keeps its records in memory, in the order of keys. */
export class MemoryStore implements RecordStore {
  readonly records = new Map<string, Uint8Array>();
  commits = 0;

  async *load(prefix: string): AsyncGenerator<readonly [string, Uint8Array]> {
    await Promise.resolve();
    const keys = [...this.records.keys()].filter((key) => key.startsWith(prefix)).sort();
    for (const key of keys) yield [key, this.records.get(key)!];
  }

  commit(changes: readonly RecordChange[]): Promise<void> {
    this.commits += 1;
    for (const change of changes) {
      if (change.kind === 'put') this.records.set(change.key, change.value);
      else this.records.delete(change.key);
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
