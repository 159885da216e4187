import { expect, test } from 'vitest';
import { crowdTftp } from '../lab/tftp-crowd.ts';

/** The short form of test/long/tftp-crowd.test.ts. */
test('a thousand clients at once on a file of 1 GiB: all are served, in bounded memory', async () => {
  const { blocks, errors, memoryMiB } = await crowdTftp(1000, 10);
  console.log(`${blocks.reduce((sum, count) => sum + count, 0)} blocks, ${memoryMiB.toFixed(0)} MiB at most`);
  expect(errors).toEqual([]);
  expect(blocks.filter((count) => count < 1)).toEqual([]);
  expect(memoryMiB).toBeLessThan(300);
});
