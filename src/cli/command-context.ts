import type { ProcessFacts } from '../daemon/foundation.ts';
import type { ExitCode } from './exit-code.ts';

/** Where a subcommand writes. Results go to standard output, everything said to a person besides to standard error. */
export interface Terminal {
  writeLine(line: string): void;
  writeError(line: string): void;
  /** Octets to standard output as they are. */
  write(octets: Uint8Array): void;
  /** Gives what is typed, key by key where standard input is a terminal; the function returned ends that. */
  readKeys(keys: { onTyped(octets: Uint8Array): void; onEnd(): void }): () => void;
  /** Whether standard output may be decorated: it is a terminal, and NO_COLOR is not set. */
  readonly decorated: boolean;
}

/** What main.ts lends to the subcommands, so that none of them touches the process itself. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly platform: { readonly node: string; readonly name: string };
  /** What a service manager handed over: its variables, and the number of the process that they are meant for. */
  readonly process: ProcessFacts;
  /** What the process ends with once the subcommand is through. */
  finish(code: ExitCode): void;
  /** Resolves with the name of the first SIGTERM or SIGINT. A second one ends the process at once. */
  untilStopSignal(): Promise<string>;
  /** Calls back at each SIGHUP, which then no longer ends the process. */
  onReloadSignal(listener: () => void): void;
  /** Calls back at each SIGUSR1. */
  onReportSignal(listener: () => void): void;
}
