import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The program that is judged. */
export const BOOTD = fileURLToPath(new URL('../../bin/bootd', import.meta.url));

/**
 * A file or folder among the judges: checks that were written apart from this project, in the folder that BOOTD_JUDGES
 * names. Throws when it is not there, since whoever names a folder wants to be judged by it.
 */
export function judge(path: string): string {
  const folder = process.env['BOOTD_JUDGES'];
  if (folder === undefined) throw new Error('BOOTD_JUDGES does not name the folder of the judges');
  const found = join(resolve(folder), path);
  if (!existsSync(found)) throw new Error(`${found} is not there: does BOOTD_JUDGES name the right folder?`);
  return found;
}
