import { describe, expect, it } from 'vitest';
import { CHAIN_PREFIX, chainBase, chainLink, inspectChain } from '../../../src/store/flush-chain.ts';
import type { RecordChange } from '../../../src/store/store.ts';

/** What is in the store after these changes. */
function recordsOf(changes: Iterable<RecordChange>): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  for (const change of changes) {
    if (change.kind === 'put') records.set(change.key, change.value);
  }
  return records;
}

function links(...ranges: readonly (readonly [first: number, last: number])[]): RecordChange[] {
  return ranges.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => chainLink(first + index)),
  );
}

describe('the chain of flushes', () => {
  it.each([
    { name: 'a new store', changes: [], last: 0, missing: 0 },
    { name: 'one flush', changes: links([1, 1]), last: 1, missing: 0 },
    { name: 'a whole chain', changes: links([1, 500]), last: 500, missing: 0 },
    { name: 'a hole in the middle', changes: links([1, 100], [108, 500]), last: 500, missing: 7 },
    { name: 'a hole at the beginning', changes: links([4, 10]), last: 10, missing: 3 },
    { name: 'two holes', changes: links([1, 5], [7, 9], [12, 12]), last: 12, missing: 3 },
    { name: 'a ring that went round', changes: links([1, 100_000]), last: 100_000, missing: 0 },
    {
      name: 'a hole in such a ring',
      changes: links([1, 90_000], [90_003, 100_000]),
      last: 100_000,
      missing: 2,
    },
    {
      name: 'a hole that was reported',
      changes: [...links([1, 5], [9, 10]), chainBase(11), ...links([11, 20])],
      last: 20,
      missing: 0,
    },
    {
      name: 'a hole after one that was reported',
      changes: [...links([1, 5], [9, 10]), chainBase(11), ...links([11, 15], [17, 20])],
      last: 20,
      missing: 1,
    },
  ])('reads $name', ({ changes, last, missing }) => {
    expect(inspectChain(recordsOf(changes))).toEqual({ last, missing });
  });

  it('keeps all its records below one prefix, and their number bounded', () => {
    const keys = [...recordsOf([chainBase(1), ...links([1, 100_000])]).keys()];
    expect(keys.every((key) => key.startsWith(CHAIN_PREFIX))).toBe(true);
    expect(keys.length).toBe(32_769);
  });

  it('passes over a record of the wrong size', () => {
    const records = recordsOf(links([1, 3]));
    records.set(`${CHAIN_PREFIX}ffff`, Uint8Array.of(1, 2, 3));
    expect(inspectChain(records)).toEqual({ last: 3, missing: 0 });
  });
});
