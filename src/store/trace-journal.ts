import { mkdir, open, readFile, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BootTrace } from '../boot/boot-trace.ts';
import { decodeTrace, encodeTrace } from './trace-record.ts';

/**
 * Boot traces on disk: a file of JSON lines beside the store, the last line of an id counts. It is never synced and shares
 * nothing with the store, so that no ACK ever waits for a trace; a power cut may take the last ones, the end of the process
 * takes none. A line that cannot be read is passed over.
 */
export class TraceJournal {
  readonly #path: string;
  readonly #tracesMax: number;
  #file: FileHandle | undefined;
  #size = 0;

  /** `tracesMax`: how many of the newest are read back, and kept when the file is written anew. */
  constructor(path: string, tracesMax: number) {
    this.#path = path;
    this.#tracesMax = tracesMax;
  }

  /** Reads what is there, oldest first, and writes it back without what is outdated. Rejects with the system's error. */
  async load(): Promise<readonly BootTrace[]> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const text = await readFile(this.#path, 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
      throw error;
    });
    const byId = new Map<string, BootTrace>();
    for (const line of text.split('\n')) {
      const trace = line === '' ? undefined : decodeTrace(line);
      if (trace === undefined) continue;
      byId.delete(trace.id);
      byId.set(trace.id, trace);
    }
    const traces = [...byId.values()].sort((a, b) => a.startedAt - b.startedAt).slice(-this.#tracesMax);
    await this.#rewrite(traces);
    return traces;
  }

  /** Appends the traces as they are now; when the file has become too large, it is written anew with `all` of them. */
  async append(changed: readonly BootTrace[], all: () => readonly BootTrace[]): Promise<void> {
    if (this.#size > SIZE_MAX) {
      await this.#rewrite(all().slice(-this.#tracesMax));
      return;
    }
    const text = changed.map((trace) => `${encodeTrace(trace)}\n`).join('');
    this.#file ??= await open(this.#path, 'a', 0o600);
    await this.#file.appendFile(text);
    this.#size += text.length;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Aside and renamed, so that the end of the process in between leaves the old file whole. */
  async #rewrite(traces: readonly BootTrace[]): Promise<void> {
    await this.close();
    const aside = `${this.#path}.new`;
    const file = await open(aside, 'w', 0o600);
    try {
      const text = traces.map((trace) => `${encodeTrace(trace)}\n`).join('');
      await file.writeFile(text);
      this.#size = 0;
    } finally {
      await file.close();
    }
    await rename(aside, this.#path);
  }
}

/** What is appended between two times that the file is written anew; about a thousand boots, each noted several times. */
const SIZE_MAX = 32 * 1024 * 1024;
