import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';

/**
 * - `free`: nobody answered in time
 * - `in-use`: somebody answers for the address
 * - `unknown`: it could not be asked: the link is down, there is no route, or too many checks are under way
 */
export type ConflictFinding = 'free' | 'in-use' | 'unknown';

/** Finds out whether somebody uses an address already, before it is offered (RFC 2131 sections 2.2 and 3.1). */
export interface ConflictProbe {
  /**
   * Resolves as soon as somebody answers, and with `free` when the time is over. Never rejects, and never delays
   * another check. An answer of `except` does not count: that is the client which is about to get the address.
   */
  check(address: Ipv4, timeoutMs: number, except?: Mac): Promise<ConflictFinding>;
  /** Checks that are under way end as `unknown`. */
  close(): void;
}
