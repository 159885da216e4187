import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The files at or below a name, named from `top` on and sorted; `without` are names of folders that are not entered. */
export async function filesBelow(
  top: string,
  name: string,
  without: (name: string) => boolean = () => false,
): Promise<readonly string[]> {
  const entries = await readdir(join(top, name), { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (entries === undefined) return [name];
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = name === '.' ? entry.name : `${name}/${entry.name}`;
      if (!entry.isDirectory()) return [path];
      return without(entry.name) ? [] : filesBelow(top, path, without);
    }),
  );
  return found.flat().sort();
}
