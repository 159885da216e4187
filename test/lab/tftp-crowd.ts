import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BackgroundProcess, run } from './processes.ts';
import { readVitals } from './vitals.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));
const CROWD = fileURLToPath(new URL('./tftp-crowd-process.ts', import.meta.url));

/** What became of a crowd of clients, and of the daemon's memory. */
export interface CrowdResult {
  /** Blocks that each client got in order; -1 for one that was never answered. */
  readonly blocks: readonly number[];
  /** What clients were told instead of a file. */
  readonly errors: readonly string[];
  /** The most memory that the daemon had in use, in MiB. */
  readonly memoryMiB: number;
}

/** Has so many clients fetch a file of 1 GiB at once for so long, from a daemon on 127.0.0.1. Needs no rights. */
export async function crowdTftp(clients: number, seconds: number): Promise<CrowdResult> {
  const folder = mkdtempSync(join(tmpdir(), 'bootd-crowd-'));
  const port = await freePort();
  const configuration = join(folder, 'bootd.yaml');
  writeFileSync(join(folder, 'image'), '');
  // Sparse: a hole takes no room on disk, and as much memory as any other file.
  truncateSync(join(folder, 'image'), 2 ** 30);
  writeFileSync(
    configuration,
    `state-directory: ${folder}/state
log-level: warn
control: { socket: ${folder}/control.sock }
tftp: { root: ${folder}, listen: [127.0.0.1], port: ${port} }
`,
  );
  const daemon = BackgroundProcess.start('bootd', process.execPath, [
    PROGRAM,
    'serve',
    '--config',
    configuration,
    '-v',
  ]);
  try {
    await daemon.waitForLine(/TFTP is served on/, 30_000);
    const report = await run(
      process.execPath,
      ['--import', 'tsx', CROWD, String(port), 'image', String(clients), String(seconds)],
      { timeoutMs: (seconds + 120) * 1000 },
    );
    return {
      ...(JSON.parse(report) as Omit<CrowdResult, 'memoryMiB'>),
      memoryMiB: readVitals(daemon.pid).peakMiB,
    };
  } finally {
    await daemon.stop('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
