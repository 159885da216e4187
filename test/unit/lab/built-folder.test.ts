import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtFolder } from '../../lab/built-folder.ts';

let name: string;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bootd-built-folder-'));
  name = basename(folder);
  await rm(folder, { recursive: true });
});

afterEach(async () => {
  await rm(join(tmpdir(), name), { recursive: true, force: true });
});

function filledWith(content: string): (folder: string) => Promise<void> {
  return async (folder) => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'content'), content);
    writeFileSync(join(dirname(folder), 'scrap'), '');
    await Promise.resolve();
  };
}

function namedLikeIt(): readonly string[] {
  return readdirSync(tmpdir()).filter((each) => each.startsWith(name));
}

describe('builtFolder', () => {
  it('fills a folder once, and leaves nothing beside it', async () => {
    const folder = await builtFolder(name, filledWith('first'));
    expect(folder).toBe(join(tmpdir(), name));
    expect(await builtFolder(name, filledWith('second'))).toBe(folder);
    expect(readFileSync(join(folder, 'content'), 'utf8')).toBe('first');
    expect(namedLikeIt()).toEqual([name]);
  });

  it('takes the folder of a run that was faster', async () => {
    const folder = await builtFolder(name, async (slower) => {
      await filledWith('slower')(slower);
      await builtFolder(name, filledWith('faster'));
    });
    expect(readFileSync(join(folder, 'content'), 'utf8')).toBe('faster');
    expect(namedLikeIt()).toEqual([name]);
  });

  it('leaves nothing when it could not be filled', async () => {
    const failing = builtFolder(name, async (folder) => {
      await filledWith('half')(folder);
      throw new Error('no mirror answers');
    });
    await expect(failing).rejects.toThrow('no mirror answers');
    expect(namedLikeIt()).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)("does not use another user's folder of this name", async () => {
    const folder = join(tmpdir(), name);
    mkdirSync(folder);
    chownSync(folder, 65534, 65534);
    await expect(builtFolder(name, filledWith('ours'))).rejects.toThrow(`${folder} belongs to another user`);
    expect(existsSync(join(folder, 'content'))).toBe(false);
  });
});
