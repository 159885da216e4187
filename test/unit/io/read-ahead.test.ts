import {
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  CHUNK_LENGTH_MAX,
  ReadAhead,
  type ChunkLayout,
  type ReadFailure,
  type SharedFile,
} from '../../../src/io/read-ahead.ts';

const CHUNK = 1000;
const PLAIN: ChunkLayout = { key: 'plain', chunkLength: CHUNK, arrange: () => undefined };
const content = Uint8Array.from({ length: 10_500 }, (_, index) => (index * 7) % 251);
let folder = '';
let path = '';

/** tmpfs cannot say what it has in memory, so that everything must be waited for there. */
const PLACES = [tmpdir(), ...(existsSync('/dev/shm') ? ['/dev/shm'] : [])];

function readAhead(chunks: number, beforeReuse = (): void => undefined): ReadAhead {
  return new ReadAhead({ memoryBytes: chunks * CHUNK_LENGTH_MAX, readsMax: 2, beforeReuse });
}

function openFile(pool: ReadAhead, identity = 'one', size = content.length): SharedFile {
  return pool.open(openSync(path, 'r'), size, identity, PLAIN);
}

function load(file: SharedFile, index: number): Promise<ReadFailure | undefined> {
  return new Promise((resolve) => file.load(index, resolve));
}

async function bytesOf(file: SharedFile, index: number): Promise<Uint8Array> {
  expect(await load(file, index)).toBeUndefined();
  const chunk = file.chunk(index);
  const length = Math.min(CHUNK, file.size - index * CHUNK);
  return chunk === undefined ? new Uint8Array() : Uint8Array.from(chunk.memory.bytes.subarray(0, length));
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

describe.each(PLACES)('reading ahead in %s', (place) => {
  beforeAll(() => {
    folder = mkdtempSync(join(place, 'read-ahead-'));
    path = join(folder, 'file');
    writeFileSync(path, content);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([2, 3, 20])('gives every chunk of a file, in any order, with room for %d', async (room) => {
    const file = openFile(readAhead(room));
    for (const index of [0, 1, 2, 10, 3, 0, 9, 5, 10, 4]) {
      expect(await bytesOf(file, index)).toEqual(content.slice(index * CHUNK, (index + 1) * CHUNK));
    }
    file.release();
  });

  it('arranges each chunk once, when it has been read whole', async () => {
    const arranged: string[] = [];
    const pool = readAhead(8);
    const layout: ChunkLayout = {
      key: 'backwards',
      chunkLength: CHUNK,
      arrange: (memory, index, length) => {
        arranged.push(`${index}: ${length}`);
        memory.subarray(0, length).reverse();
      },
    };
    const file = pool.open(openSync(path, 'r'), content.length, 'one', layout);
    const plain = openFile(pool);
    for (const index of [0, 10, 0, 3, 10]) {
      const octets = content.slice(index * CHUNK, (index + 1) * CHUNK);
      expect(await bytesOf(file, index)).toEqual(octets.toReversed());
      expect(await bytesOf(plain, index)).toEqual(octets);
    }
    expect(arranged).toEqual(['0: 1000', '10: 500', '3: 1000']);
    file.release();
    plain.release();
  });

  it('has a chunk without an octet behind a file of whole chunks', async () => {
    const arrange = vi.fn();
    const pool = readAhead(8);
    const file = pool.open(openSync(path, 'r'), 10 * CHUNK, 'whole', { ...PLAIN, key: 'whole', arrange });
    expect(await load(file, 10)).toBeUndefined();
    expect(file.chunk(10)).toBeDefined();
    expect(arrange).toHaveBeenCalledExactlyOnceWith(expect.anything(), 10, 0);
    file.release();
  });

  it('does not arrange what could not be read', async () => {
    const cut = join(folder, 'cut');
    writeFileSync(cut, content);
    const arrange = vi.fn();
    const file = readAhead(4).open(openSync(cut, 'r'), content.length, 'cut', { ...PLAIN, arrange });
    truncateSync(cut, 1500);
    expect(await load(file, 1)).toEqual({ kind: 'truncated' });
    expect(arrange).not.toHaveBeenCalled();
    file.release();
  });

  it('has a chunk at hand that was read ahead', async () => {
    const file = openFile(readAhead(8));
    await load(file, 2);
    file.prefetch(3);
    await vi.waitFor(() => expect(file.chunk(3)).toBeDefined());
    file.prefetch(11);
    file.release();
  });

  it('reads a chunk once for all who wait for it', async () => {
    const pool = readAhead(8);
    const one = openFile(pool);
    const fd = openSync(path, 'r');
    const two = pool.open(fd, content.length, 'one', PLAIN);
    expect(two).toBe(one);
    closeSync(fd);
    expect(await Promise.all([load(one, 0), load(two, 0), load(one, 0)])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    one.release();
    expect(isOpen(one.fd)).toBe(true);
    two.release();
    await vi.waitFor(() => expect(isOpen(one.fd)).toBe(false));
  });

  it('serves more waiters than it has memory', async () => {
    const pool = readAhead(2);
    const file = openFile(pool);
    const loaded = await Promise.all(Array.from({ length: 11 }, (_, index) => load(file, index)));
    expect(loaded.every((failure) => failure === undefined)).toBe(true);
    file.release();
  });

  it('asks for what is queued to be sent before it uses memory again', async () => {
    const beforeReuse = vi.fn();
    const file = openFile(readAhead(2, beforeReuse));
    await load(file, 0);
    await load(file, 1);
    expect(beforeReuse).not.toHaveBeenCalled();
    const kept = file.chunk(0);
    expect(kept?.isLoaded(file, 0)).toBe(true);
    await load(file, 2);
    await load(file, 3);
    expect(beforeReuse).toHaveBeenCalled();
    expect(kept?.isLoaded(file, 0)).toBe(false);
    file.release();
  });

  it('says when a file became shorter', async () => {
    const shorter = join(folder, 'shorter');
    writeFileSync(shorter, content);
    const pool = readAhead(4);
    const file = pool.open(openSync(shorter, 'r'), content.length, 'shorter', PLAIN);
    truncateSync(shorter, 1500);
    expect(await load(file, 0)).toBeUndefined();
    expect(await load(file, 1)).toEqual({ kind: 'truncated' });
    expect(await load(file, 7)).toEqual({ kind: 'truncated' });
    file.release();
  });

  it('says why a file cannot be read', async () => {
    const file = readAhead(4).open(openSync(folder, 'r'), 5000, 'folder', PLAIN);
    expect(await load(file, 0)).toEqual({ kind: 'failed', osCode: 'EISDIR' });
    file.release();
  });

  it('closes a file whose reading is under way once that has ended', async () => {
    const file = openFile(readAhead(4));
    for (const index of [0, 1, 2]) file.load(index, () => undefined);
    file.release();
    await vi.waitFor(() => expect(isOpen(file.fd)).toBe(false));
  });
});
