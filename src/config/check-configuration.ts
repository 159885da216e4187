import type { ConfigProblem } from './config-error.ts';
import { readConfig, type ReadText } from './load-config.ts';
import type { BootdSettings } from './settings.ts';
import { sortProblems } from './problem-list.ts';
import type { FileReference, ReferencedFiles } from './referenced-files.ts';

/**
 * Looks at what the configuration refers to: templates, a map-file. Its problems join those of the configuration, in
 * the same list. `settings` are undefined while the configuration itself is wrong; the files can be looked at even then.
 */
export type FurtherCheck = (
  files: ReferencedFiles,
  settings: BootdSettings | undefined,
) => readonly ConfigProblem[] | Promise<readonly ConfigProblem[]>;

/**
 * Everything that is wrong with a configuration and with what it refers to: the configuration's own problems in the
 * order of the file, then those of other files by name and place. Never throws for what a file holds.
 */
export async function checkConfiguration(
  file: string,
  readText: ReadText,
  furtherChecks: readonly FurtherCheck[],
): Promise<readonly ConfigProblem[]> {
  const { settings, problems, files } = readConfig(file, readText);
  const further = (await Promise.all(furtherChecks.map(async (check) => check(files, settings)))).flat();
  // While there are mistakes to mend, advice about what is not a mistake would only be in their way.
  const told = settings === undefined ? further.filter(({ severity }) => severity === 'error') : further;
  return sortProblems([...problems, ...told], file);
}

/** A problem with a file that the configuration names, placed where it is named. */
export function problemWithReference(
  reference: FileReference,
  message: string,
  severity: ConfigProblem['severity'] = 'error',
): ConfigProblem {
  return { severity, file: reference.namedIn, ...reference.namedAt, message };
}
