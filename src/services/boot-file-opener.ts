import { close } from 'node:fs';
import type { BootFileFailure, BootFileOutcome, BootRoot, OpenBootFile } from '../io/boot-root.ts';

/**
 * Openings under way at once. Each takes a thread of libuv's small pool, which also flushes leases: a file system
 * that hangs must not take them all.
 */
const OPENINGS_MAX = 2;

/**
 * Milliseconds from one opening of a file to the next: those who ask meanwhile share the next one. Each costs as much as
 * answering a dozen requests does.
 */
const PAUSE_MS = 5;

/**
 * A file that was opened for one or more requests at once. Each of them says once what becomes of it; when nobody
 * handed it on, it is closed.
 */
export class OpenedFile {
  readonly kind = 'file';
  readonly file: OpenBootFile;
  #users: number;
  #handedOn = false;

  constructor(file: OpenBootFile, users: number) {
    this.file = file;
    this.#users = users;
  }

  /** The data plane owns the descriptor now. */
  handOn(): void {
    this.#handedOn = true;
    this.drop();
  }

  /** This request does not need it after all. */
  drop(): void {
    this.#users -= 1;
    if (this.#users === 0 && !this.#handedOn) close(this.file.fd, () => undefined);
  }
}

export type OpeningOutcome = OpenedFile | { readonly kind: 'failed'; readonly reason: BootFileFailure };

type Receiver = (outcome: OpeningOutcome) => void;

/**
 * Opens boot files, few at a time and each only once for all who ask for it meanwhile: a rack that powers on asks for
 * the same loader a thousand times in a few milliseconds.
 */
export class BootFileOpener {
  readonly #root: Pick<BootRoot, 'open'>;
  /** Requests by name, those under way and those that wait. */
  readonly #wanted = new Map<string, Receiver[]>();
  readonly #queue: string[] = [];
  /** Names that were opened a moment ago. */
  readonly #pausing = new Set<string>();
  #opening = 0;

  constructor(root: Pick<BootRoot, 'open'>) {
    this.#root = root;
  }

  /** Never rejects. Everybody who gets the same file goes on in the same turn of the event loop. */
  open(name: string): Promise<OpeningOutcome> {
    return new Promise((resolve) => {
      const receivers = this.#wanted.get(name);
      if (receivers !== undefined) {
        receivers.push(resolve);
        return;
      }
      this.#wanted.set(name, [resolve]);
      if (!this.#pausing.has(name)) this.#enqueue(name);
    });
  }

  #enqueue(name: string): void {
    this.#queue.push(name);
    this.#openNext();
  }

  #openNext(): void {
    while (this.#opening < OPENINGS_MAX) {
      const name = this.#queue.shift();
      if (name === undefined) return;
      this.#opening += 1;
      void this.#root.open(name).then((outcome) => {
        this.#opening -= 1;
        this.#deliver(name, outcome);
        this.#openNext();
      });
    }
  }

  #deliver(name: string, outcome: BootFileOutcome): void {
    const receivers = this.#wanted.get(name) ?? [];
    this.#wanted.delete(name);
    this.#pause(name);
    const shared =
      outcome.kind === 'file'
        ? new OpenedFile(outcome, receivers.length)
        : { kind: outcome.kind, reason: outcome.reason };
    for (const receive of receivers) receive(shared);
  }

  #pause(name: string): void {
    this.#pausing.add(name);
    setTimeout(() => {
      this.#pausing.delete(name);
      if (this.#wanted.has(name)) this.#enqueue(name);
    }, PAUSE_MS);
  }
}
