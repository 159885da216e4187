/**
 * How long it pays to wait for a peer's answer, milliseconds. To be put to sleep and woken takes a good part of that where the
 * processor itself goes to sleep. Of several peers, one or the other answers so many times sooner.
 */
const ANSWER_MS = 0.1;

/**
 * How long one call may take, milliseconds. libuv makes up to 32 of them, as long as there is something to deliver, before
 * files, timers and new transfers get their turn.
 */
const CALL_MS = 1;

/**
 * Finding so many datagrams saves as much work as the asking in vain costs that comes after the last one of a single peer. To
 * charge less where there are more peers, and the asking is shorter, brought nothing.
 */
const DATAGRAMS_WORTH_IT = 8;

/** The account of datagrams found and of what the asking cost stays within these limits; at the lower one, asking pauses. */
const CREDIT_LIMIT = 64;

/** The wake-ups of a pause; twice as many each time that the asking has not paid since, up to the second. */
const PAUSE_WAKE_UPS = { first: 64, most: 4096 } as const;

/** What a busy poll needs of its socket. */
export interface PolledSocket {
  /** Milliseconds, with fractions; only ever grows. */
  now(): number;
  /** Deals with what waits, without waiting for more. Returns how many datagrams that were. */
  receive(): number;
  /** How many peers are to answer. */
  peers(): number;
}

/**
 * Goes on receiving without asking the event loop: to be told of each datagram costs more than to deal with it. With a handful of
 * clients in lock step the answers come so soon that this decides how fast they get their files. Only for a thread that has
 * nothing more urgent to do.
 *
 * Peers that take longer would cost a processor for nothing, so it keeps account of whether it pays, and pauses when it does not.
 */
export class BusyPoll {
  readonly #socket: PolledSocket;
  #credit = 0;
  #pause: number = PAUSE_WAKE_UPS.first;
  #pausedFor = 0;

  constructor(socket: PolledSocket) {
    this.#socket = socket;
  }

  /** To be called when the event loop has delivered a datagram. Returns when nothing more comes, or its time is over. */
  run(): void {
    if (this.#pausedFor > 0) this.#pausedFor -= 1;
    else this.#keepAccount(this.#poll());
  }

  /** Returns how many datagrams came. */
  #poll(): number {
    const socket = this.#socket;
    const lingerMs = ANSWER_MS / Math.max(socket.peers(), 1);
    let now = socket.now();
    const end = now + CALL_MS;
    let lastFoundAt = now;
    let found = 0;
    while (now < end && now - lastFoundAt < lingerMs) {
      const count = socket.receive();
      now = socket.now();
      if (count === 0) continue;
      found += count;
      lastFoundAt = now;
    }
    return found;
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
