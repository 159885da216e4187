import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { BackgroundProcess } from './processes.ts';
import { type ProcessExit } from './processes.ts';
import type { Namespace } from './namespaces.ts';
import { KERNEL_ARGUMENTS } from './hand-written-files.ts';
import { machineUuid, type Machine } from './virtual-machine.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));
const READY_TIMEOUT_MS = 30_000;
const API_TIMEOUT_MS = 20_000;

/** The configuration file as data, for a test to change before it is written. */
export type Configuration = Record<string, unknown> & {
  dhcp: Record<string, unknown>;
  tftp: Record<string, unknown>;
};

/** The application note's installation, whole, for the wires of the lab; files of the daemon go to `folder`. */
export function noteConfiguration(folder: string): Configuration {
  return {
    interfaces: ['prov0'],
    'state-directory': join(folder, 'state'),
    dhcp: {
      authoritative: true,
      'default-lease-time': 600,
      'max-lease-time': 7200,
      'allow-booting': true,
      'allow-bootp': true,
      'ping-check': true,
      'next-server': '192.168.0.1',
      filename: '/pxelinux.0',
      'filename-by-arch': { 'uefi-x64': 'bootx64.efi' },
      'option-definitions': {
        'option-128': { code: 128, type: 'string' },
        'option-129': { code: 129, type: 'text' },
      },
      options: { 'option-128': 'e4:45:74:68:00:00', 'option-129': 'console=ttyS0,115200' },
      subnets: [
        {
          subnet: '192.168.0.0/24',
          ranges: [{ range: '192.168.0.128-192.168.0.254', 'dynamic-bootp': true }],
          options: { 'broadcast-address': '192.168.0.255' },
        },
      ],
    },
    tftp: { root: '/tftpboot', 'map-file': '/tftpboot/map-file' },
    control: { socket: join(folder, 'control.sock') },
  };
}

/** One line of the daemon's log. */
export interface LogLine {
  readonly event?: string;
  readonly level?: string;
  readonly message?: string;
  readonly [field: string]: unknown;
}

/** How a daemon is started. */
export interface DaemonOptions {
  readonly namespace: Namespace;
  /** Where its configuration file, state and control socket live. */
  readonly folder: string;
  /** What it sees as /tftpboot. */
  readonly tftpRoot: string;
  /** The application note's, unless told otherwise. */
  readonly configuration?: Configuration;
  /** A command that runs the daemon's command line, such as `strace` with its options. */
  readonly under?: readonly string[];
  /** Beside this process's own. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Further folders that it sees in place of the host's, by their place right below the root. */
  readonly view?: Readonly<Record<string, string>>;
  /** Where its control socket is for the test; `control.sock` in its folder unless told otherwise. */
  readonly controlSocket?: string;
}

/** An answer of the control API. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A `bootd serve` in a namespace, driven as its users do: configuration, signals, control socket, log. */
export class Daemon {
  readonly #process: BackgroundProcess;
  readonly #socket: string;

  private constructor(process: BackgroundProcess, socket: string) {
    this.#process = process;
    this.#socket = socket;
  }

  /** Starts a daemon and resolves when it says that it is ready; rejects with what it printed when it does not. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = await Daemon.launch(options);
    try {
      await daemon.#process.waitFor(
        () => daemon.log().find((line) => line.event === 'daemon.ready'),
        'the event daemon.ready',
        READY_TIMEOUT_MS,
      );
    } catch (error) {
      await daemon.#process.stop('SIGKILL');
      throw error;
    }
    return daemon;
  }

  /** Starts a daemon without waiting: for those that are expected to fail. */
  static async launch(options: DaemonOptions): Promise<Daemon> {
    const file = join(options.folder, 'bootd.yaml');
    await mkdir(join(options.folder, 'state'), { recursive: true });
    await writeFile(file, stringify(options.configuration ?? noteConfiguration(options.folder)));
    const [command = '', ...args] = [
      ...(options.under ?? []),
      globalThis.process.execPath,
      ...[PROGRAM, 'serve', '--config', file],
    ];
    const process = options.namespace.startInView(
      'bootd',
      { ...options.view, '/tftpboot': options.tftpRoot },
      command,
      args,
      options.environment,
    );
    return new Daemon(process, options.controlSocket ?? join(options.folder, 'control.sock'));
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** All that it printed, log or not. */
  get lines(): readonly string[] {
    return this.#process.lines;
  }

  /** Its log so far, or only the lines of one event. */
  log(event?: string): readonly LogLine[] {
    const all = this.#process.lines.flatMap((line): readonly LogLine[] => {
      try {
        return line.startsWith('{') ? [JSON.parse(line) as LogLine] : [];
      } catch {
        return [];
      }
    });
    return event === undefined ? all : all.filter((line) => line.event === event);
  }

  /** The first log line for which the test holds, as soon as it is there. */
  waitForLog(test: (line: LogLine) => boolean, timeoutMs: number): Promise<LogLine> {
    return this.#process.waitFor(() => this.log().find(test), 'such a log line', timeoutMs);
  }

  /** One request to the control API. */
  api(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<ApiAnswer> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      // A connection of its own: one that is kept may be closed by the daemon while the next request is on its way.
      const options = {
        socketPath: this.#socket,
        method,
        path,
        headers,
        timeout: API_TIMEOUT_MS,
        agent: false,
      };
      const call = request(options, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece: string) => (text += piece));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: parseBody(text) }));
        answer.on('error', reject);
      });
      call.on('timeout', () =>
        call.destroy(new Error(`${method} ${path}: no answer within ${API_TIMEOUT_MS / 1000} s`)),
      );
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** As `api`, for requests that must succeed; returns the body. */
  async apiBody(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const answer = await this.api(method, path, body);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  /** The value of one metric, all its labels summed; 0 when it is not there. */
  async metric(name: string, label = ''): Promise<number> {
    const text = await this.apiBody('GET', '/metrics');
    if (typeof text !== 'string') throw new Error('GET /metrics did not answer with text');
    return text
      .split('\n')
      .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** Ends it as systemd does; resolves with how it ended. */
  stop(): Promise<ProcessExit> {
    return this.#process.stop('SIGTERM', 15_000);
  }

  /** `kill -9`. */
  kill(): Promise<ProcessExit> {
    return this.#process.stop('SIGKILL');
  }

  /** Resolves with how it ended, once it has. */
  ended(): Promise<ProcessExit> {
    return this.#process.ended;
  }
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Puts a node for a machine, and what it boots: Ironic's deploy images, marked by an argument of the kernel. */
export async function putMachine(
  daemon: Daemon,
  machine: Machine,
  argument: string,
  policy: 'always' | 'once' = 'always',
): Promise<void> {
  const uuid = machineUuid(machine.mac);
  await daemon.apiBody('PUT', `/v1/nodes/${uuid}`, {
    name: `lab-${machine.firmware}-${machine.mac.slice(-2)}`,
    boot_mode: machine.firmware === 'bios' ? 'bios' : 'uefi',
    ports: [{ address: machine.mac, pxe_enabled: true }],
  });
  await daemon.apiBody('PUT', `/v1/nodes/${uuid}/boot-profile`, {
    purpose: 'deploy',
    kernel: `${uuid}/deploy_kernel`,
    ramdisk: `${uuid}/deploy_ramdisk`,
    kernel_append_params: `${KERNEL_ARGUMENTS} ${argument}`,
    policy,
  });
}
