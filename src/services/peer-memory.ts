import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { Clock } from '../io/clock.ts';

/** A ramdisk follows its configuration within seconds; an address may be another machine's after a while. */
const REMEMBERED_MS = 30 * 60_000;
const MOST_PEERS = 4096;

/**
 * Which machine an address was when it last asked for a configuration by MAC. For sites where somebody else gives the
 * addresses, so that no lease tells.
 */
export class PeerMemory {
  readonly #clock: Clock;
  /** In the order of the last request. */
  readonly #peers = new Map<Ipv4, { readonly mac: Mac; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  remember(peer: Ipv4, mac: Mac): void {
    this.#peers.delete(peer);
    this.#peers.set(peer, { mac, at: this.#clock.monotonic() });
    const [oldest] = this.#peers.keys();
    if (this.#peers.size > MOST_PEERS && oldest !== undefined) this.#peers.delete(oldest);
  }

  macOf(peer: Ipv4): Mac | undefined {
    const found = this.#peers.get(peer);
    return found !== undefined && this.#clock.monotonic() - found.at < REMEMBERED_MS ? found.mac : undefined;
  }
}
