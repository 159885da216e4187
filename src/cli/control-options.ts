import type { Command } from 'commander';
import { CONFIG_DEFAULTS } from '../config/raw-config.ts';
import type { CommandContext } from './command-context.ts';
import { ControlClient } from './control-client.ts';
import { readConfiguration } from './read-configuration.ts';

/** Names the control socket where neither `--socket` nor `--config` does. */
export const SOCKET_VARIABLE = 'BOOTD_SOCKET';

/** Options of every subcommand that asks a running daemon. */
export interface ControlOptions {
  readonly socket?: string;
  readonly config?: string;
  readonly json?: true;
}

/** Adds the options that say which daemon is asked, and how the answer is printed. */
export function withControlOptions(command: Command): Command {
  return command
    .option(
      '-s, --socket <path>',
      `control socket (default: $${SOCKET_VARIABLE}, else ${CONFIG_DEFAULTS.controlSocket})`,
    )
    .option('-c, --config <file>', 'take the control socket from this configuration')
    .option('--json', 'print JSON, for programs');
}

/** The client for the daemon that the options name. Throws ConfigError when `--config` cannot be used. */
export function controlClient(options: ControlOptions, context: CommandContext): ControlClient {
  const fromConfig =
    options.config === undefined ? undefined : readConfiguration(options.config).settings.control.socket;
  const fromEnvironment = context.process.environment[SOCKET_VARIABLE];
  return new ControlClient(
    options.socket ??
      fromConfig ??
      // An empty variable is one that is not set.
      (fromEnvironment === '' ? undefined : fromEnvironment) ??
      CONFIG_DEFAULTS.controlSocket,
  );
}
