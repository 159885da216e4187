import type { ServiceNotifier } from '../io/sd-notify.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';

/** What the watchdog works with. */
export interface WatchdogParts {
  readonly notifier: Pick<ServiceNotifier, 'watchdog' | 'watchdogTimeoutMs'>;
  /** Resolves when everything that must be alive, and is not this thread, has given a sign of life. */
  readonly answer: () => Promise<unknown>;
  readonly logger: Logger;
}

/** Looks in the manager's time: one that is missed leaves two more. */
const LOOKS = 3;

/**
 * Feeds the service manager's watchdog (WatchdogSec= of systemd.service(5)): from this thread's timers, so that an event
 * loop that hangs is noticed, and only when the other threads have answered since the last look, so that one of those is
 * too. Does nothing where the manager does not watch.
 */
export class Watchdog {
  readonly #parts: WatchdogParts;
  #timer: NodeJS.Timeout | undefined;
  /** Whether the last question is still open. */
  #waiting = false;
  #told = false;

  constructor(parts: WatchdogParts) {
    this.#parts = parts;
  }

  start(): void {
    const { watchdogTimeoutMs } = this.#parts.notifier;
    if (watchdogTimeoutMs === undefined) return;
    this.#look();
    this.#timer = setInterval(() => this.#look(), watchdogTimeoutMs / LOOKS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { notifier, answer, logger } = this.#parts;
    if (this.#waiting) {
      if (this.#told) return;
      this.#told = true;
      logger.error(
        { event: EVENTS.daemonWatchdogUnfed },
        'a thread of bootd does not answer; the service manager is told no more that all is well, and will start bootd anew',
      );
      return;
    }
    this.#told = false;
    this.#waiting = true;
    notifier.watchdog();
    void answer().finally(() => (this.#waiting = false));
  }
}
