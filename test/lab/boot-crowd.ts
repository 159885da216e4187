import { fileURLToPath } from 'node:url';
import type { LabNetwork } from './namespaces.ts';
import type { BackgroundProcess } from './processes.ts';
import { WIDE_SERVER_ADDRESS } from './wide-configuration.ts';

const REMOTE_END = fileURLToPath(new URL('./boot-crowd-process.ts', import.meta.url));
const ECHO_END = fileURLToPath(new URL('./echo-process.ts', import.meta.url));
const ECHO_PORT = 4067;

/** What one machine is to do. */
export interface BootOrder {
  readonly mac: string;
  /** Asks for no broadcasts, so that it is answered by frames to its card, which must be that of the namespace. */
  readonly hearsFrames?: boolean;
  /** Fetched one after the other, once it has its lease. */
  readonly files: readonly string[];
  readonly renewals: number;
  readonly renewEveryMs: number;
  /** How often it says the same, once a second, before it gives up; 15 unless told otherwise. */
  readonly tries?: number;
}

/** What became of a machine. Times are since its first try. */
export type BootReport =
  | {
      readonly kind: 'booted';
      readonly mac: string;
      readonly address: string;
      /** That gave it the lease, and that it has its files from. */
      readonly server: string;
      readonly offerMs: number;
      readonly ackMs: number;
      /** Until the first packet of each file. */
      readonly firstMs: readonly number[];
      readonly octets: number;
    }
  | { readonly kind: 'renewed'; readonly mac: string; readonly ms: number }
  | { readonly kind: 'failed'; readonly mac: string; readonly at: string; readonly why: string }
  /** Not of a machine: what the same way takes to a program that only answers. */
  | { readonly kind: 'echo'; readonly ms: number };

/**
 * Machines that boot for real as far as a server can tell: lease, loader, configuration, kernel and ramdisk from their own
 * addresses, renewals by unicast. They live in one process of ours in the clients' namespace of a network made by `widen`,
 * and the addresses of the range are that namespace's own.
 */
export class BootCrowd {
  readonly #process: BackgroundProcess;
  readonly #echo: BackgroundProcess;
  #read = 0;

  private constructor(process: BackgroundProcess, echo: BackgroundProcess) {
    this.#process = process;
    this.#echo = echo;
  }

  /** `range` is a network in CIDR notation that covers the addresses that machines can get. */
  static async open(network: LabNetwork, range: string): Promise<BootCrowd> {
    const { client, server } = network;
    await client.run('ip', ['addr', 'add', '10.20.0.2/16', 'brd', '+', 'dev', 'eth0']);
    await client.run('ip', ['route', 'add', 'local', range, 'dev', 'lo']);
    const echo = server.start('echo', process.execPath, ['--import', 'tsx', ECHO_END, String(ECHO_PORT)]);
    await echo.waitForLine(/ready/, 60_000);
    const child = client.start('boot crowd', process.execPath, [
      ...['--import', 'tsx', REMOTE_END, WIDE_SERVER_ADDRESS, String(ECHO_PORT)],
    ]);
    await child.waitForLine(/"ready"/, 60_000);
    return new BootCrowd(child, echo);
  }

  boot(order: BootOrder): void {
    this.#process.write(`${JSON.stringify(order)}\n`);
  }

  /** What has become known since it was asked last. */
  reports(): readonly BootReport[] {
    const { lines } = this.#process;
    const fresh = lines.slice(this.#read).filter((line) => line.startsWith('{"kind":'));
    this.#read = lines.length;
    return fresh.map((line) => JSON.parse(line) as BootReport);
  }

  async close(): Promise<void> {
    await this.#process.stop('SIGKILL');
    await this.#echo.stop('SIGKILL');
  }
}
