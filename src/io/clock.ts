/** Where services take the time from; floor 1 gets it as an argument. */
export interface Clock {
  /** Milliseconds since 1970. May jump, forwards and backwards, when somebody sets the host's clock. */
  now(): number;
  /** Milliseconds since an arbitrary moment; only ever grows, whatever happens to the wall clock. */
  monotonic(): number;
}

/** The host's clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** A difference between two clocks that no adjustment of a running one makes: somebody set it. */
const STEP_MS = 2000;

/**
 * A clock that shows the host's time and does not jump with it: when somebody sets the host's clock, `now()` goes on as if
 * nothing had happened until `follow()` is called. So whoever keeps times of it can move them along in the same turn.
 */
export interface SteadyClock extends Clock {
  /** Shows the host's time from here on. Returns by how many milliseconds that was set; 0 when nobody set it. */
  follow(): number;
}

/** A steady clock over the host's. Small differences, such as a leap second makes, are followed without a word. */
export function createSteadyClock(host: Clock = systemClock): SteadyClock {
  let ahead = host.now() - host.monotonic();
  const now = (): number => Math.round(host.monotonic() + ahead);
  return {
    now,
    monotonic: () => host.monotonic(),
    follow() {
      const difference = host.now() - now();
      ahead += difference;
      return Math.abs(difference) < STEP_MS ? 0 : difference;
    },
  };
}

/** A clock for tests: it stands still until it is told otherwise. */
export interface SettableClock extends Clock {
  /** Time passes on both clocks. */
  advance(milliseconds: number): void;
  /** Somebody sets the wall clock; the monotonic one does not notice. */
  set(now: number): void;
}

/** A settable clock that starts at `now`. */
export function createSettableClock(now: number): SettableClock {
  let wall = now;
  let sinceStart = 0;
  return {
    now: () => wall,
    monotonic: () => sinceStart,
    advance(milliseconds) {
      if (milliseconds < 0) throw new RangeError('time does not pass backwards; use set() for a clock step');
      wall += milliseconds;
      sinceStart += milliseconds;
    },
    set(newNow) {
      wall = newNow;
    },
  };
}
