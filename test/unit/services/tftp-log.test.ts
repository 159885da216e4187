import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fetchFile, openHandClient, option, startTftp, type RunningTftp } from './tftp-harness.ts';

const running: RunningTftp[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((tftp) => tftp.stop()));
});

/** A service with the map-file of a folder that it makes itself, after one granted and one missing file. */
async function logOf(verbosity: number | undefined, logLevel: string): Promise<string[]> {
  let mapFile = '';
  const folder = await startTftp({
    prepare: (root) => {
      mapFile = join(root, 'map-file');
      writeFileSync(mapFile, 're ^/boot/ /\n');
      writeFileSync(join(root, 'loader'), 'loader');
    },
  });
  const tftp = await startTftp({
    settings: { root: folder.root, mapFile },
    logLevel,
    ...(verbosity !== undefined && { verbosity }),
  });
  running.push(tftp, folder);
  await fetchFile(tftp.port, '/boot/loader');
  await expect(fetchFile(tftp.port, '/missing')).rejects.toThrow('File not found');
  await vi.waitFor(() => expect(tftp.events).toHaveLength(2));
  return tftp.log
    .filter(({ event }) => String(event).startsWith('tftp.request'))
    .map(({ message }) => String(message));
}

const REQUEST = 'RRQ from 127.0.0.1 filename /boot/loader remapped to /loader';
const SECOND_REQUEST = 'RRQ from 127.0.0.1 filename /missing';
const REFUSAL = 'sending NAK (1, File not found) to 127.0.0.1';
const STEPS = ['remap: input: /boot/loader', 'remap: rule 0: rewrite: /loader', 'remap: rule 0: exit'];
const SECOND_STEPS = ['remap: input: /missing', 'remap: done'];

describe("in.tftpd's lines", () => {
  it.each([
    ['-v', 1, [REQUEST, SECOND_REQUEST]],
    ['-vv', 2, [REQUEST, SECOND_REQUEST, REFUSAL]],
    ['-vvv', 3, [...STEPS, REQUEST, ...SECOND_STEPS, SECOND_REQUEST, REFUSAL]],
    ['-vvvvv', 5, [...STEPS, REQUEST, ...SECOND_STEPS, SECOND_REQUEST, REFUSAL]],
    ['no -v', undefined, [REQUEST, SECOND_REQUEST, REFUSAL]],
  ])('at %s and the default level', async (_title, verbosity, lines) => {
    expect(await logOf(verbosity, 'info')).toEqual(lines);
  });

  it('are there with -v where the rest of the log is quieter, and only then', async () => {
    expect(await logOf(2, 'warn')).toEqual([REQUEST, SECOND_REQUEST, REFUSAL]);
    expect(await logOf(0, 'warn')).toEqual([]);
  });

  it('come all at level debug', async () => {
    expect(await logOf(1, 'debug')).toEqual([...STEPS, REQUEST, ...SECOND_STEPS, SECOND_REQUEST, REFUSAL]);
  });
});

describe('observers', () => {
  it('are told once of a transfer whose request came twice', async () => {
    const tftp = await startTftp({
      prepare: (root) => writeFileSync(join(root, 'loader'), 'x'.repeat(2000)),
    });
    running.push(tftp);
    const client = await openHandClient(tftp.port);
    client.request('loader', [option('blksize', 1408)]);
    await client.next();
    client.request('loader', [option('blksize', 1408)]);
    await client.next();
    for (const block of [0, 1, 2]) {
      await client.acknowledge(block);
      if (block < 2) await client.next();
    }
    await vi.waitFor(() => expect(tftp.events).toHaveLength(1));
    client.close();
    expect(tftp.starts).toHaveLength(1);
    expect(tftp.starts).toMatchObject([
      {
        kind: 'started',
        grant: {
          requested: 'loader',
          mapped: 'loader',
          path: 'loader',
          source: 'disk',
          size: 2000,
          blockSize: 1408,
          windowSize: 1,
        },
      },
    ]);
    expect(tftp.starts[0]?.grant.modifiedAt).toBeCloseTo(Date.now(), -5);
    expect(tftp.events).toMatchObject([
      {
        kind: 'served',
        grant: { id: tftp.starts[0]?.grant.id },
        result: 'done',
        bytes: 2000,
        error: undefined,
      },
    ]);
  });

  it('are told which ERROR ended a transfer', async () => {
    const tftp = await startTftp({
      prepare: (root) => writeFileSync(join(root, 'loader'), 'x'.repeat(2000)),
    });
    running.push(tftp);
    const client = await openHandClient(tftp.port);
    client.request('loader', [option('blksize', 1408)]);
    await client.next();
    await client.acknowledge(0);
    await client.next();
    await tftp.service.stop();
    client.close();
    expect(tftp.events).toMatchObject([
      {
        result: 'stopped',
        error: { from: 'server', code: 0, message: 'Server is shutting down' },
        detail: undefined,
      },
    ]);
  });
});
