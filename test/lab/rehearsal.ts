import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { LabNetwork } from './namespaces.ts';
import type { BackgroundProcess } from './processes.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));

/** What `bootd observe report --json` prints, as far as tests look. */
export interface ObservedReport {
  readonly servers: readonly string[];
  readonly compared: number;
  readonly differences: number;
  readonly results: { readonly alike: number; readonly by_design: number; readonly unknowable: number };
  readonly unpaired: number;
  readonly findings: readonly ObservedFinding[];
  readonly report: readonly string[];
}

/** One finding of it. */
export interface ObservedFinding {
  readonly machine: string;
  readonly verdict: 'differs' | 'by-design' | 'unknowable';
  readonly explanation: { readonly name: string } | null;
  readonly questions: readonly string[];
  readonly aspect: string;
  readonly theirs: string;
  readonly ours: string;
  readonly sentence: string;
}

/** A `bootd serve --observe` in the server's namespace of a lab. Any number of them listen side by side. */
export class Rehearsal {
  readonly #process: BackgroundProcess;
  readonly #socket: string;
  readonly folder: string;

  private constructor(process: BackgroundProcess, folder: string) {
    this.#process = process;
    this.folder = folder;
    this.#socket = join(folder, 'control.sock');
  }

  /** Starts one without waiting for it; its control socket and its own folder replace what the configuration says. */
  static async launch(
    network: LabNetwork,
    name: string,
    configuration: Record<string, unknown>,
    tftpRoot: string,
    words: readonly string[] = [],
  ): Promise<Rehearsal> {
    const folder = join(network.folder, name);
    await mkdir(folder, { recursive: true });
    const whole = {
      ...configuration,
      interfaces: ['prov0'],
      'state-directory': join(folder, 'state'),
      control: { socket: join(folder, 'control.sock') },
    };
    const file = join(folder, 'bootd.yaml');
    await writeFile(file, stringify(whole));
    const process = network.server.startWithTftpboot(
      `rehearsal ${name}`,
      tftpRoot,
      globalThis.process.execPath,
      [PROGRAM, 'serve', '--observe', '--config', file, ...words],
    );
    return new Rehearsal(process, folder);
  }

  async waitUntilItListens(): Promise<void> {
    await this.#process.waitForLine(/"event":"daemon\.ready"/, 60_000);
  }

  get lines(): readonly string[] {
    return this.#process.lines;
  }

  get pid(): number {
    return this.#process.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.signal(signal);
  }

  /** The first line of its output that matches, as soon as it is there. */
  waitForLine(pattern: RegExp, timeoutMs: number): Promise<string> {
    return this.#process.waitForLine(pattern, timeoutMs);
  }

  /** What it has found so far, as the control API tells it. */
  report(): Promise<ObservedReport> {
    return new Promise((resolve, reject) => {
      const call = request(
        { socketPath: this.#socket, path: '/v1/observations', timeout: 10_000 },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
          answer.on('end', () => resolve(JSON.parse(text) as ObservedReport));
        },
      );
      call.on('error', reject);
      call.end();
    });
  }

  /** Asks again and again until the report is as wanted, or rejects with the last one. */
  async waitForReport(
    isWanted: (report: ObservedReport) => boolean,
    timeoutMs: number,
  ): Promise<ObservedReport> {
    const endsAt = Date.now() + timeoutMs;
    for (;;) {
      const report = await this.report();
      if (isWanted(report)) return report;
      if (Date.now() > endsAt) throw new Error(report.report.join('\n'));
      await sleep(100);
    }
  }

  /** Ends it as systemd does; resolves with its exit code. */
  async stop(): Promise<number | undefined> {
    return (await this.#process.stop('SIGTERM', 20_000)).code ?? undefined;
  }
}
