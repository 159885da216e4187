import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { needs } from '../lab/needs.ts';
import { run } from '../lab/processes.ts';

const WRITER = fileURLToPath(new URL('./io-disk-full-process.ts', import.meta.url));

const able = needs('namespaces');
let scratch: string;

beforeAll(() => {
  if (able) scratch = mkdtempSync(join(tmpdir(), 'bootd-disk-full-'));
});

afterAll(() => {
  if (able) rmSync(scratch, { recursive: true });
});

/** A mount namespace of its own: the small file system ends with the process, whatever happens. */
async function onSmallDisk(megabytes: number): Promise<unknown> {
  const script = `mount -t tmpfs -o size=${megabytes}m small "$1" && exec "$2" --import tsx "$3" "$1"`;
  const args = ['--mount', 'sh', '-euc', script, 'small', scratch, process.execPath, WRITER];
  return JSON.parse(await run('unshare', args));
}

test('a full disk means refusals and failing health; with room again the store heals by itself and lost nothing', async () => {
  const result = await onSmallDisk(32);
  expect(result).toMatchObject({
    code: 'failing',
    message: expect.stringContaining('No space left on device') as string,
    stillRefused: true,
    healthWhileFull: 'failing',
    healthAfterwards: 'working',
    healthChanges: ['failing', 'working'],
    missing: 0,
    report: [],
  });
  const { beforeFull, acknowledged } = result as { beforeFull: number; acknowledged: number };
  expect(beforeFull).toBeGreaterThan(500);
  expect(acknowledged).toBe(beforeFull + 3000);
});
