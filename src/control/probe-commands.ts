import type { Mac } from '../addr/mac.ts';

/** An announced probe, with times in milliseconds since 1970. */
export interface ProbeAnnouncement {
  readonly id: string;
  /** The machine that is played. */
  readonly mac: Mac;
  readonly startedAt: number;
  readonly expiresAt: number;
}

/** The probes that are under way, as the control API sees them. */
export interface ProbeCommands {
  /** Undefined when too many are under way. */
  announce(mac: Mac, lifetimeMs: number): ProbeAnnouncement | undefined;
  /** Succeeds also when there is no such probe. */
  end(id: string): void;
  underWay(): readonly ProbeAnnouncement[];
}
