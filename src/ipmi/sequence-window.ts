/** How far a packet may lag behind the newest one (IPMI 2.0 section 6.12.13). */
const WINDOW = 16;

/**
 * Which sequence numbers of a session have been seen: each is taken once, late ones within the window. A number ahead
 * of all is always taken, since it was signed, and a controller may have counted on while its packets were lost.
 */
export class SequenceWindow {
  #newest = 0;
  /** Bit n: the number `newest - n` was seen. */
  #seen = 0;

  /** Whether the packet with this number is new; it counts as seen from then on. */
  take(sequence: number): boolean {
    // 0 is for packets outside of a session.
    if (sequence === 0) return false;
    const ahead = sequence - this.#newest;
    if (ahead > 0) {
      this.#seen = ahead >= WINDOW ? 1 : ((this.#seen << ahead) | 1) & 0xffff;
      this.#newest = sequence;
      return true;
    }
    if (-ahead >= WINDOW) return false;
    const bit = 1 << -ahead;
    if ((this.#seen & bit) !== 0) return false;
    this.#seen |= bit;
    return true;
  }
}
