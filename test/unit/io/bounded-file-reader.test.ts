import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BoundedFileReader } from '../../../src/io/bounded-file-reader.ts';
import { allocatePinned } from '../../../src/io/memory-pool.ts';

const CONTENT = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
let folder: string;
let fd: number;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-reader-'));
  writeFileSync(join(folder, 'file'), CONTENT);
  fd = openSync(join(folder, 'file'), 'r');
});

afterAll(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

/** All octets from `start` on, in pieces. */
async function readAll(reader: BoundedFileReader, file: number, start: number): Promise<Buffer> {
  const memory = allocatePinned(4096);
  const pieces: Buffer[] = [];
  for (let position = start; ;) {
    const count = await reader.read(file, memory, 4096, position);
    if (count === 0) return Buffer.concat(pieces);
    pieces.push(Buffer.from(memory.bytes.subarray(0, count)));
    position += count;
  }
}

describe('BoundedFileReader', () => {
  it('reads many parts at once, few at a time, and each whole', async () => {
    const reader = new BoundedFileReader(1);
    const starts = Array.from({ length: 20 }, (_, index) => index * 4999);
    const all = await Promise.all(starts.map((start) => readAll(reader, fd, start)));
    expect(all.every((octets, index) => octets.equals(CONTENT.subarray(starts[index])))).toBe(true);
  });

  it('reads nothing behind the end', async () => {
    expect(await new BoundedFileReader(1).read(fd, allocatePinned(10), 10, 100_000)).toBe(0);
  });

  it('says what the operating system says, and goes on with the next', async () => {
    const reader = new BoundedFileReader(1);
    const directory = openSync(folder, 'r');
    const memory = allocatePinned(10);
    const failures = await Promise.allSettled([1, 2, 3].map(() => reader.read(directory, memory, 10, 0)));
    closeSync(directory);
    expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await expect(reader.read(fd, memory, 10, 0)).resolves.toBe(10);
  });
});
