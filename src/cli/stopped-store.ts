import { lchown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createLeaseStore, type LeaseStore } from '../store/lease-store.ts';
import { openLevelStore } from '../store/level-store.ts';

/** Nobody waits for an answer here, so a slow disk may take its time. */
const DEADLINE_MS = 120_000;

/** Where the store of a state directory is. */
export function storePath(stateDirectory: string): string {
  return join(stateDirectory, 'store');
}

/**
 * Opens the leases of a daemon that is stopped, and closes them again after `use`, which is also given what was odd at opening. Rejects with
 * StoreError: `locked` while a daemon runs on them.
 */
export async function withStoppedStore<T>(
  stateDirectory: string,
  use: (leases: LeaseStore, report: readonly string[]) => Promise<T>,
): Promise<T> {
  const path = storePath(stateDirectory);
  const { store, report } = await openLevelStore(path, { deadlineMs: DEADLINE_MS });
  try {
    return await use(createLeaseStore(store), report);
  } finally {
    await store.close();
    await giveToOwner(stateDirectory, path);
  }
}

/**
 * Root makes files that the daemon's user could not open; they belong to whom the state directory belongs to. That user may
 * have put a symbolic link there, and root must not give away what it leads to.
 */
async function giveToOwner(stateDirectory: string, path: string): Promise<void> {
  const { uid, gid } = await stat(stateDirectory);
  if (uid === 0) return;
  const below = await readdir(path, { recursive: true });
  for (const each of [path, ...below.map((name) => join(path, name))]) await lchown(each, uid, gid);
}
