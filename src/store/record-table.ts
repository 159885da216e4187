import { decodeRecord, encodeRecord } from './record.ts';
import type { OpeningReport, RecordChange, RecordStore } from './store.ts';

/** How the values of one kind are written. */
export interface RecordCodec<Value> {
  /** What the keys begin with, its slash included. */
  readonly prefix: string;
  /** Written today, and the newest that `decode` understands. */
  readonly version: number;
  encode(value: Value): Uint8Array;
  /** Throws for content that makes no sense; `name` is the key without its prefix. */
  decode(name: string, content: Uint8Array, version: number): Value;
}

/** Everything that could be read of a table, and a sentence for whatever could not. */
export interface LoadedTable<Value> {
  readonly values: readonly Value[];
  readonly report: OpeningReport;
}

/** Where records go that could not be read, before their key is written again. */
const KEPT_PREFIX = 'kept/';

/** Records that are reported one by one; the rest is counted. */
const MAX_REPORTED = 10;

/**
 * One kind of record in a store. A record that is damaged, or was written by a later version, is reported and stays
 * where it is; when its key is written again it is moved below `kept/` and so is never lost.
 */
export class RecordTable<Value> {
  readonly #store: RecordStore;
  readonly #codec: RecordCodec<Value>;
  readonly #unreadable = new Map<string, Uint8Array>();

  constructor(store: RecordStore, codec: RecordCodec<Value>) {
    this.#store = store;
    this.#codec = codec;
  }

  /** Reads the whole table, in the order of keys. Rejects with StoreError when the store itself cannot be read. */
  async load(): Promise<LoadedTable<Value>> {
    const values: Value[] = [];
    const problems: string[] = [];
    for await (const [key, bytes] of this.#store.load(this.#codec.prefix)) {
      const decoded = this.#decode(key, bytes);
      if (decoded.kind === 'value') {
        values.push(decoded.value);
      } else {
        this.#unreadable.set(key, Uint8Array.from(bytes));
        problems.push(`the record ${key} was left out: ${decoded.reason}; it stays in the store`);
      }
    }
    return { values, report: summarize(problems, this.#codec.prefix) };
  }

  /** The change that stores the value under the name, and before it what saves a record that could not be read. */
  put(name: string, value: Value): readonly RecordChange[] {
    const key = this.#codec.prefix + name;
    const content = this.#codec.encode(value);
    return [...this.#keep(key), { kind: 'put', key, value: encodeRecord(key, this.#codec.version, content) }];
  }

  delete(name: string): readonly RecordChange[] {
    const key = this.#codec.prefix + name;
    return [...this.#keep(key), { kind: 'delete', key }];
  }

  #decode(
    key: string,
    bytes: Uint8Array,
  ):
    | { readonly kind: 'value'; readonly value: Value }
    | { readonly kind: 'unreadable'; readonly reason: string } {
    const record = decodeRecord(key, bytes);
    if (record.kind === 'damaged') return { kind: 'unreadable', reason: `it is damaged: ${record.reason}` };
    const { version, prefix } = this.#codec;
    if (record.version > version) {
      const reason = `a later version of bootd wrote it (version ${record.version}, known is ${version})`;
      return { kind: 'unreadable', reason };
    }
    try {
      return {
        kind: 'value',
        value: this.#codec.decode(key.slice(prefix.length), record.content, record.version),
      };
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      return { kind: 'unreadable', reason: `its content makes no sense: ${words}` };
    }
  }

  /** Stays in the map: should this flush fail, the next write of the key saves it again. */
  #keep(key: string): readonly RecordChange[] {
    const value = this.#unreadable.get(key);
    return value === undefined ? [] : [{ kind: 'put', key: KEPT_PREFIX + key, value }];
  }
}

function summarize(problems: readonly string[], prefix: string): OpeningReport {
  if (problems.length <= MAX_REPORTED) return problems;
  const more = problems.length - MAX_REPORTED;
  return [...problems.slice(0, MAX_REPORTED), `${more} more records below ${prefix} were left out`];
}
