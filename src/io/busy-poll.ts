/**
 * How long to go on asking after the last datagram, milliseconds. A peer close by answers sooner, and being put to sleep and
 * woken takes longer where the processor itself goes to sleep.
 */
const LINGER_MS = 0.05;

/** How much of a turn of the event loop may go by so, milliseconds: files, timers and new transfers wait meanwhile. */
const TURN_MS = 2;

/** Finding so many datagrams saves as much work as the asking in vain costs that comes after the last one. */
const DATAGRAMS_WORTH_IT = 4;

/** The account of datagrams found and of what the asking cost stays within these limits; at the lower one, asking pauses. */
const CREDIT_LIMIT = 64;

/** The wake-ups of a pause; twice as many each time that the asking has not paid since, up to the second. */
const PAUSE_WAKE_UPS = { first: 64, most: 4096 } as const;

/**
 * Goes on receiving without asking the event loop, which takes a thread of its own: to be told of each datagram costs more than to deal with
 * it. With a handful of clients in lock step the answers come so soon that this decides how fast they get their files.
 *
 * Peers that take longer would cost a processor for nothing, so it keeps account of whether it pays, and pauses when it does not.
 */
export class BusyPoll {
  readonly #now: () => number;
  readonly #receive: () => number;
  #credit = 0;
  #pause: number = PAUSE_WAKE_UPS.first;
  #pausedFor = 0;
  #turnIsUsedUp = false;

  /** `now` in milliseconds, with fractions. `receive` deals with what waits, without waiting, and returns how many datagrams that were. */
  constructor(now: () => number, receive: () => number) {
    this.#now = now;
    this.#receive = receive;
  }

  /** To be called when the event loop has delivered a datagram. Returns when nothing more comes, or the turn is used up. */
  run(): void {
    if (this.#turnIsUsedUp) {
      // libuv delivers up to 32 more before it turns to anything else: what waits by then comes at the price of one.
      this.#receive();
    } else if (this.#pausedFor > 0) {
      this.#pausedFor -= 1;
    } else {
      this.#keepAccount(this.#poll());
    }
  }

  /** Returns how many datagrams came. */
  #poll(): number {
    let now = this.#now();
    const end = now + TURN_MS;
    let lastFoundAt = now;
    let found = 0;
    while (now < end && now - lastFoundAt < LINGER_MS) {
      const count = this.#receive();
      now = this.#now();
      if (count === 0) continue;
      found += count;
      lastFoundAt = now;
    }
    if (now >= end) this.#useUpTurn();
    return found;
  }

  #useUpTurn(): void {
    this.#turnIsUsedUp = true;
    setImmediate(() => {
      this.#turnIsUsedUp = false;
    });
  }

  #keepAccount(found: number): void {
    this.#credit = Math.min(this.#credit + found - DATAGRAMS_WORTH_IT, CREDIT_LIMIT);
    if (this.#credit > 0) this.#pause = PAUSE_WAKE_UPS.first;
    if (this.#credit > -CREDIT_LIMIT) return;
    this.#credit = 0;
    this.#pausedFor = this.#pause;
    this.#pause = Math.min(2 * this.#pause, PAUSE_WAKE_UPS.most);
  }
}
