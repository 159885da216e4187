import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a command is run to its end. */
export interface RunOptions {
  /** Text for its standard input. */
  readonly input?: string;
  /** It is killed after this time; a minute unless told otherwise. */
  readonly timeoutMs?: number;
  readonly environment?: NodeJS.ProcessEnv;
}

/** Runs a command to its end and returns what it printed; rejects with its error output when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const child = spawn(command, args, {
    env: { ...process.env, ...options.environment },
    timeout: options.timeoutMs ?? 60_000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  // A command that ends without reading its input must not end this process with EPIPE.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const how = await ending(child);
  if (how.code !== 0) {
    throw new Error(
      `${[command, ...args].join(' ')} ended with ${formatExit(how)}\n${errors}${output}`.trim(),
    );
  }
  return output;
}

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function formatExit(how: ProcessExit): string {
  return how.signal ?? `status ${how.code ?? '?'}`;
}

function ending(child: ChildProcessWithoutNullStreams): Promise<ProcessExit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

/**
 * A process that runs beside a test. Its lines are kept (standard output and error as they come), can be waited
 * for, and stand in the error when a wait fails.
 */
export class BackgroundProcess {
  readonly lines: string[] = [];
  /** Resolves when the process has ended and everything that it printed is in `lines`. Never rejects. */
  readonly ended: Promise<ProcessExit>;
  readonly #name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #watchers = new Set<() => void>();
  #exit: ProcessExit | undefined;

  private constructor(name: string, child: ChildProcessWithoutNullStreams, linesFrom: 'both' | 'stderr') {
    this.#name = name;
    this.#child = child;
    child.stdin.on('error', () => undefined);
    collectLines(child.stderr, (line) => this.#note(line));
    if (linesFrom === 'both') collectLines(child.stdout, (line) => this.#note(line));
    this.ended = ending(child)
      .catch((error: unknown): ProcessExit => {
        this.#note(String(error));
        return { code: null, signal: null };
      })
      .then((how) => {
        this.#exit = how;
        this.#wake();
        return how;
      });
  }

  /** Starts a command; `name` is how errors speak of it. */
  static start(
    name: string,
    command: string,
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): BackgroundProcess {
    const child = spawn(command, args, { env: { ...process.env, ...environment } });
    return new BackgroundProcess(name, child, 'both');
  }

  /** As `start`, for a command whose standard output is data and goes to `onData` in pieces. */
  static startPiped(
    name: string,
    command: string,
    args: readonly string[],
    onData: (piece: Buffer) => void,
  ): BackgroundProcess {
    const child = spawn(command, args);
    child.stdout.on('data', onData);
    return new BackgroundProcess(name, child, 'stderr');
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} was not started`);
    return this.#child.pid;
  }

  /** How it ended; undefined while it runs. */
  get exit(): ProcessExit | undefined {
    return this.#exit;
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The first line from `from` on that matches; rejects when the time is over or the process ends without it. */
  async waitForLine(pattern: RegExp, timeoutMs: number, from = 0): Promise<string> {
    const found = await this.waitFor(
      () => this.lines.slice(from).find((line) => pattern.test(line)),
      `a line like ${String(pattern)}`,
      timeoutMs,
    );
    return found;
  }

  /** What `look` finds, asked again with each new line; rejects as `waitForLine` does. */
  async waitFor<T>(look: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#exit !== undefined) {
        throw new Error(
          `${this.#name} ended with ${formatExit(this.#exit)}, without ${what}\n${this.tail()}`,
        );
      }
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${this.#name} ran for ${timeoutMs} ms without ${what}\n${this.tail()}`);
      await this.#change(left);
    }
  }

  /** Ends it with a signal, by force after the time given, and waits until it is gone. Safe to call twice. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 5_000): Promise<ProcessExit> {
    this.signal(signal);
    const timer = new AbortController();
    const late = sleep(timeoutMs, undefined, { signal: timer.signal }).then(
      () => this.signal('SIGKILL'),
      () => undefined,
    );
    const how = await this.ended;
    timer.abort();
    await late;
    return how;
  }

  /** Its last lines, for error messages. */
  tail(count = 25): string {
    return this.lines.slice(-count).join('\n');
  }

  #note(line: string): void {
    this.lines.push(line);
    this.#wake();
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#watchers.add(done);
    });
  }
}

/** Splits a stream into lines; a carriage return belongs to the line's end, as on serial consoles. */
function collectLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  // latin1: consoles print what is no UTF-8, and no byte may be lost or joined across pieces.
  stream.setEncoding('latin1');
  stream.on('data', (text: string) => {
    const parts = (rest + text).split(/\r*\n/);
    rest = parts.pop() ?? '';
    for (const part of parts) onLine(part);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
