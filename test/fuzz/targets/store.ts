import { cp, mkdtemp, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatLeaseDocument } from '../../../src/control/lease-documents.ts';
import { effectiveLeaseState } from '../../../src/dhcp/lease.ts';
import { leaseCodec } from '../../../src/store/lease-record.ts';
import { openLevelStore } from '../../../src/store/level-store.ts';
import {
  generationCodec,
  nodeBootCodec,
  nodeCodec,
  sharedProfileCodec,
} from '../../../src/store/node-record.ts';
import { decodeRecord, encodeRecord, type DecodedRecord } from '../../../src/store/record.ts';
import { RecordTable, type RecordCodec } from '../../../src/store/record-table.ts';
import { StoreError } from '../../../src/store/store.ts';
import { decodeTrace, encodeTrace } from '../../../src/store/trace-record.ts';
import { NOW } from '../../unit/dhcp/fake-view.ts';
import { nodeSample, UUID } from '../../unit/boot/samples.ts';
import { MemoryStore } from '../../unit/store/memory-store.ts';
import { keptOctets, keptTexts } from '../corpus.ts';
import {
  mustHold,
  octetsTarget,
  textTarget,
  type FuzzTarget,
  type FuzzVerdict,
  type OpenTarget,
} from '../fuzz-target.ts';
import { concatOctets } from '../mutate-octets.ts';
import { isSame } from './dhcp-wire.ts';
import { leaseSamples } from './lease-samples.ts';

/** What a planted bug stands in for. */
export interface RecordReader {
  readonly decode: (key: string, bytes: Uint8Array) => DecodedRecord;
}

const KEY = 'lease/c0a80080';

/** A record as it stands on the disk, changed: it is the one that was written, or it is damaged. */
export function openStoreRecord({ decode }: RecordReader = { decode: decodeRecord }): OpenTarget {
  const written = leaseSamples().map((lease) => encodeRecord(KEY, 1, leaseCodec.encode(lease)));
  return octetsTarget({
    limitMs: 20,
    seeds: [...written, ...keptOctets('store-record')],
    check: (input) => {
      const decoded = decode(KEY, input);
      if (decoded.kind === 'damaged') return 'refused';
      const isOneOfThose = written.some((record) => isSame(record, input));
      mustHold(isOneOfThose, () => 'a damaged record is taken for a whole one');
      return 'taken';
    },
  });
}

interface AnyTable {
  readonly key: string;
  read(content: Uint8Array): Promise<FuzzVerdict>;
}

/** Content under a right checksum, as an earlier version or a bug would leave it. */
function openStoreContent(): OpenTarget {
  const samples = leaseSamples();
  const tables: readonly AnyTable[] = [
    tableOf(leaseCodec, 'c0a80080', (lease) => {
      formatLeaseDocument({ lease, state: effectiveLeaseState(lease, NOW) }, undefined);
    }),
    tableOf(nodeCodec, UUID, () => undefined),
    tableOf(nodeBootCodec, UUID, () => undefined),
    tableOf(sharedProfileCodec, 'rescue', () => undefined),
    tableOf(generationCodec, 'last', () => undefined),
  ];
  const contents = [
    ...samples.map((lease) => concatOctets(Uint8Array.of(0), leaseCodec.encode(lease))),
    concatOctets(Uint8Array.of(1), nodeCodec.encode(nodeSample())),
    concatOctets(Uint8Array.of(2), Buffer.from('{"kind":"shared","name":"rescue"}')),
    concatOctets(
      Uint8Array.of(3),
      Buffer.from('{"purpose":"rescue","kernel":"k","ramdisk":"r","policy":"always","generation":1}'),
    ),
    concatOctets(Uint8Array.of(4), Buffer.from('7')),
  ];
  return octetsTarget({
    limitMs: 50,
    seeds: [...contents, ...keptOctets('store-content')],
    tokens: ['null', '{}', '[]', '1e999', '"\\u0000"', '"ports":', '"generation":', '__proto__'].map((word) =>
      Buffer.from(word),
    ),
    check: (input) => tables[(input[0] ?? 0) % tables.length]?.read(input.subarray(1)) ?? 'refused',
  });
}

/** What a table gives, it can also write, and then gives again; what it does not understand, it reports. */
function tableOf<Value>(codec: RecordCodec<Value>, name: string, use: (value: Value) => void): AnyTable {
  const key = codec.prefix + name;
  return {
    key,
    async read(content) {
      const store = new MemoryStore();
      store.records.set(key, encodeRecord(key, codec.version, content));
      const table = new RecordTable(store, codec);
      const { values, report } = await table.load();
      mustHold(
        values.length + report.length === 1,
        () => `${values.length} values and ${report.length} problems of one record`,
      );
      const [value] = values;
      if (value === undefined) return 'refused';
      use(value);
      await store.commit(table.put(name, value));
      const [again] = (await new RecordTable(store, codec).load()).values;
      mustHold(
        again !== undefined && isSame(codec.encode(again), codec.encode(value)),
        () => 'a record does not come back',
      );
      return 'taken';
    },
  };
}

/** Edits of the files of a database: two octets choose a file and a way, four say where and what. */
async function openStoreFolder(): Promise<OpenTarget> {
  // Flushes go to memory where there is such a file system: what is damaged here was never in danger.
  const scratch = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bootd-fuzz-store-'));
  const original = join(scratch, 'original');
  const written = new Map<string, string>();
  for (let round = 0; round < 3; round += 1) {
    const { store } = await openLevelStore(original);
    for (const [index, lease] of leaseSamples().entries()) {
      const key = `${leaseCodec.prefix}c0a8${(round * 4096 + index).toString(16).padStart(4, '0')}`;
      const value = encodeRecord(key, 1, leaseCodec.encode(lease));
      written.set(key, Buffer.from(value).toString('hex'));
      await store.commit([{ kind: 'put', key, value }]);
    }
    await store.close();
  }
  const files = (await readdir(original, { recursive: true })).sort();
  const copy = join(scratch, 'copy');
  return octetsTarget({
    limitMs: 3000,
    seeds: [Uint8Array.of(0, 0, 0, 0, 0, 0), ...keptOctets('store-folder')],
    generate: (random) => random.octets(6 * (1 + random.small(4))),
    close: () => rm(scratch, { recursive: true, force: true }),
    check: async (input) => {
      await rm(copy, { recursive: true, force: true });
      await cp(original, copy, { recursive: true });
      const edited = new Set<string>();
      for (let at = 0; at + 6 <= input.length; at += 6)
        edited.add(await damage(copy, files, input.subarray(at, at + 6)));
      // Of a log that is cut and a count that was set back by the same amount, nobody could tell.
      return checkStore(copy, written, !edited.has('FLUSHES'));
    },
  });
}

/** Gives the name of the file that was changed. */
async function damage(folder: string, files: readonly string[], edit: Uint8Array): Promise<string> {
  const [which = 0, how = 0, high = 0, low = 0] = edit;
  const name = files[which % files.length] ?? '';
  const path = join(folder, name);
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isFile() !== true) return '';
  const offset = entry.size === 0 ? 0 : ((high << 8) | low) % entry.size;
  if (how % 8 === 0) await rm(path);
  else if (how % 8 === 1) await truncate(path, offset);
  else await overwrite(path, entry.size, offset, edit);
  return name;
}

async function overwrite(path: string, size: number, offset: number, edit: Uint8Array): Promise<void> {
  const [, how = 0, , , value = 0, count = 0] = edit;
  const file = await open(path, 'r+');
  try {
    const octets = how % 8 === 2 ? new Uint8Array(1 + count) : new Uint8Array(1 + (count % 8)).fill(value);
    await file.write(octets, 0, octets.length, how % 8 === 3 ? size : offset);
  } finally {
    await file.close();
  }
}

/** It opens, or says StoreError; it never gives a record that was not written, and never loses one without a word. */
async function checkStore(
  folder: string,
  written: ReadonlyMap<string, string>,
  tellsLosses: boolean,
): Promise<FuzzVerdict> {
  let opened;
  try {
    opened = await openLevelStore(folder);
  } catch (error) {
    if (error instanceof StoreError) return 'refused';
    throw error;
  }
  const { store, report } = opened;
  let found = 0;
  let damaged = 0;
  try {
    for await (const [key, bytes] of store.load(leaseCodec.prefix)) {
      if (decodeRecord(key, bytes).kind === 'damaged') {
        damaged += 1;
        continue;
      }
      mustHold(written.get(key) === Buffer.from(bytes).toString('hex'), () => `${key} was never written`);
      found += 1;
    }
  } catch (error) {
    if (error instanceof StoreError) return 'refused';
    throw error;
  } finally {
    await store.close();
  }
  const isToldOf = !tellsLosses || report.length > 0 || found + damaged === written.size;
  mustHold(
    isToldOf,
    () => `${written.size - found - damaged} of ${written.size} records are gone, and nothing is said`,
  );
  return 'taken';
}

const TRACE = encodeTraceSample();

function encodeTraceSample(): string {
  return JSON.stringify({
    version: 1,
    id: 'a1',
    mac: '52:54:00:00:00:01',
    startedAt: NOW,
    lastAt: NOW,
    phase: 'dhcp',
    steps: [{ kind: 'dhcp', at: NOW }],
    consoleLines: ['x'],
  });
}

function openTrace(): OpenTarget {
  return textTarget({
    limitMs: 50,
    seeds: [TRACE, ...keptTexts('trace-record')],
    tokens: ['null', '[]', '{}', '"steps":', '"kind"', '"at"', '1e999', '"__proto__"'],
    check: (line) => {
      const trace = decodeTrace(line);
      if (trace === undefined) return 'refused';
      const again = decodeTrace(encodeTrace(trace));
      mustHold(
        again !== undefined && encodeTrace(again) === encodeTrace(trace),
        () => 'a trace does not come back',
      );
      return 'taken';
    },
  });
}

export const STORE_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'store-record',
    reads: 'records of the store whose octets changed on the disk',
    open: () => openStoreRecord(),
  },
  {
    name: 'store-content',
    reads: 'records whose checksum is right and whose content is not: leases, nodes, profiles',
    open: openStoreContent,
  },
  {
    name: 'store-folder',
    reads: 'a LevelDB database whose files were cut, emptied, overwritten or removed',
    open: openStoreFolder,
  },
  { name: 'trace-record', reads: 'lines of the boot traces', open: openTrace },
];
