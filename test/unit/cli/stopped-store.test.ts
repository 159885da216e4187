import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storePath, withStoppedStore } from '../../../src/cli/stopped-store.ts';

const OWNER = 65_534;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-stopped-store-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.runIf(process.getuid?.() === 0)('a store that root works on', () => {
  let state: string;
  let foreign: string;

  beforeEach(() => {
    chmodSync(folder, 0o755);
    state = join(folder, 'state');
    foreign = join(folder, 'foreign');
    mkdirSync(storePath(state), { recursive: true, mode: 0o700 });
    mkdirSync(foreign);
    for (const path of [state, storePath(state)]) chownSync(path, OWNER, OWNER);
  });

  it('belongs to the owner of the state directory', async () => {
    await withStoppedStore(state, () => Promise.resolve());

    const made = ['FORMAT', 'FLUSHES', 'records', 'records/CURRENT'];
    expect(made.map((name) => statSync(join(storePath(state), name)).uid)).toEqual(made.map(() => OWNER));
  });

  it('lets its owner write nothing with the rights of root: neither by a link to a file', async () => {
    const victim = join(foreign, 'victim');
    writeFileSync(victim, 'as it was');
    symlinkSync(victim, join(storePath(state), 'FORMAT.new'));

    await withStoppedStore(state, () => Promise.resolve()).catch(() => undefined);

    expect(readFileSync(victim, 'utf8')).toBe('as it was');
    expect(statSync(victim).uid).toBe(0);
  });

  it('... nor by a link to a folder', async () => {
    symlinkSync(foreign, join(storePath(state), 'records'));
    writeFileSync(join(storePath(state), 'FORMAT'), 'ironic-bootd store, format 1\n');

    await expect(withStoppedStore(state, () => Promise.resolve())).rejects.toThrow(/foreign|records/);

    expect(readdirSync(foreign)).toEqual([]);
  });

  it('leaves the process what it was', async () => {
    const before = [process.geteuid?.(), process.getegid?.(), process.getgroups?.()];

    await withStoppedStore(state, () => Promise.reject(new Error('of the work'))).catch(() => undefined);

    expect([process.geteuid?.(), process.getegid?.(), process.getgroups?.()]).toEqual(before);
  });
});
