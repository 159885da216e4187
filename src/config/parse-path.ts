import { resolve } from 'node:path';
import type { Located } from './located.ts';
import type { ProblemList } from './problem-list.ts';

/** An absolute path; relative ones count from the configuration file's folder. */
export function parsePath(written: Located<string>, folder: string, problems: ProblemList): string {
  if (written.value === '') problems.error(written.place, 'the path is empty');
  if (written.value.includes('\0')) problems.error(written.place, 'a path cannot hold a NUL');
  return resolvePath(written, folder);
}

/** As parsePath, for a path that is looked at by somebody else as well. */
export function resolvePath(written: Located<string>, folder: string): string {
  return resolve(folder, written.value);
}
