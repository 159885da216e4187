import { fileURLToPath } from 'node:url';
import type { Namespace } from './namespaces.ts';
import type { BackgroundProcess } from './processes.ts';

const REMOTE_END = fileURLToPath(new URL('./flood-process.ts', import.meta.url));

/** What is poured out: DISCOVERs from cards that nobody has, or read requests for one name. */
export type FloodKind =
  { readonly kind: 'discover' } | { readonly kind: 'read'; readonly server: string; readonly name: string };

/** Datagrams as fast as the kernel takes them from one process, from a namespace of clients. */
export class Flood {
  readonly #process: BackgroundProcess;
  readonly #seconds: number;

  private constructor(process: BackgroundProcess, seconds: number) {
    this.#process = process;
    this.#seconds = seconds;
  }

  /** Resolves when it pours. */
  static async start(namespace: Namespace, seconds: number, flood: FloodKind): Promise<Flood> {
    const rest = flood.kind === 'read' ? [flood.server, flood.name] : [];
    const child = namespace.start('flood', process.execPath, [
      ...['--import', 'tsx', REMOTE_END, flood.kind, String(seconds), ...rest],
    ]);
    await child.waitForLine(/"begun"/, 20_000);
    return new Flood(child, seconds);
  }

  /** Resolves with how many datagrams were sent in a second, once it is over. */
  async over(): Promise<number> {
    const line = await this.#process.waitForLine(/"sent"/, this.#seconds * 1000 + 30_000);
    const { sent } = JSON.parse(line) as { sent: number };
    return Math.round(sent / this.#seconds);
  }
}
