import { dirname, resolve } from 'node:path';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { parseConfig, type ParsedConfig } from './parse-config.ts';
import { collectReferences } from './referenced-files.ts';
import type { BootdSettings } from './settings.ts';

/** The templates that come with the program. */
export const SHIPPED_TEMPLATES = resolve(import.meta.dirname, '../../tftpboot-templates');

/** A configuration that can be used. */
export interface LoadedConfig {
  readonly settings: BootdSettings;
  /** The file itself, as it was read. */
  readonly text: string;
  /** What is probably not meant, in the order of the file. */
  readonly warnings: readonly ConfigProblem[];
}

/** Reads a file whole as UTF-8 text, or throws. */
export type ReadText = (file: string) => string;

/** Reads the configuration. Throws ConfigError with every problem, warnings included, when it cannot be used. */
export function loadConfig(file: string, readText: ReadText): LoadedConfig {
  let text = '';
  const { settings, problems } = readConfig(file, (name) => (text = readText(name)));
  if (settings === undefined) throw new ConfigError(problems);
  return { settings, text, warnings: problems };
}

/** As loadConfig, but problems are part of the answer; a file that cannot be read is one of them. */
export function readConfig(file: string, readText: ReadText): ParsedConfig {
  const source = { file, folder: dirname(resolve(file)), shippedTemplates: SHIPPED_TEMPLATES };
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const problem = {
      severity: 'error',
      file,
      line: 1,
      column: 1,
      message: `cannot be read: ${reason}`,
    } as const;
    return { settings: undefined, problems: [problem], files: collectReferences(undefined, source) };
  }
  return parseConfig(text, source);
}
