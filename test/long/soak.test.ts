import { afterAll, expect, test } from 'vitest';
import { publishTable } from '../documents/reliability-tables.ts';
import { closeLabs } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { soak } from '../lab/soak.ts';
import { figuresOf, soakTable, type Drift, type WaitDrift } from '../lab/soak-figures.ts';

needs('namespaces');
afterAll(closeLabs);

const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 30);

/** Traces and leases fill their tables for the first nine minutes, so a shorter run shows no leak. */
const MINUTES_FOR_MEMORY = 20;

/** A leak of 3 KB for each boot would be seen in half an hour. */
const GROWTH_MAX_SHARE = 0.1;
const SLACK_MIB = 8;

function mayGrowBy({ first }: Drift): number {
  return first * GROWTH_MAX_SHARE + SLACK_MIB;
}

/** What the machine itself got slower by is none of the daemon's. */
function maySlowTo({ first }: WaitDrift, echo: WaitDrift): number {
  return 3 * first + 3 * Math.max(0, echo.last - echo.first) + 10;
}

test(`${MINUTES} minutes of mixed load: nothing fails, memory and descriptors stay, and the last third waits no longer than the first`, async () => {
  const result = await soak(MINUTES * 60);
  const figures = figuresOf(result);
  publishTable('soak', soakTable(result, figures));
  const { failures, errors } = result;
  expect({ failures, errors }).toEqual({ failures: [], errors: [] });
  const { resident, heap, descriptors, store, traces, dhcp, tftp, control, echo } = figures;
  if (MINUTES >= MINUTES_FOR_MEMORY) {
    expect(resident.grown).toBeLessThan(mayGrowBy(resident));
    expect(heap.grown).toBeLessThan(mayGrowBy(heap));
  }
  expect(descriptors.grown).toBeLessThan(5);
  expect(store.most).toBeLessThan(32);
  // Written anew when 32 MiB have been appended to what is kept.
  expect(traces.most).toBeLessThan(50);
  for (const wait of [dhcp, tftp, control]) {
    expect(wait.count).toBeGreaterThan(MINUTES * 100);
    expect(wait.last).toBeLessThan(maySlowTo(wait, echo));
  }
});
