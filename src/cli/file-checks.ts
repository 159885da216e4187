import { statSync } from 'node:fs';
import { problemWithReference, type FurtherCheck } from '../config/check-configuration.ts';
import { ConfigError } from '../config/config-error.ts';
import { SHIPPED_TEMPLATES } from '../config/load-config.ts';
import { loadTemplates } from '../services/template-folder.ts';
import { TftpMapping } from '../services/tftp-mapping.ts';

const templates: FurtherCheck = async ({ templates: { path } }) =>
  (await loadTemplates(path, SHIPPED_TEMPLATES)).problems;

/** In in.tftpd's words, as the daemon says it at its start; a file that is missing is a mistake of whoever named it. */
const mapFile: FurtherCheck = async ({ mapFile: reference }) => {
  if (reference === undefined) return [];
  try {
    await new TftpMapping(reference.path).load();
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return isThere(reference.path)
      ? error.problems
      : error.problems.map(({ message }) => problemWithReference(reference, message));
  }
};

/** A root may be made later, so this is no error; but until then every request is refused. */
const tftpRoot: FurtherCheck = ({ tftpRoot: reference }) =>
  reference === undefined || isThere(reference.path)
    ? []
    : [problemWithReference(reference, `there is no folder ${reference.path}`, 'warning')];

const tokenFile: FurtherCheck = ({ tokenFile: reference }) =>
  reference === undefined || isThere(reference.path)
    ? []
    : [problemWithReference(reference, `there is no file ${reference.path}`)];

/** What `bootd check` looks at besides the configuration itself. */
export const FILE_CHECKS: readonly FurtherCheck[] = [templates, mapFile, tftpRoot, tokenFile];

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
