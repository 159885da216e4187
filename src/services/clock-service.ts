import type { SteadyClock } from '../io/clock.ts';
import type { Service } from './service.ts';

/** What the service works with. */
export interface ClockServiceParts {
  readonly clock: SteadyClock;
  /** Told in the same turn of the event loop in which the clock goes on by the new time. */
  readonly onStep: (milliseconds: number) => void;
}

/** How often the host's clock is looked at; until then the old time goes on. */
const LOOK_EVERY_MS = 1000;

/** Notices that somebody set the host's clock, which no signal tells. */
export class ClockService implements Service {
  readonly name = 'clock';
  readonly #parts: ClockServiceParts;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ClockServiceParts) {
    this.#parts = parts;
  }

  start(): Promise<void> {
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    return Promise.resolve();
  }

  /** Looks now. */
  look(): void {
    const { clock, onStep } = this.#parts;
    const step = clock.follow();
    if (step !== 0) onStep(step);
  }
}
