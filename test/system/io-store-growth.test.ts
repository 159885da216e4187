import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLeaseStore } from '../../src/store/lease-store.ts';
import { openLevelStore } from '../../src/store/level-store.ts';
import { FakeClient, FakeServer } from '../unit/dhcp/fake-view.ts';

const LEASES = 100;
const RENEWALS = 1500;

/** What is written is more than 30 MB; LevelDB moves its log into tables at 4 MiB, and merges those. */
const OCTETS_MAX = 20_000_000;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-growth-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function octetsBelow(path: string): number {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0);
}

test(`a store does not grow with renewals: ${RENEWALS} of each of ${LEASES} leases`, async () => {
  const { store } = await openLevelStore(join(folder, 'store'));
  const leases = createLeaseStore(store);
  const server = new FakeServer();
  const machines = Array.from({ length: LEASES }, () => new FakeClient());
  const addresses = machines.map((machine) => machine.bind(server));
  let largest = 0;
  let written = 0;
  for (let round = 0; round < RENEWALS; round += 1) {
    server.passSeconds(300);
    const changes = machines.flatMap((machine, index) => {
      const address = addresses[index];
      return address === undefined ? [] : server.reply(machine.renew(address)).changes;
    });
    await leases.commit(changes);
    written += changes.length;
    if (round % 100 === 0) largest = Math.max(largest, octetsBelow(folder));
  }
  expect(written).toBe(LEASES * RENEWALS);
  expect(largest).toBeLessThan(OCTETS_MAX);
  await store.close();

  const opened = await openLevelStore(join(folder, 'store'));
  const loaded = await createLeaseStore(opened.store).load();
  expect([opened.report, loaded.report, loaded.leases.length]).toEqual([[], [], LEASES]);
  await opened.store.close();
});
