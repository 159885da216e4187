import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

const CREATE_READ_WRITE = constants.O_CREAT | constants.O_RDWR;

const NUMBER_LINE = /^\d{16}\n/;

/**
 * The number of the last flush, kept beside LevelDB in a file of its own: when its log is cut short, the chain of
 * flushes looks whole, and only this number knows of more. It is written without sync and at most once a second, so
 * it may lag behind, and a power cut may set it back; it never runs ahead of what was promised.
 */
export class FlushMark {
  readonly #file: FileHandle;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #wanted: number;
  #written: number;
  #writing: Promise<void> | undefined;
  /** Whether the file held something else than a number when it was opened. */
  readonly isUnreadable: boolean;

  private constructor(file: FileHandle, text: string, intervalMs: number) {
    const number = NUMBER_LINE.test(text) ? Number.parseInt(text, 10) : 0;
    this.isUnreadable = text !== '' && !NUMBER_LINE.test(text);
    this.#file = file;
    this.#wanted = number;
    this.#written = number;
    this.#intervalMs = intervalMs;
  }

  /** Opens the file, or makes it. Rejects with the error of the operating system. */
  static async open(path: string, intervalMs = 1000): Promise<FlushMark> {
    // Neither truncated nor appended to: the number is read first, and then overwritten in place.
    const file = await open(path, CREATE_READ_WRITE, 0o600);
    return new FlushMark(file, await file.readFile('utf8'), intervalMs);
  }

  /** The last number noted; right after opening that of the last run, 0 when there is none that can be read. */
  get number(): number {
    return this.#wanted;
  }

  /** Notes that flush `number` is on stable storage. */
  set(number: number): void {
    this.#wanted = number;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#write();
    }, this.#intervalMs).unref();
  }

  /** Writes the last number and closes the file. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
    await this.#file.close();
  }

  async #write(): Promise<void> {
    const number = this.#wanted;
    if (number === this.#written) return;
    try {
      await this.#file.write(`${String(number).padStart(16, '0')}\n`, 0);
      this.#written = number;
    } catch {
      // A disk that cannot take these few octets makes the flushes themselves fail, and those are reported.
    }
  }
}
