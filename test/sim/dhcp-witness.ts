import { formatIpv4, ipv4FromBytes, type Ipv4 } from '../../src/addr/ipv4.ts';
import type { DhcpMessage } from '../../src/wire/dhcp/dhcp-message.ts';
import type { WireTap } from './simulated-wire.ts';

/** An offer is kept for ten seconds at least, however scarce addresses are; the server's clock counts milliseconds. */
const OFFER_HOLDS_MS = 9990;

interface Promised {
  readonly mac: string;
  readonly until: number;
}

/** Whether a lease of this address for this card would survive a power cut. */
export type IsDurable = (address: Ipv4, mac: string) => boolean;

/**
 * Listens at the server's socket, knows nothing of the server's inside, and writes down each promise that is broken:
 * an address that two machines have, or are offered; an ACK that is not durable; a NAK for what was offered or is held.
 */
export class DhcpWitness implements WireTap {
  readonly broken: string[] = [];
  /** Messages that the server said, by type. */
  readonly count = { offers: 0, acks: 0, naks: 0 };
  readonly #now: () => number;
  readonly #isDurable: IsDurable;
  readonly #holders = new Map<Ipv4, Promised>();
  readonly #offers = new Map<Ipv4, Promised>();
  /** What each machine asked for last. */
  readonly #wishes = new Map<string, Ipv4>();
  /** What was given back, by RELEASE or DECLINE, and not asked for since. */
  readonly #givenBack = new Map<Ipv4, string>();

  constructor(now: () => number, isDurable: IsDurable) {
    this.#now = now;
    this.#isDurable = isDurable;
  }

  /** Addresses that some machine was acknowledged, and has for so many milliseconds more at least. */
  held(forMs: number): readonly { readonly address: Ipv4; readonly mac: string }[] {
    const held = [...this.#holders].filter(([, { until }]) => until > this.#now() + forMs);
    return held.map(([address, { mac }]) => ({ address, mac }));
  }

  /** Who has the address, by what was said on the wire. */
  holderOf(address: Ipv4): string | undefined {
    return this.#standing(this.#holders, address);
  }

  heard(message: DhcpMessage): void {
    const mac = macOf(message);
    const wish = addressOption(message, 50) ?? message.ciaddr;
    const type = message.options.get(53)?.[0];
    if (type === 3) {
      this.#wishes.set(mac, wish);
      if (this.#givenBack.get(wish) === mac) this.#givenBack.delete(wish);
    }
    // RELEASE and DECLINE end what the server promised as soon as it hears of them.
    if (type !== 4 && type !== 7) return;
    this.#givenBack.set(wish, mac);
    if (this.#holders.get(wish)?.mac === mac) this.#holders.delete(wish);
    if (this.#offers.get(wish)?.mac === mac) this.#offers.delete(wish);
  }

  said(message: DhcpMessage): void {
    const mac = macOf(message);
    const address = message.yiaddr;
    switch (message.options.get(53)?.[0]) {
      case 2:
        this.count.offers += 1;
        this.#mustBeFreeFor(mac, address, 'offered');
        this.#offers.set(address, { mac, until: this.#now() + OFFER_HOLDS_MS });
        return;
      case 5: {
        this.count.acks += 1;
        // Its RELEASE was heard while the ACK waited for the disk: nobody is promised anything, and nobody listens.
        if (this.#givenBack.get(address) === mac) return;
        this.#mustBeFreeFor(mac, address, 'acknowledged');
        if (!this.#isDurable(address, mac))
          this.#break(`an ACK left before its lease was durable`, mac, address);
        const seconds = [...(message.options.get(51) ?? [])].reduce((sum, octet) => sum * 256 + octet, 0);
        this.#holders.set(address, { mac, until: this.#now() + seconds * 1000 });
        this.#offers.delete(address);
        return;
      }
      case 6: {
        this.count.naks += 1;
        const wish = this.#wishes.get(mac) ?? address;
        if (this.holderOf(wish) === mac) this.#break('NAK for an address that it has', mac, wish);
        if (this.#standing(this.#offers, wish) === mac) {
          this.#break('NAK for an address that it was offered', mac, wish);
        }
        return;
      }
      default:
    }
  }

  strayed(message: DhcpMessage): void {
    this.#break('an answer on a wire on which it never spoke', macOf(message), message.yiaddr);
  }

  /** The server lost its memory: offers are not kept on disk. */
  crashed(): void {
    this.#offers.clear();
  }

  #mustBeFreeFor(mac: string, address: Ipv4, how: string): void {
    const holder = this.holderOf(address);
    if (holder !== undefined && holder !== mac) this.#break(`${how}, and ${holder} has it`, mac, address);
    const offered = this.#standing(this.#offers, address);
    if (offered !== undefined && offered !== mac) {
      this.#break(`${how}, and it is on offer to ${offered}`, mac, address);
    }
  }

  #standing(promises: ReadonlyMap<Ipv4, Promised>, address: Ipv4): string | undefined {
    const promised = promises.get(address);
    return promised !== undefined && promised.until > this.#now() ? promised.mac : undefined;
  }

  #break(what: string, mac: string, address: Ipv4): void {
    this.broken.push(`${this.#now().toFixed(0)} ms: ${formatIpv4(address)} for ${mac}: ${what}`);
  }
}

/** The card of a message, as octets in text. */
export function macOf({ chaddr, hlen }: DhcpMessage): string {
  return [...chaddr.subarray(0, hlen)].map((octet) => octet.toString(16).padStart(2, '0')).join(':');
}

function addressOption(message: DhcpMessage, code: number): Ipv4 | undefined {
  const value = message.options.get(code);
  return value?.length === 4 ? ipv4FromBytes(value) : undefined;
}
