import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchFile } from '../../../src/services/file-watch.ts';
import type { FolderWatch } from '../../../src/services/folder-watch.ts';

const LOOKS_MAX = 1000;
const LOOK_INTERVAL_MS = 20;

let scratch: string;
/** What stood in the file each time that a change was told; undefined: there was none. */
let told: (string | undefined)[];
let watch: FolderWatch | undefined;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'bootd-file-watch-'));
  told = [];
});

afterEach(async () => {
  await watch?.stop();
  watch = undefined;
  rmSync(scratch, { recursive: true });
});

function at(...names: readonly string[]): string {
  return join(scratch, ...names);
}

/** A folder with a file of this text, and maybe a file beside it. */
function release(name: string, text: string): void {
  mkdirSync(at(name));
  writeFileSync(at(name, 'bootd.yaml'), text);
}

/** `ln -sfn`: the new link takes the name of the old one in one step. */
function link(target: string, name: string): void {
  symlinkSync(target, at(`${name}.new`));
  renameSync(at(`${name}.new`), at(name));
}

async function follow(file: string): Promise<void> {
  const changed = (): void => {
    try {
      told.push(readFileSync(file, 'utf8'));
    } catch {
      told.push(undefined);
    }
  };
  watch = await watchFile(file, { changed, failed: () => undefined }, { lookEveryMs: 100 });
}

/** Counts looks, not time: a machine that stands still for a while is given its looks all the same. */
async function hears(text: string | undefined): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    if (told.length > 0 && told.at(-1) === text) return;
    await sleep(LOOK_INTERVAL_MS);
  }
  expect(told).toEqual([text]);
}

/** Twice, since the first change may move what is watched. */
async function hearsBoth(first: () => void, second: () => void): Promise<void> {
  first();
  await hears('two');
  second();
  await hears('three');
}

describe('a file in a folder of its own', () => {
  beforeEach(async () => {
    release('etc', 'one');
    await follow(at('etc', 'bootd.yaml'));
  });

  const file = (): string => at('etc', 'bootd.yaml');

  function replace(text: string): void {
    writeFileSync(`${file()}.tmp`, text);
    renameSync(`${file()}.tmp`, file());
  }

  it('is heard of when it is written to', () =>
    hearsBoth(
      () => writeFileSync(file(), 'two'),
      () => writeFileSync(file(), 'three'),
    ));

  it('is heard of when another one takes its name, as editors do it', () =>
    hearsBoth(
      () => replace('two'),
      () => replace('three'),
    ));

  it('is heard of when the old one is moved aside before', () =>
    hearsBoth(
      () => {
        renameSync(file(), `${file()}~`);
        writeFileSync(file(), 'two');
      },
      () => {
        renameSync(file(), `${file()}~`);
        writeFileSync(file(), 'three');
      },
    ));

  it('is heard of when it is gone, and when it is back', async () => {
    rmSync(file());
    await hears(undefined);
    writeFileSync(file(), 'two');
    await hears('two');
    replace('three');
    await hears('three');
  });

  it('that is gone for a moment is read once, when it is back', async () => {
    rmSync(file());
    writeFileSync(file(), 'two');
    await hears('two');
    expect(told).toEqual(['two']);
  });

  it('is not heard of when something else in its folder changes', async () => {
    writeFileSync(at('etc', 'map-file'), 'r a b\n');
    replace('two');
    await hears('two');
    expect(told).toEqual(['two']);
  });
});

describe('a file that is reached over links', () => {
  beforeEach(() => {
    release('v1', 'one');
    release('v2', 'two');
    release('v3', 'three');
  });

  it('is followed when the link of its folder is swapped', async () => {
    link('v1', 'current');
    await follow(at('current', 'bootd.yaml'));
    await hearsBoth(
      () => link('v2', 'current'),
      () => link('v3', 'current'),
    );
  });

  it('is followed when the link is of a folder above', async () => {
    for (const [name, text] of [
      ['r1', 'one'],
      ['r2', 'two'],
      ['r3', 'three'],
    ] as const) {
      mkdirSync(at(name, 'etc'), { recursive: true });
      writeFileSync(at(name, 'etc', 'bootd.yaml'), text);
    }
    link('r1', 'current');
    await follow(at('current', 'etc', 'bootd.yaml'));
    await hearsBoth(
      () => link('r2', 'current'),
      () => link('r3', 'current'),
    );
  });

  it('is followed when the file itself is a link that is swapped', async () => {
    mkdirSync(at('etc'));
    link(at('v1', 'bootd.yaml'), 'etc/bootd.yaml');
    await follow(at('etc', 'bootd.yaml'));
    await hearsBoth(
      () => link(at('v2', 'bootd.yaml'), 'etc/bootd.yaml'),
      () => link(at('v3', 'bootd.yaml'), 'etc/bootd.yaml'),
    );
  });

  it('is followed when the link is taken away and made again', async () => {
    mkdirSync(at('etc'));
    link(at('v1', 'bootd.yaml'), 'etc/bootd.yaml');
    await follow(at('etc', 'bootd.yaml'));
    rmSync(at('etc', 'bootd.yaml'));
    symlinkSync(at('v2', 'bootd.yaml'), at('etc', 'bootd.yaml'));
    await hears('two');
  });

  it('is followed when the file that the link leads to is replaced where it lies', async () => {
    mkdirSync(at('etc'));
    link(at('v1', 'bootd.yaml'), 'etc/bootd.yaml');
    await follow(at('etc', 'bootd.yaml'));
    await hearsBoth(
      () => renameSync(at('v2', 'bootd.yaml'), at('v1', 'bootd.yaml')),
      () => renameSync(at('v3', 'bootd.yaml'), at('v1', 'bootd.yaml')),
    );
  });

  it('is followed when the file that the link leads to is written to', async () => {
    mkdirSync(at('etc'));
    link(at('v1', 'bootd.yaml'), 'etc/bootd.yaml');
    await follow(at('etc', 'bootd.yaml'));
    await hearsBoth(
      () => writeFileSync(at('v1', 'bootd.yaml'), 'two'),
      () => writeFileSync(at('v1', 'bootd.yaml'), 'three'),
    );
  });

  it('is followed as Kubernetes mounts a ConfigMap: a link to a link that is swapped', async () => {
    mkdirSync(at('etc'));
    link('../v1', 'etc/..data');
    link('..data/bootd.yaml', 'etc/bootd.yaml');
    await follow(at('etc', 'bootd.yaml'));
    await hearsBoth(
      () => link('../v2', 'etc/..data'),
      () => link('../v3', 'etc/..data'),
    );
  });

  it('is followed when it is a link into a folder whose link is swapped, and is watched there', async () => {
    link('v1', 'current');
    mkdirSync(at('etc'));
    link('../current/bootd.yaml', 'etc/bootd.yaml');
    await follow(at('etc', 'bootd.yaml'));
    await hearsBoth(
      () => link('v2', 'current'),
      () => link('v3', 'current'),
    );
    writeFileSync(at('v3', 'bootd.yaml'), 'four');
    await hears('four');
  });

  it('is followed when the link leads nowhere for a while', async () => {
    link('v1', 'current');
    mkdirSync(at('etc'));
    link('../current/bootd.yaml', 'etc/bootd.yaml');
    await follow(at('etc', 'bootd.yaml'));
    renameSync(at('current'), at('away'));
    await hears(undefined);
    link('v2', 'current');
    await hears('two');
  });

  it('is followed though both files have the same size and time, as a reproducible build makes them', async () => {
    for (const name of ['v1', 'v2']) {
      writeFileSync(at(name, 'bootd.yaml'), name);
      utimesSync(at(name, 'bootd.yaml'), 1_700_000_000, 1_700_000_000);
    }
    mkdirSync(at('etc'));
    link(at('v1', 'bootd.yaml'), 'etc/bootd.yaml');
    await follow(at('etc', 'bootd.yaml'));
    link(at('v2', 'bootd.yaml'), 'etc/bootd.yaml');
    await hears('v2');
  });
});
