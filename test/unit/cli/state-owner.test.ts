import {
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { giveToStateOwner } from '../../../src/cli/state-owner.ts';

const [OWNER, IRONIC] = [65_534, 65_533];

let folder: string;
let state: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-state-owner-'));
  state = join(folder, 'state');
  mkdirSync(join(state, 'store/records'), { recursive: true });
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function ownersOf(...names: readonly string[]): readonly number[] {
  return names.map((name) => statSync(join(folder, name)).uid);
}

describe.runIf(process.getuid?.() === 0)('a state directory that root has worked in', () => {
  it('belongs to its owner, and nothing that links lead to does', async () => {
    for (const name of ['state/boots.jsonl', 'state/store/records/LOG', 'state/hosts', 'foreign']) {
      writeFileSync(join(folder, name), '');
    }
    mkdirSync(join(folder, 'foreign-folder'));
    writeFileSync(join(folder, 'foreign-folder/file'), '');
    symlinkSync(join(folder, 'foreign'), join(state, 'link-to-file'));
    symlinkSync(join(folder, 'foreign-folder'), join(state, 'link-to-folder'));
    linkSync(join(folder, 'foreign'), join(state, 'hard-link'));
    chownSync(state, OWNER, OWNER);
    chownSync(join(state, 'hosts'), IRONIC, IRONIC);

    await giveToStateOwner(state);

    const given = ['state/boots.jsonl', 'state/store', 'state/store/records', 'state/store/records/LOG'];
    expect(ownersOf(...given)).toEqual(given.map(() => OWNER));
    expect(ownersOf('state/hosts')).toEqual([IRONIC]);
    expect(ownersOf('foreign', 'foreign-folder', 'foreign-folder/file')).toEqual([0, 0, 0]);
  });

  it('stays as it is where root owns it, and need not be there', async () => {
    await giveToStateOwner(state);
    await giveToStateOwner(join(folder, 'nowhere'));
    expect(ownersOf('state', 'state/store')).toEqual([0, 0]);
  });
});
