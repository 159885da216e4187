import type { Ipv4 } from '../addr/ipv4.ts';

const NONE: ReadonlySet<Ipv4> = new Set();

/**
 * The addresses that belong to each key. Nearly every key has one, so a single address stands there bare: with 200,000
 * leases, as many sets of one element would cost more memory than the leases.
 */
export class AddressIndex<Key> {
  readonly #addresses = new Map<Key, Ipv4 | Set<Ipv4>>();

  add(key: Key, address: Ipv4): void {
    const present = this.#addresses.get(key);
    if (present === address) return;
    if (present === undefined) this.#addresses.set(key, address);
    else if (typeof present === 'number') this.#addresses.set(key, new Set([present, address]));
    else present.add(address);
  }

  remove(key: Key, address: Ipv4): void {
    const present = this.#addresses.get(key);
    if (present === address) this.#addresses.delete(key);
    if (!(present instanceof Set)) return;
    present.delete(address);
    if (present.size === 1) for (const last of present) this.#addresses.set(key, last);
  }

  get(key: Key): ReadonlySet<Ipv4> | readonly Ipv4[] {
    const present = this.#addresses.get(key);
    if (present === undefined) return NONE;
    return typeof present === 'number' ? [present] : present;
  }
}
