import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLevelStore, type OpenedStore } from '../../../src/store/level-store.ts';
import { StoreError, type RecordStore } from '../../../src/store/store.ts';

const WRITER = fileURLToPath(new URL('./writer-process.ts', import.meta.url));

let scratch: string;
let folder: string;
const opened: OpenedStore[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'bootd-store-'));
  folder = join(scratch, 'store');
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const { store } of opened.splice(0)) await store.close();
  rmSync(scratch, { recursive: true, force: true });
});

async function open(): Promise<OpenedStore> {
  const result = await openLevelStore(folder);
  opened.push(result);
  return result;
}

async function fill(count: number): Promise<void> {
  const { store } = await openLevelStore(folder);
  for (let number = 0; number < count; number += 1) await store.commit([put(number)]);
  await store.close();
}

function put(number: number): { kind: 'put'; key: string; value: Uint8Array } {
  const key = `lease/${String(number).padStart(6, '0')}`;
  return { kind: 'put', key, value: new TextEncoder().encode(`value of ${number} `.repeat(20)) };
}

async function keysOf(store: RecordStore, prefix = 'lease/'): Promise<string[]> {
  const keys: string[] = [];
  for await (const [key] of store.load(prefix)) keys.push(key);
  return keys;
}

async function refusal(): Promise<StoreError> {
  const error: unknown = await open().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StoreError) return error;
  throw new Error(`opening did not fail with StoreError: ${String(error)}`);
}

/** Every file below a folder with its content, but for LevelDB's own log of what it does. */
function contents(path: string): Map<string, string> {
  const files = readdirSync(path, { recursive: true, withFileTypes: true });
  return new Map(
    files
      .filter((file) => file.isFile() && !file.name.startsWith('LOG'))
      .map((file) => {
        const name = join(file.parentPath, file.name);
        return [name, readFileSync(name, 'base64')];
      }),
  );
}

function fileOf(ending: string): string {
  const names = readdirSync(join(folder, 'records')).filter((name) => name.endsWith(ending));
  return join(folder, 'records', names.sort().at(-1)!);
}

function overwrite(file: string, offset: number, length: number): void {
  const bytes = readFileSync(file);
  bytes.fill(0x5a, offset, offset + length);
  writeFileSync(file, bytes);
}

describe('an ordinary store', () => {
  it('is made where there is none, for nobody else to read, and gives back what was committed', async () => {
    const first = await open();
    expect(first.report).toEqual([]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    await first.store.commit([put(2), put(1), { kind: 'put', key: 'node/a', value: Uint8Array.of(7) }]);
    await first.store.commit([{ kind: 'delete', key: put(2).key }, put(3)]);
    await first.store.close();

    const second = await open();
    expect(second.report).toEqual([]);
    expect(await keysOf(second.store)).toEqual([put(1).key, put(3).key]);
    const values: Uint8Array[] = [];
    for await (const [, value] of second.store.load('node/')) values.push(value);
    expect(values).toEqual([Uint8Array.of(7)]);
  });

  it('is closed to other users where somebody opened it, and says so', async () => {
    await (await open()).store.close();
    chmodSync(folder, 0o755);
    const second = await open();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(second.report).toEqual([
      `${folder} was open to other users of this host (mode 0755), and holds passwords of BMCs; it is closed to them now`,
    ]);
  });

  it('hands out exactly one table, whatever its neighbours are called', async () => {
    const { store } = await open();
    const keys = ['lease', 'lease-old/1', 'lease/', 'lease/1', 'lease/ü', 'lease/🖥', 'lease0', 'node/1'];
    await store.commit(keys.map((key) => ({ kind: 'put', key, value: new Uint8Array(1) })));
    expect(await keysOf(store, 'lease/')).toEqual(['lease/', 'lease/1', 'lease/ü', 'lease/🖥']);
  });

  it('lets the last of several changes of one key win, in one commit and across commits of one flush', async () => {
    const { store } = await open();
    const value = (octet: number): Uint8Array => Uint8Array.of(octet);
    await Promise.all([
      store.commit([
        { kind: 'put', key: 'lease/a', value: value(1) },
        { kind: 'put', key: 'lease/a', value: value(2) },
      ]),
      store.commit([{ kind: 'delete', key: 'lease/a' }]),
      store.commit([{ kind: 'put', key: 'lease/a', value: value(3) }]),
    ]);
    const values: Uint8Array[] = [];
    for await (const [, stored] of store.load('lease/')) values.push(stored);
    expect(values).toEqual([value(3)]);
  });

  it('tells of each flush, and shares it between commits of one turn', async () => {
    const flushes: number[] = [];
    const result = await openLevelStore(folder, {
      listener: { flushed: (_ms, changes) => flushes.push(changes) },
    });
    opened.push(result);
    await Promise.all([1, 2, 3].map((number) => result.store.commit([put(number)])));
    expect(flushes).toEqual([3]);
    expect(result.store.health()).toEqual({ kind: 'working' });
  });

  it('finishes what is waiting when it is closed, and refuses what comes later', async () => {
    const { store } = await open();
    const commits = [1, 2, 3].map((number) => store.commit([put(number)]));
    await store.close();
    await Promise.all(commits);
    await expect(store.commit([put(4)])).rejects.toMatchObject({ name: 'StoreError', code: 'closed' });
    expect(await keysOf((await open()).store)).toHaveLength(3);
  });
});

describe('a folder that must not be touched', () => {
  it('is refused when it holds somebody else’s files', async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'thesis.tex'), 'precious');
    const before = contents(folder);
    const error = await refusal();
    expect(error.code).toBe('foreign');
    expect(error.message).toContain(folder);
    expect(error.message).toContain('thesis.tex');
    expect(contents(folder)).toEqual(before);
  });

  it('is refused when it is somebody else’s LevelDB', async () => {
    const level = new ClassicLevel(folder);
    await level.put('theirs', 'precious');
    await level.close();
    const before = contents(folder);
    expect((await refusal()).code).toBe('foreign');
    expect(contents(folder)).toEqual(before);
  });

  it('is refused when a later version wrote it', async () => {
    await fill(10);
    writeFileSync(join(folder, 'FORMAT'), 'ironic-bootd store, format 2\nsomething new\n');
    const before = contents(folder);
    const error = await refusal();
    expect(error.code).toBe('newer');
    expect(error.message).toContain(`the store in ${folder} has format 2`);
    expect(contents(folder)).toEqual(before);
  });

  it.each(['', 'ironic-bootd', 'ironic-bootd store, format x\n', '\0\0\0\0'])(
    'is refused when its FORMAT says %j',
    async (text) => {
      await fill(10);
      writeFileSync(join(folder, 'FORMAT'), text);
      const before = contents(folder);
      expect((await refusal()).code).toBe('foreign');
      expect(contents(folder)).toEqual(before);
    },
  );

  it('is refused when its database lost the file that names the others', async () => {
    await fill(10);
    rmSync(join(folder, 'records/CURRENT'));
    const before = contents(folder);
    const error = await refusal();
    expect(error.code).toBe('damaged');
    expect(error.message).toContain('records/CURRENT is missing');
    expect(contents(folder)).toEqual(before);
  });

  it('is refused when it is a file, naming it', async () => {
    writeFileSync(folder, 'a file');
    const error = await refusal();
    expect(error.code).toBe('unusable');
    expect(error.message).toContain(folder);
  });
});

describe('a damaged store', () => {
  it('is refused when its manifest is damaged, and keeps every table and log', async () => {
    await fill(50);
    overwrite(fileOf('MANIFEST-000002'), 0, 40);
    const before = contents(folder);
    const error = await refusal();
    expect(error.code).toBe('damaged');
    expect(error.message).toContain(`the store in ${folder} is damaged`);
    for (const [name, content] of before)
      expect([name, readFileSync(name, 'base64')]).toEqual([name, content]);
  });

  it('says so when a table is damaged, and leaves the table as it is', async () => {
    await fill(500);
    // Opening moves the log into a table.
    await (await openLevelStore(folder)).store.close();
    const table = fileOf('.ldb');
    overwrite(table, 200, 100);
    const before = readFileSync(table, 'base64');
    const failure = openLevelStore(folder).then(async ({ store }) => {
      opened.push({ store, report: [] });
      return keysOf(store);
    });
    await expect(failure).rejects.toMatchObject({ name: 'StoreError', code: 'damaged' });
    await expect(failure).rejects.toThrow(folder);
    expect(readFileSync(table, 'base64')).toBe(before);
  });

  it('reports how many flushes a damaged block of the log took with it, once, and keeps that log', async () => {
    await fill(600);
    const log = fileOf('.log');
    // LevelDB drops the rest of a block of 32 KiB with the damage in it.
    overwrite(log, 40_000, 10);
    const damaged = readFileSync(log, 'base64');
    const { store, report } = await open();
    const left = (await keysOf(store)).length;
    expect(left).toBeLessThan(600);
    expect(report).toHaveLength(1);
    const missing = Number(/ (\d+) flushes in the middle are lost/.exec(report[0]!)?.[1]);
    expect(missing).toBe(600 - left);

    const kept = /is kept in (\S+)\. /.exec(report[0]!)?.[1];
    const copies = readdirSync(kept!).map((name) => readFileSync(join(kept!, name), 'base64'));
    expect(copies).toContain(damaged);

    await store.commit([put(1000)]);
    await store.close();
    const again = await open();
    expect(again.report).toEqual([]);
    expect(await keysOf(again.store)).toHaveLength(left + 1);
    expect(existsSync(kept!)).toBe(true);
  });

  it('reports the flushes that went with the end of a log that was cut', async () => {
    await fill(600);
    const log = fileOf('.log');
    truncateSync(log, Math.floor(statSync(log).size / 2));
    const { store, report } = await open();
    const left = (await keysOf(store)).length;
    expect(left).toBeGreaterThan(200);
    expect(left).toBeLessThan(400);
    expect(report).toHaveLength(1);
    expect(report[0]).toContain(`the last ${600 - left} flushes are lost`);
    await store.close();
    expect((await open()).report).toEqual([]);
  });

  it('reports a database that is gone, and begins anew', async () => {
    await fill(20);
    rmSync(join(folder, 'records'), { recursive: true });
    const { store, report } = await open();
    expect(report).toEqual([`the database in ${folder}/records is gone; an empty one was made in its place`]);
    await store.commit([put(1)]);
    await store.close();
    const again = await open();
    expect(again.report).toEqual([]);
    expect(await keysOf(again.store)).toHaveLength(1);
  });

  it('does not mind a torn last record, which is what a crash in the middle of a write leaves', async () => {
    await fill(20);
    appendFileSync(fileOf('.log'), readFileSync(fileOf('.log')).subarray(0, 100));
    const { store, report } = await open();
    expect(report).toEqual([]);
    expect(await keysOf(store)).toHaveLength(20);
  });

  it('keeps the older log when an opening was interrupted', async () => {
    await fill(600);
    const log = fileOf('.log');
    const whole = readFileSync(log);
    mkdirSync(join(folder, 'log-before-opening'));
    writeFileSync(join(folder, 'log-before-opening', log.split('/').at(-1)!), whole);
    overwrite(log, 40_000, 10);
    const { report } = await open();
    const kept = /is kept in (\S+)\. /.exec(report[0]!)?.[1];
    const [copy] = readdirSync(kept!);
    expect(readFileSync(join(kept!, copy!)).equals(whole)).toBe(true);
  });
});

describe('several processes', () => {
  function startWriter(first: number): {
    child: ChildProcess;
    acknowledged: () => number[];
    output: () => string;
  } {
    const child = spawn(process.execPath, ['--import', 'tsx', WRITER, folder, String(first)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const acknowledged = (): number[] =>
      output
        .slice(0, output.lastIndexOf('\n') + 1)
        .split('\n')
        .filter((line) => /^\d+$/.test(line))
        .map(Number);
    return { child, acknowledged, output: () => output };
  }

  async function until(condition: () => boolean): Promise<void> {
    for (let waited = 0; !condition(); waited += 5) {
      if (waited > 45_000) throw new Error('the writer did not get going');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  it('do not open one store twice: the second is told who has it', async () => {
    const { child, acknowledged } = startWriter(0);
    await until(() => acknowledged().length > 10);
    const error = await refusal();
    expect(error.code).toBe('locked');
    expect(error.message).toContain(`the store in ${folder} is in use by node`);
    expect(error.message).toContain(`pid ${child.pid ?? 0},`);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect((await open()).report).toEqual([]);
  });

  it('that are killed lose nothing they acknowledged', async () => {
    const promised = new Set<number>();
    for (let round = 0; round < 5; round += 1) {
      const { child, acknowledged, output } = startWriter(round * 1_000_000);
      await until(() => acknowledged().length > 50 + round * 100);
      child.kill('SIGKILL');
      await once(child, 'close');
      expect(output()).not.toContain('report');
      for (const number of acknowledged()) promised.add(number);
      const { store, report } = await openLevelStore(folder);
      expect(report).toEqual([]);
      const there = new Set(await keysOf(store));
      await store.close();
      expect([...promised].filter((number) => !there.has(`lease/${number}`))).toEqual([]);
    }
    expect(promised.size).toBeGreaterThan(1000);
  });
});
