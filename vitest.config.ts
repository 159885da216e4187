import { defineConfig } from 'vitest/config';

/**
 * Four projects, chosen by test/run-tests.ts and run one after the other:
 * `unit` needs no rights and no network but loopback; `system` runs real clients, servers and machines in
 * namespaces of its own, one file at a time; `judges` runs checks that others wrote, from the folder that
 * BOOTD_JUDGES names; `long` is what takes longer than CI may.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'test/unit/**/*.test.ts',
            'test/property/**/*.test.ts',
            'test/sim/**/*.test.ts',
            'test/*.test.ts',
          ],
          setupFiles: ['test/property-seed.ts'],
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'judges',
          include: ['test/judges/**/*.test.ts'],
          // They wait for most of their minutes: for answers that must not come, and for clients that are told to be slow.
          maxWorkers: 3,
          testTimeout: 1_800_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'long',
          include: ['test/long/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 7_200_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
