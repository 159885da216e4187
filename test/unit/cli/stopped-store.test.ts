import { chownSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
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

describe('a store that root has worked on', () => {
  it.runIf(process.getuid?.() === 0)(
    'belongs to the owner of the state directory, and not what a link in it leads to',
    async () => {
      const foreign = join(folder, 'foreign');
      const state = join(folder, 'state');
      writeFileSync(foreign, '');
      await withStoppedStore(state, () => Promise.resolve());
      chownSync(state, OWNER, OWNER);
      symlinkSync(foreign, join(storePath(state), 'link'));

      await withStoppedStore(state, () => Promise.resolve());

      expect(statSync(join(storePath(state), 'FORMAT')).uid).toBe(OWNER);
      expect(statSync(foreign).uid).toBe(0);
    },
  );
});
