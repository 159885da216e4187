import { join } from 'node:path';
import { asOwnerOf } from '../io/effective-user.ts';
import { createLeaseStore, type LeaseStore } from '../store/lease-store.ts';
import { openLevelStore } from '../store/level-store.ts';

/** Nobody waits for an answer here, so a slow disk may take its time. */
const DEADLINE_MS = 120_000;

/** Where the store of a state directory is. */
export function storePath(stateDirectory: string): string {
  return join(stateDirectory, 'store');
}

/**
 * Opens the leases of a daemon that is stopped, and closes them again after `use`, which is also given what was odd at opening. Root does it as
 * the user whom the state directory belongs to: the daemon must be able to open the files, and that user may have put links in
 * their place. Rejects with StoreError: `locked` while a daemon runs on them.
 */
export function withStoppedStore<T>(
  stateDirectory: string,
  use: (leases: LeaseStore, report: readonly string[]) => Promise<T>,
): Promise<T> {
  return asOwnerOf(stateDirectory, async () => {
    const { store, report } = await openLevelStore(storePath(stateDirectory), { deadlineMs: DEADLINE_MS });
    try {
      return await use(createLeaseStore(store), report);
    } finally {
      await store.close();
    }
  });
}
