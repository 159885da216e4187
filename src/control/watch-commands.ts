import type { NodeUuid } from '../boot/node.ts';
import type { BootFailure } from '../boot/boot-attempt.ts';
import type { BootWatchSettings } from '../ipmi/power-settings.ts';

/** What a watched boot is asked to do. */
export interface WatchOrder {
  /** Undefined: as the node's boot mode says. */
  readonly uefi: boolean | undefined;
  /** Also for a node that another program manages. */
  readonly evenIfManaged: boolean;
  /** Its serial console is read along, and its last lines are kept with the boot. */
  readonly console: boolean;
  /** How often it is started and how long it is waited for, where that differs from the configuration. */
  readonly patience: Partial<BootWatchSettings>;
}

/** A boot that bootd started itself. Times are milliseconds since 1970. */
export interface WatchView {
  readonly node: NodeUuid;
  readonly state: 'under-way' | 'booted' | 'failed' | 'cancelled';
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  /** Which start this is; counts from 1. */
  readonly attempt: number;
  readonly attempts: number;
  /** The trace of the last attempt; undefined: the machine has not been switched on yet, or has no port. */
  readonly boot: string | undefined;
  /** How it stands, in words. */
  readonly sentence: string;
  /** Why each attempt before failed, and the last one if it did. */
  readonly failures: readonly BootFailure[];
}

/** Boots that bootd starts and watches, as the control API sees them. */
export interface WatchCommands {
  /** Throws ProblemError when it may not be started. */
  begin(uuid: NodeUuid, order: WatchOrder): WatchView;
  /** The last one of the node; undefined: there was none since bootd started. */
  watch(uuid: NodeUuid): WatchView | undefined;
  /** Watches no longer, and leaves the machine as it is. */
  cancel(uuid: NodeUuid): void;
}
