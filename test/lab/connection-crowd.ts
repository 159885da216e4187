import { fileURLToPath } from 'node:url';
import type { Namespace } from './namespaces.ts';
import type { BackgroundProcess } from './processes.ts';

const REMOTE_END = fileURLToPath(new URL('./connection-crowd-process.ts', import.meta.url));
const DESCRIPTORS = 20_000;

/** How many connections are in which state; those that there are none of are left out. */
export interface CrowdState {
  readonly connecting?: number;
  readonly asking?: number;
  readonly streaming?: number;
  readonly refused?: number;
  readonly closed?: number;
  /** Events that were read, by all of them. */
  readonly heard: number;
}

/** Connections of one process that ask for events, do not read them, or never finish their request. */
export class ConnectionCrowd {
  readonly #process: BackgroundProcess;

  private constructor(process: BackgroundProcess) {
    this.#process = process;
  }

  /** `where` is a socket's path, or `ADDRESS:PORT`, or `ADDRESS:PORT@SOURCE`. */
  static start(
    namespace: Namespace,
    where: string,
    count: number,
    kind: 'follow' | 'follow-unread' | 'slow',
  ): ConnectionCrowd {
    const script = `ulimit -n ${DESCRIPTORS} && exec "$@"`;
    const node = [process.execPath, '--import', 'tsx', REMOTE_END, where, String(count), kind];
    return new ConnectionCrowd(namespace.start('connections', 'sh', ['-euc', script, 'sh', ...node]));
  }

  /** As it was told last. */
  get state(): CrowdState {
    const line = this.#process.lines.findLast((one) => one.startsWith('{"kind":"state"'));
    return line === undefined ? { heard: 0 } : (JSON.parse(line) as CrowdState);
  }

  /** Resolves with the first state for which the test holds; rejects when there is none in time. */
  async waitFor(test: (state: CrowdState) => boolean, what: string, timeoutMs: number): Promise<CrowdState> {
    return this.#process.waitFor(
      () => (test(this.state) ? this.state : undefined),
      `${what} (${JSON.stringify(this.state)})`,
      timeoutMs,
    );
  }

  async close(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }
}
