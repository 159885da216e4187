import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A folder of the temporary folder that takes long to fill and is never changed afterwards: filled when it is not there yet, else
 * used as it is. Its name must say what went into it. Runs that want it at the same time may each fill one; the first to be
 * done has the name, and one that fails leaves nothing. `fill` makes the folder that it is given, and may use the one around it.
 */
export async function builtFolder(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(tmpdir(), name);
  // Somebody else's folder of this name in a public place is not trusted with what root runs and serves.
  const owner = await ownerOf(folder);
  if (owner === process.getuid?.()) return folder;
  if (owner !== undefined) throw new Error(`${folder} belongs to another user`);
  const work = await mkdtemp(join(tmpdir(), `${name}-work-`));
  try {
    const filled = join(work, 'folder');
    await fill(filled);
    await rename(filled, folder).catch(async (error: unknown) => {
      // Another run was faster: its folder has the same content.
      if ((await ownerOf(folder)) !== process.getuid?.()) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

async function ownerOf(folder: string): Promise<number | undefined> {
  return stat(folder).then(
    ({ uid }) => uid,
    () => undefined,
  );
}
