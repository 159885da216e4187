import { ipv4FromBytes, type Ipv4 } from '../../src/addr/ipv4.ts';
import type { DhcpMessage } from '../../src/wire/dhcp/dhcp-message.ts';
import { addressOption, FakeClient } from '../unit/dhcp/fake-view.ts';
import type { SimulatedWire } from './simulated-wire.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** The states of RFC 2131 section 4.4, figure 5, as far as a machine waits in them. */
export type MachineState = 'off' | 'selecting' | 'requesting' | 'rebooting' | 'bound' | 'renewing';

/** A lease as its machine knows it; times are of the machine's own clock, which nobody sets. */
export interface OwnLease {
  readonly address: Ipv4;
  readonly until: number;
}

/** Tries in one state before the machine begins anew, as in RFC 2131 section 3.1, item 5. */
const TRIES_MAX = 4;

/** A machine that speaks DHCP as RFC 2131 wants it, in virtual time: the client's half, written for the tests alone. */
export class SimulatedMachine {
  readonly client: FakeClient;
  /** Told of each ACK that gives the machine an address anew; not of renewals. */
  onBound: (message: DhcpMessage) => void = () => undefined;
  state: MachineState = 'off';
  /** Kept when the machine is switched off, as on a disk. */
  lease: OwnLease | undefined;
  /** The address that it had last, which it wishes for when it has none. */
  #formerly: Ipv4 | undefined;
  readonly #clock: VirtualClock;
  readonly #random: () => number;
  readonly #wire: SimulatedWire;
  #xid = 0;
  #tries = 0;
  #offered: Ipv4 | undefined;
  /** Whose offer was taken. */
  #server: Ipv4 | undefined;
  #askedAt = 0;
  /** Counts changes of state: what was to happen in an earlier one does not. */
  #turn = 0;

  /** `mac` where the same run must have the same cards. */
  constructor(clock: VirtualClock, random: () => number, wire: SimulatedWire, mac?: string) {
    this.client = new FakeClient(mac === undefined ? {} : { mac });
    this.#clock = clock;
    this.#random = random;
    this.#wire = wire;
    const chaddr = this.client.discover().chaddr;
    wire.attach(chaddr.subarray(0, 6), (message) => this.#hear(message));
  }

  /** With a lease that is not over, it asks for the same address again (INIT-REBOOT). */
  switchOn(): void {
    if (this.state !== 'off') return;
    this.#enter(this.#ownLease() === undefined ? 'selecting' : 'rebooting');
  }

  /** Without a word, as machines are. */
  switchOff(): void {
    this.state = 'off';
    this.#turn += 1;
  }

  /** It forgets what it had, since another system is installed; one that is on begins anew. */
  forget(): void {
    this.lease = undefined;
    if (this.state !== 'off') this.#enter('selecting');
  }

  release(): void {
    const lease = this.#ownLease();
    this.switchOff();
    this.forget();
    if (lease !== undefined) this.#wire.fromMachine(this.client.release(lease.address, this.#server));
  }

  /** It found somebody else on its address. */
  decline(): void {
    const lease = this.#ownLease();
    if (lease === undefined || this.state === 'off') return;
    this.#wire.fromMachine(this.client.decline(lease.address, this.#server));
    this.forget();
  }

  #ownLease(): OwnLease | undefined {
    return this.lease !== undefined && this.lease.until > this.#clock.now() ? this.lease : undefined;
  }

  #enter(state: Exclude<MachineState, 'off' | 'bound'>): void {
    this.state = state;
    this.#turn += 1;
    this.#tries = 0;
    if (state !== 'requesting') this.#xid = Math.floor(this.#random() * 2 ** 32);
    this.#speak();
  }

  #speak(): void {
    const message = this.#message();
    if (message === undefined || (this.#tries >= TRIES_MAX && this.state !== 'selecting')) {
      if (this.state !== 'renewing') this.lease = undefined;
      this.#enter(this.state === 'renewing' && message !== undefined ? 'renewing' : 'selecting');
      return;
    }
    this.#askedAt = this.#clock.now();
    this.#wire.fromMachine(message);
    // RFC 2131 section 4.1: doubled each time, and a second more or less.
    const wait = 4000 * 2 ** Math.min(this.#tries, 4) + (this.#random() * 2 - 1) * 1000;
    this.#tries += 1;
    this.#later(wait, () => this.#speak());
  }

  #message(): DhcpMessage | undefined {
    const { client } = this;
    const header = { xid: this.#xid };
    const own = this.#ownLease()?.address;
    switch (this.state) {
      case 'selecting':
        return client.discover(
          this.#formerly === undefined ? [] : [addressOption(50, this.#formerly)],
          header,
        );
      case 'requesting':
        return this.#offered && client.select(this.#offered, this.#server, header);
      case 'rebooting':
        return own && client.reboot(own, header);
      case 'renewing':
        return own && client.renew(own, header);
      case 'off':
      case 'bound':
        return undefined;
    }
  }

  #hear(message: DhcpMessage): void {
    if (this.state === 'off' || this.state === 'bound' || message.xid !== this.#xid) return;
    const type = message.options.get(53)?.[0];
    if (type === 2 && this.state === 'selecting') {
      this.#offered = message.yiaddr;
      this.#server = ipv4FromBytes(message.options.get(54) ?? new Uint8Array());
      this.#enter('requesting');
    } else if (type === 5 && this.state !== 'selecting') {
      this.#bind(message);
    } else if (type === 6 && this.state !== 'selecting') {
      this.forget();
    }
  }

  #bind(message: DhcpMessage): void {
    const seconds = new DataView(Uint8Array.from(message.options.get(51) ?? []).buffer).getUint32(0);
    this.lease = { address: message.yiaddr, until: this.#askedAt + seconds * 1000 };
    this.#formerly = message.yiaddr;
    const isNew = this.state !== 'renewing';
    this.state = 'bound';
    this.#turn += 1;
    this.#later((seconds * 1000) / 2, () => this.#enter('renewing'));
    if (isNew) this.onBound(message);
  }

  #later(milliseconds: number, act: () => void): void {
    const turn = this.#turn;
    this.#clock.after(milliseconds, () => {
      if (turn === this.#turn) act();
    });
  }
}
