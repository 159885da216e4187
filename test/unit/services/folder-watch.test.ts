import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  watchFolders,
  type FolderWatch,
  type FolderWatchOptions,
} from '../../../src/services/folder-watch.ts';

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

async function start(options: FolderWatchOptions = {}): Promise<void> {
  const listener = { changed: (path: string) => changed.push(path), failed: () => undefined };
  watch = await watchFolders([folder], listener, { lookEveryMs: 100, ...options });
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

/** `ln -sfn`: the new link takes the name of the old one in one step. */
function link(target: string, path: string): void {
  symlinkSync(target, `${path}.new`);
  renameSync(`${path}.new`, path);
}

describe('over links', () => {
  const names = ['v1', 'v2', 'v3'] as const;

  beforeEach(() => {
    for (const name of names) {
      mkdirSync(join(scratch, name));
      writeFileSync(join(scratch, name, 'file'), name);
    }
  });

  it('follows a folder that is a link, each time that it is swapped', async () => {
    rmSync(folder, { recursive: true });
    link('v1', folder);
    await start();
    for (const name of ['v2', 'v3']) {
      changed.length = 0;
      link(name, folder);
      await vi.waitFor(() => expect(changed).toContain(folder), PATIENCE);
    }
    await noticesChanges();
  });

  it('follows a file to where a link further on leads, each time that it is swapped', async () => {
    link('v1', join(scratch, 'current'));
    link('../current/file', join(folder, 'file'));
    put('plain');
    await start();
    for (const name of ['v2', 'v3']) {
      changed.length = 0;
      link(name, join(scratch, 'current'));
      await vi.waitFor(() => expect(changed).toContain(join(folder, 'file')), PATIENCE);
    }
    expect(changed).not.toContain(join(folder, 'plain'));
    changed.length = 0;
    writeFileSync(join(scratch, 'v3', 'file'), 'other');
    await vi.waitFor(() => expect(changed).toContain(join(folder, 'file')), PATIENCE);
  });

  it.each([undefined, 'file'])('tells once of a link that is swapped itself (only: %s)', async (only) => {
    link('../v1/file', join(folder, 'file'));
    // So far apart that what the kernel tells and what a look finds are two things.
    await start({ lookEveryMs: 600, ...(only !== undefined && { only: join(folder, only) }) });
    for (const name of ['v2', 'v3']) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      changed.length = 0;
      link(`../${name}/file`, join(folder, 'file'));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(changed).toEqual([join(folder, 'file')]);
    }
    changed.length = 0;
    writeFileSync(join(scratch, 'v3', 'file'), 'other');
    await vi.waitFor(() => expect(changed).toContain(join(folder, 'file')), PATIENCE);
  });

  it('tells once of a folder that is a link and is swapped', async () => {
    rmSync(folder, { recursive: true });
    link('v1', folder);
    await start({ lookEveryMs: 300 });
    link('v2', folder);
    await vi.waitFor(() => expect(changed).toContain(folder), PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(changed).toEqual([folder]);
  });

  it('follows a link that was made while it watched', async () => {
    link('v1', join(scratch, 'current'));
    await start();
    link('../current/file', join(folder, 'file'));
    await vi.waitFor(() => expect(changed).toContain(join(folder, 'file')), PATIENCE);
    // Looked at once, so that it is known where it led.
    await new Promise((resolve) => setTimeout(resolve, 300));
    changed.length = 0;
    link('v2', join(scratch, 'current'));
    await vi.waitFor(() => expect(changed).toContain(join(folder, 'file')), PATIENCE);
  });

  it('is still while nothing changes', async () => {
    link('../v1/file', join(folder, 'file'));
    link('../nowhere', join(folder, 'broken'));
    await start();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(changed).toEqual([]);
  });
});
