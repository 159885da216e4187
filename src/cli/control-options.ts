import type { Command } from 'commander';
import { CONFIG_DEFAULTS } from '../config/raw-config.ts';
import type { CommandContext } from './command-context.ts';
import { ControlClient } from './control-client.ts';
import { readConfiguration } from './read-configuration.ts';

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
      `control socket (default: $BOOTD_SOCKET, else ${CONFIG_DEFAULTS.controlSocket})`,
    )
    .option('-c, --config <file>', 'take the control socket from this configuration')
    .option('--json', 'print JSON, for programs');
}

/** The client for the daemon that the options name. Throws ConfigError when `--config` cannot be used. */
export function controlClient(options: ControlOptions, context: CommandContext): ControlClient {
  const fromConfig =
    options.config === undefined ? undefined : readConfiguration(options.config).settings.control.socket;
  return new ControlClient(
    options.socket ?? fromConfig ?? context.defaultSocket ?? CONFIG_DEFAULTS.controlSocket,
  );
}
