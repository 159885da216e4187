import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLevelStore } from '../../src/store/level-store.ts';
import { StoreError, type RecordStore } from '../../src/store/store.ts';

/**
 * Fills the small file system of the folder named on the command line through a store, makes room again, and prints
 * as one line of JSON what the store did.
 */
const [root = ''] = process.argv.slice(2);
const folder = join(root, 'store');
const filler = join(root, 'filler');
writeFileSync(filler, new Uint8Array(24_000_000));

const healthChanges: string[] = [];
const { store } = await openLevelStore(folder, {
  retryMs: 100,
  listener: { healthChanged: ({ kind }) => healthChanges.push(kind) },
});

const acknowledged: string[] = [];
let next = 0;

async function commitOne(): Promise<StoreError | undefined> {
  const key = `lease/${String(next)}`;
  next += 1;
  try {
    await store.commit([{ kind: 'put', key, value: randomBytes(900) }]);
    acknowledged.push(key);
    return undefined;
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
}

async function keysOf(records: RecordStore): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const [key] of records.load('lease/')) keys.add(key);
  return keys;
}

let refusal: StoreError | undefined;
while (refusal === undefined && next < 20_000) refusal = await commitOne();
const beforeFull = acknowledged.length;
const stillRefused: boolean[] = [];
for (let attempt = 0; attempt < 30; attempt += 1) {
  stillRefused.push((await commitOne()) !== undefined);
  await sleep(20);
}
const healthWhileFull = store.health();

rmSync(filler);
for (let waited = 0; store.health().kind === 'failing' && waited < 10_000; waited += 20) await sleep(20);
const healthAfterwards = store.health();
for (let count = 0; count < 3000; count += 1) await commitOne();
await store.close();

const reopened = await openLevelStore(folder);
const there = await keysOf(reopened.store);
await reopened.store.close();

process.stdout.write(
  `${JSON.stringify({
    code: refusal?.code,
    message: refusal?.message,
    stillRefused: stillRefused.every((refused) => refused),
    healthWhileFull: healthWhileFull.kind,
    healthAfterwards: healthAfterwards.kind,
    healthChanges,
    beforeFull,
    acknowledged: acknowledged.length,
    missing: acknowledged.filter((key) => !there.has(key)).length,
    report: reopened.report,
  })}\n`,
);
