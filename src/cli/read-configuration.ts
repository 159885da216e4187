import { readFileSync } from 'node:fs';
import { loadConfig, readConfig, type LoadedConfig } from '../config/load-config.ts';
import type { ParsedConfig } from '../config/parse-config.ts';

/** The configuration in a file. Throws ConfigError with every problem when it cannot be used. */
export function readConfiguration(file: string): LoadedConfig {
  return loadConfig(file, readText);
}

/** The configuration in a file and everything that is wrong with it. */
export function inspectConfiguration(file: string): ParsedConfig {
  return readConfig(file, readText);
}

function readText(file: string): string {
  return readFileSync(file, 'utf8');
}
