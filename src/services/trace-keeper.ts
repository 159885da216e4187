import { GrowingTrace, type BootTrace } from '../boot/boot-trace.ts';
import type { TraceJournal } from '../store/trace-journal.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Changes are collected for this long, so that a boot is written a few times and not once for each packet. */
const COLLECT_MS = 2000;

/** Keeps traces across restarts, in the background. A disk that fails costs the traces of that time, and one warning. */
export class TraceKeeper {
  readonly #journal: TraceJournal | undefined;
  readonly #logger: Logger;
  readonly #changed = new Set<BootTrace>();
  #all: () => readonly BootTrace[] = () => [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;

  /** Without a journal nothing is kept. */
  constructor(journal: TraceJournal | undefined, logger: Logger) {
    this.#journal = journal;
    this.#logger = logger;
  }

  /** The traces that were kept, oldest first; none where they cannot be read. */
  async load(): Promise<readonly GrowingTrace[]> {
    try {
      return ((await this.#journal?.load()) ?? []).map((kept) => GrowingTrace.from(kept));
    } catch (error) {
      this.#reportFailure(error);
      return [];
    }
  }

  /** Notes that a trace has changed; `all` are the traces to keep, oldest first, should the file be written anew. */
  keep(trace: BootTrace, all: () => readonly BootTrace[]): void {
    if (this.#journal === undefined) return;
    this.#changed.add(trace);
    this.#all = all;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#writing.then(() => this.#write());
    }, COLLECT_MS).unref();
  }

  /** Writes what waits and closes the file. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writing;
    await this.#write();
    await this.#journal?.close();
  }

  async #write(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    if (changed.length === 0) return;
    try {
      await this.#journal?.append(changed, this.#all);
      this.#hasFailed = false;
    } catch (error) {
      this.#reportFailure(error);
    }
  }

  #reportFailure(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#logger.warn({ event: EVENTS.bootJournalFailed, err: error }, 'boot traces cannot be kept on disk');
  }
}
