import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A user and a group, by number. */
interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Does work as whom `path` belongs to, where this process is root's: what it makes is that user's, and links that the user has
 * put there lead root nowhere. All else in this process has those rights meanwhile too. A path that is not there is made by the
 * owner of the folder above it.
 */
export async function asOwnerOf<T>(path: string, work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  const owner = await ownerOf(path);
  if (owner.uid === 0) return work();
  const root = { uid: 0, gid: process.getegid?.() ?? 0 };
  const groups = process.getgroups?.() ?? [];
  become(owner, [owner.gid]);
  try {
    return await work();
  } finally {
    // Only root may change groups, so the user comes back first.
    process.seteuid?.(root.uid);
    become(root, groups);
  }
}

async function ownerOf(path: string): Promise<Owner> {
  try {
    return await stat(path);
  } catch (error) {
    const above = dirname(path);
    const { code } = error as NodeJS.ErrnoException;
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || above === path) throw error;
    return ownerOf(above);
  }
}

function become({ uid, gid }: Owner, groups: readonly number[]): void {
  process.setgroups?.([...groups]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
}
