import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkerDataPlane } from '../../src/services/tftp-data-plane-link.ts';
import { run } from '../lab/processes.ts';
import { findProgram } from '../lab/tools.ts';
import { startTftp, type RunningTftp } from '../unit/services/tftp-harness.ts';

/** Programs that people have, against the service on a high port of 127.0.0.1: no rights are needed. */
interface Client {
  readonly name: string;
  readonly program: string;
  /** Files that it gets from no server. */
  readonly fails?: readonly string[];
  /** Fetches a file and says what the client said; rejects when it failed. */
  readonly fetch: (program: string, port: number, name: string, to: string) => Promise<string>;
}

const CLIENTS: readonly Client[] = [
  {
    name: 'tftp-hpa',
    program: 'tftp',
    fetch: (program, port, name, to) =>
      run(program, ['-m', 'binary', '127.0.0.1', String(port), '-c', 'get', name, to]),
  },
  {
    name: 'tftp-hpa in netascii',
    program: 'tftp',
    fetch: (program, port, name, to) =>
      run(program, ['-m', 'ascii', '127.0.0.1', String(port), '-c', 'get', name, to]),
  },
  ...[512, 1428, 65_464].map((blockSize) => ({
    name: `busybox with blocks of ${blockSize}`,
    program: 'busybox',
    fetch: (program: string, port: number, name: string, to: string) =>
      run(program, ['tftp', '-b', String(blockSize), '-g', '-r', name, '-l', to, '127.0.0.1', String(port)]),
  })),
  ...[[], ['--tftp-blksize', '8192'], ['--tftp-no-options']].map((options) => ({
    name: `curl ${options.join(' ')}`.trim(),
    program: 'curl',
    // curl 7.88 asks for the peer of a socket that it has not connected, in.tftpd's answer or ours.
    fails: options.includes('--tftp-no-options') ? [] : ['empty'],
    fetch: (program: string, port: number, name: string, to: string) =>
      run(program, ['-sS', ...options, '-o', to, `tftp://127.0.0.1:${port}/${name}`]),
  })),
];

const FILES: readonly [string, Buffer][] = [
  ['pxelinux.cfg/default', Buffer.from('default deploy\nlabel deploy\n\tkernel k\r\n')],
  ['empty', Buffer.alloc(0)],
  ['even', randomBytes(512 * 4)],
  ['kernel', randomBytes(3_000_001)],
];

const folder = mkdtempSync(join(tmpdir(), 'tftp-clients-'));
let tftp: RunningTftp;

beforeAll(async () => {
  tftp = await startTftp({
    openDataPlane: openWorkerDataPlane,
    prepare: (root) => {
      mkdirSync(join(root, 'pxelinux.cfg'));
      for (const [name, bytes] of FILES) writeFileSync(join(root, name), bytes);
      // One more than the block numbers hold, at 512 octets.
      writeFileSync(join(root, 'ramdisk'), Buffer.alloc(512 * 65_536 + 7, 'ramdisk'));
    },
  });
});

afterAll(async () => {
  await tftp.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(CLIENTS)('$name', ({ name: clientName, program: programName, fails = [], fetch }) => {
  const program = findProgram(programName) ?? '';

  it.skipIf(program === '').each(FILES.filter(([name]) => !fails.includes(name)))(
    'fetches %s',
    async (name, bytes) => {
      const to = join(folder, 'fetched');
      rmSync(to, { force: true });
      await fetch(program, tftp.port, name, to);
      // Netascii comes back as it was where the client converts it, and is checked where it can be told apart.
      expect(readFileSync(to).equals(bytes), `${clientName} ${name}`).toBe(true);
    },
  );

  it.skipIf(program === '')('is told that a file is not there', async () => {
    const said = await fetch(program, tftp.port, 'missing', join(folder, 'missing')).catch((error: unknown) =>
      String(error),
    );
    // curl has an exit status for it, and not always the words.
    expect(said.toLowerCase()).toMatch(/not found|ended with status 68/);
  });
});

describe('files of more than 65,535 blocks', () => {
  it.skipIf(findProgram('busybox') === undefined)('reach busybox', async () => {
    const to = join(folder, 'ramdisk');
    const program = findProgram('busybox') ?? '';
    await run(program, [
      'tftp',
      '-b',
      '512',
      '-g',
      '-r',
      'ramdisk',
      '-l',
      to,
      '127.0.0.1',
      String(tftp.port),
    ]);
    expect(readFileSync(to).equals(readFileSync(join(tftp.root, 'ramdisk')))).toBe(true);
  });

  it.skipIf(findProgram('tftp') === undefined)('reach tftp-hpa', async () => {
    const to = join(folder, 'ramdisk');
    await run(findProgram('tftp') ?? '', [
      '-m',
      'binary',
      '127.0.0.1',
      String(tftp.port),
      '-c',
      'get',
      'ramdisk',
      to,
    ]);
    expect(readFileSync(to).equals(readFileSync(join(tftp.root, 'ramdisk')))).toBe(true);
  });
});

describe('tftp2 of npm', () => {
  it('fetches a file', async () => {
    type Connect = (
      host: string,
      port: number,
    ) => { read(name: string, push: (data: Buffer) => void, done: () => void): Promise<void>; close(): void };
    const connect = createRequire(import.meta.url)('tftp2') as Connect;
    const client = connect('127.0.0.1', tftp.port);
    const blocks: Buffer[] = [];
    await client.read(
      'even',
      (data) => blocks.push(Buffer.from(data)),
      () => undefined,
    );
    client.close();
    expect(Buffer.concat(blocks).equals(FILES[2]?.[1] ?? Buffer.alloc(0))).toBe(true);
  });
});
