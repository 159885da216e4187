import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchFolders, type FolderWatch } from '../../../src/services/folder-watch.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };

let scratch: string;
let folder: string;
let changed: string[];
let watch: FolderWatch | undefined;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'bootd-watch-'));
  folder = join(scratch, 'watched');
  mkdirSync(folder);
  changed = [];
});

afterEach(async () => {
  await watch?.stop();
  watch = undefined;
  rmSync(scratch, { recursive: true });
});

async function start(): Promise<void> {
  const listener = { changed: (path: string) => changed.push(path), failed: () => undefined };
  watch = await watchFolders([folder], listener, { lookEveryMs: 100 });
}

function put(name: string, text = 'x'): void {
  writeFileSync(join(folder, name), text);
}

/** Whether a change of a file is noticed, however often it takes to be written. */
async function noticesChanges(): Promise<void> {
  let count = 0;
  await vi.waitFor(() => {
    count += 1;
    put('file', String(count));
    expect(changed).toContain(join(folder, 'file'));
  }, PATIENCE);
}

it('tells of a file that is made, written to and removed', async () => {
  await start();
  put('file');
  await vi.waitFor(() => expect(changed).toContain(join(folder, 'file')), PATIENCE);
});

it('follows a folder that is removed and made again', async () => {
  await start();
  rmSync(folder, { recursive: true });
  await vi.waitFor(() => expect(changed).toContain(folder), PATIENCE);
  changed.length = 0;
  mkdirSync(folder);
  await vi.waitFor(() => expect(changed).toContain(folder), PATIENCE);
  await noticesChanges();
});

it('follows a folder that is moved away and back at once', async () => {
  await start();
  renameSync(folder, `${folder}-away`);
  renameSync(`${folder}-away`, folder);
  await noticesChanges();
});

it('follows a folder that is exchanged for another one', async () => {
  mkdirSync(`${folder}-next`);
  await start();
  renameSync(folder, `${folder}-old`);
  renameSync(`${folder}-next`, folder);
  await vi.waitFor(() => expect(changed).toContain(folder), PATIENCE);
  await noticesChanges();
});

it('waits for a folder that is not there yet', async () => {
  rmSync(folder, { recursive: true });
  await start();
  mkdirSync(folder);
  await vi.waitFor(() => expect(changed).toContain(folder), PATIENCE);
  await noticesChanges();
});
