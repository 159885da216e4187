import { ConsoleTail } from '../boot/console-tail.ts';
import type { ConsoleListener, OpenConsole } from '../control/power-commands.ts';

/** Lines are shown this long after they came, all at once. */
const COLLECT_MS = 500;

/** What a tee reads from, for how long, and who is shown it. */
export interface ConsoleTeeParts {
  readonly open: (listener: ConsoleListener) => Promise<OpenConsole>;
  /** The console is given back after this time. */
  readonly longestMs: number;
  /** Called with the last lines, each time that there are others. */
  readonly show: (lines: readonly string[]) => void;
}

/** Reads a serial console along, without typing, and shows its last lines. */
export class ConsoleTee {
  readonly #parts: ConsoleTeeParts;
  readonly #tail = new ConsoleTail();
  #console: OpenConsole | undefined;
  #collecting: NodeJS.Timeout | undefined;
  #end: NodeJS.Timeout | undefined;

  private constructor(parts: ConsoleTeeParts) {
    this.#parts = parts;
  }

  /** Rejects with IpmiError when the controller does not give its serial port. */
  static async open(parts: ConsoleTeeParts): Promise<ConsoleTee> {
    const tee = new ConsoleTee(parts);
    tee.#console = await parts.open({
      onOutput: (characters) => tee.#take(characters),
      onEnd: (error) => tee.#take(new TextEncoder().encode(`\n[${error.message}]\n`)),
    });
    tee.#end = setTimeout(() => void tee.close(), parts.longestMs).unref();
    return tee;
  }

  /** Shows the last lines again: there is somebody now who was not there when they came. */
  showAgain(): void {
    if (this.#tail.lines.length > 0) this.#parts.show(this.#tail.lines);
  }

  /** Shows what came last and gives the console back. Safe to call twice. */
  async close(): Promise<void> {
    clearTimeout(this.#end);
    this.#flush();
    const console = this.#console;
    this.#console = undefined;
    await console?.close();
  }

  #take(characters: Uint8Array): void {
    this.#tail.take(characters);
    this.#collecting ??= setTimeout(() => this.#flush(), COLLECT_MS).unref();
  }

  #flush(): void {
    if (this.#collecting === undefined) return;
    clearTimeout(this.#collecting);
    this.#collecting = undefined;
    this.#parts.show(this.#tail.lines);
  }
}
