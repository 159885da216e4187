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
