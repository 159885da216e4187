import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GrowingTrace } from '../../../src/boot/boot-trace.ts';
import { TraceJournal } from '../../../src/store/trace-journal.ts';
import { MAC, UUID } from '../boot/samples.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-journal-'));
  path = join(folder, 'state/boots.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

function trace(id: string, startedAt: number): GrowingTrace {
  const made = new GrowingTrace(id, MAC, startedAt, false);
  made.node = UUID;
  made.add({ kind: 'rendering-failed', at: startedAt, lastAt: startedAt, count: 1, path: 'p', reason: 'r' });
  return made;
}

async function loaded(tracesMax = 100) {
  const journal = new TraceJournal(path, tracesMax);
  const traces = await journal.load();
  return { journal, traces };
}

describe('TraceJournal', () => {
  it('gives back what was appended last of each, oldest boot first', async () => {
    const { journal } = await loaded();
    const [first, second] = [trace('b', 2000), trace('a', 1000)];
    await journal.append([first, second], () => []);
    second.phase = 'kernel';
    await journal.append([second], () => []);
    await journal.close();
    const { traces } = await loaded();
    expect(traces.map(({ id, phase, steps }) => [id, phase, steps.length])).toEqual([
      ['a', 'kernel', 1],
      ['b', 'address', 1],
    ]);
    expect(GrowingTrace.from(traces[0]!)).toMatchObject({ mac: MAC, node: UUID, startedAt: 1000 });
  });

  it('passes over lines that were torn, or that it does not know', async () => {
    const { journal } = await loaded();
    await journal.append([trace('a', 1000)], () => []);
    await journal.close();
    const line = readFileSync(path, 'utf8');
    const spoiled = line.replace('"consoleLines":[]', '"consoleLines":[1]').replace('"a"', '"c"');
    const older = line.replace('"consoleLines":[],', '').replace('"a"', '"b"');
    writeFileSync(path, `rubbish\n${spoiled}${older}{"version":9}\n[]\n${line}`);
    appendFileSync(path, line.slice(0, 40));
    const { traces } = await loaded();
    expect(traces.map((kept) => [kept.id, GrowingTrace.from(kept).consoleLines])).toEqual([
      ['b', []],
      ['a', []],
    ]);
  });

  it('forgets the oldest ones at start, in the file too', async () => {
    const { journal } = await loaded();
    await journal.append([trace('a', 1000), trace('b', 2000), trace('c', 3000)], () => []);
    await journal.close();
    expect((await loaded(2)).traces.map(({ id }) => id)).toEqual(['b', 'c']);
    expect(readFileSync(path, 'utf8')).not.toContain('"id":"a"');
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  it('ends transfers that ran when it was written', () => {
    const running = trace('a', 1000);
    running.recordFile(
      {
        kind: 'started',
        via: 'tftp',
        peer: 0 as never,
        transfer: '1',
        requested: 'x',
        path: 'x',
        source: 'disk',
        node: undefined,
        generation: undefined,
        modifiedAt: undefined,
        size: 1,
      },
      'loader',
      false,
      2000,
    );
    expect(GrowingTrace.from(running).steps.at(-1)).toMatchObject({ kind: 'file', ending: 'stopped' });
  });
});
