import { lchown, lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Root makes files that the daemon's user could not open: what is root's below the state directory becomes whose that is.
 * Nothing is done for other users, where the state directory is root's own, or where there is none. The owner may have put links
 * there, and root must not give away what they lead to: no symbolic link is followed, no file that has a second name is given.
 */
export async function giveToStateOwner(stateDirectory: string): Promise<void> {
  const owner = await stat(stateDirectory).catch(() => undefined);
  if (process.getuid?.() !== 0 || owner === undefined || owner.uid === 0) return;
  // Asked for names alone, readdir looks into folders that links lead to.
  const below = await readdir(stateDirectory, { recursive: true, withFileTypes: true });
  for (const entry of below) {
    const path = join(entry.parentPath, entry.name);
    // Gone meanwhile, where the service runs on this folder.
    const found = await lstat(path).catch(() => undefined);
    if (found?.uid !== 0 || (found.nlink > 1 && !found.isDirectory())) continue;
    await lchown(path, owner.uid, owner.gid);
  }
}
