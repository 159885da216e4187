import { readFileSync } from 'node:fs';
import { loadConfig, type LoadedConfig } from '../config/load-config.ts';
import { ioErrorFrom } from '../io/io-error.ts';
import { UsageError } from './exit-code.ts';

/** The configuration in a file. Throws ConfigError with every problem when it cannot be used. */
export function readConfiguration(file: string): LoadedConfig {
  return loadConfig(file, readText);
}

/** A file whole, as UTF-8. Throws the operating system's error. */
export function readText(file: string): string {
  return readFileSync(file, 'utf8');
}

/** A file whole that the command line names as input. Throws UsageError. */
export function readInput(file: string, encoding: 'utf8' | 'latin1' = 'utf8'): string {
  try {
    return readFileSync(file, encoding);
  } catch (error) {
    throw new UsageError(ioErrorFrom(`cannot read ${file}`, error).message);
  }
}
