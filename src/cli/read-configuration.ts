import { readFileSync } from 'node:fs';
import { loadConfig, type LoadedConfig } from '../config/load-config.ts';

/** The configuration in a file. Throws ConfigError with every problem when it cannot be used. */
export function readConfiguration(file: string): LoadedConfig {
  return loadConfig(file, readText);
}

/** A file whole, as UTF-8. Throws the operating system's error. */
export function readText(file: string): string {
  return readFileSync(file, 'utf8');
}
