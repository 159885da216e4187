import { DEFAULT_RETRY_POLICY, type RetryPolicy } from './ipmi-settings.ts';

/** How a boot that bootd itself started is watched. */
export interface BootWatchSettings {
  /** How long a machine may take from power-on to its first word to DHCP. */
  readonly firstRequestMs: number;
  /** How long it may take in all, from power-on to its kernel. */
  readonly bootMs: number;
  /** How often it is started in all. */
  readonly attempts: number;
}

/** How management controllers are spoken to. */
export interface PowerSettings {
  /** How often the power state of each node is asked for; undefined: only when somebody wants to know. */
  readonly pollIntervalMs: number | undefined;
  readonly retries: RetryPolicy;
  readonly bootWatch: BootWatchSettings;
}

/** What holds where the configuration says nothing. */
export const POWER_DEFAULTS: PowerSettings = {
  pollIntervalMs: undefined,
  retries: DEFAULT_RETRY_POLICY,
  // A server with much memory tests it for minutes before its network card speaks.
  bootWatch: { firstRequestMs: 600_000, bootMs: 1_800_000, attempts: 3 },
};
