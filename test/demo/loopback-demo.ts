import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { PROGRAM } from './build.ts';

/** The machine of the application note: its Ironic node and its port. */
const NODE = 'cbe08678-b1be-4683-b8e6-bdc8515890ad';
const MAC = '0c:c4:7a:0e:2b:6b';

const START_TIMEOUT_MS = 30_000;
const COMMAND_TIMEOUT_MS = 40_000;
const STOP_TIMEOUT_MS = 10_000;

/** A `bootd serve --demo` of this demo. */
interface DemoDaemon {
  readonly process: ChildProcessWithoutNullStreams;
  readonly socket: string;
  readonly configFile: string;
  /** All that it has written so far. */
  output(): string;
}

/** A whole boot on loopback, BIOS and UEFI. Rejects with the daemon's log when anything does not work. */
export async function playOnLoopback(say: (line: string) => void): Promise<void> {
  const daemon = await startDaemon();
  try {
    say(`bootd serves on 127.0.0.1, its files are in ${dirname(daemon.configFile)}\n`);
    await bootd(daemon, say, [
      ...['node', 'set', NODE, '--name', 'bm1', '--mac', MAC],
      ...['--kernel', 'vmlinuz', '--ramdisk', 'initrd.img', '--append', 'console=ttyS0,115200'],
    ]);
    await bootd(daemon, say, ['node', 'show', 'bm1']);
    for (const firmware of ['bios', 'uefi-x64']) {
      await bootd(daemon, say, ['probe', '--config', daemon.configFile, '--mac', MAC, '--arch', firmware]);
    }
    await bootd(daemon, say, ['lease', 'list']);
    await stopDaemon(daemon);
  } catch (error) {
    daemon.process.kill('SIGKILL');
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${reason}\n\nWhat the daemon wrote:\n${daemon.output()}`, { cause: error });
  }
}

async function startDaemon(): Promise<DemoDaemon> {
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--demo']);
  let written = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (written += text));
  }
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    // Written once everything serves.
    const socket = /^ *export BOOTD_SOCKET=(.+)$/m.exec(written)?.[1];
    if (socket !== undefined) {
      return {
        process: child,
        socket,
        configFile: join(dirname(socket), 'bootd.yaml'),
        output: () => written,
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  throw new Error(`the daemon did not come up:\n${written}`);
}

/** Runs a subcommand and passes on what it prints; rejects unless it exits with 0. */
async function bootd(
  daemon: DemoDaemon,
  say: (line: string) => void,
  words: readonly string[],
): Promise<void> {
  say(`$ bootd ${words.join(' ')}`);
  const child = spawn(process.execPath, [PROGRAM, ...words], {
    env: { ...process.env, BOOTD_SOCKET: daemon.socket },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: COMMAND_TIMEOUT_MS,
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  say('');
  if (code !== 0)
    throw new Error(`bootd ${words[0] ?? ''} ended with ${signal ?? `exit code ${code ?? '?'}`}`);
}

/** Ends it as systemd does; it must end by itself, in time and well. */
async function stopDaemon({ process: child }: DemoDaemon): Promise<void> {
  const ended = once(child, 'exit') as Promise<[number | null]>;
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  const [code] = await ended;
  clearTimeout(late);
  if (code !== 0) throw new Error('the daemon did not end well after SIGTERM');
}
