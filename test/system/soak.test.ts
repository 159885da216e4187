import { afterAll, expect, test } from 'vitest';
import { closeLabs } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { soak } from '../lab/soak.ts';

needs('namespaces');
afterAll(closeLabs);

// What only shows after a while, such as a leak, is for the long one: `npm run test:long -- soak`.
test('under mixed load nothing fails, no error is logged, and memory and descriptors are bounded', async () => {
  const { failures, errors, done, samples } = await soak(25);
  expect({ failures, errors }).toEqual({ failures: [], errors: [] });
  for (const kind of [
    'boots',
    'renewals',
    'changes',
    'template edits',
    'reloads',
    'followers that came back',
  ])
    expect(done[kind], kind).toBeGreaterThan(1);
  expect(Math.max(...samples.map(({ residentMiB }) => residentMiB))).toBeLessThan(400);
  const open = samples.map(({ descriptors }) => descriptors);
  expect(Math.min(...open.slice(-10))).toBeLessThan(Math.min(...open.slice(0, 10)) + 10);
});
