import type { Ipv4 } from '../../src/addr/ipv4.ts';
import type { DhcpWire } from '../../src/services/dhcp-wire.ts';
import type { DhcpReceiver } from '../../src/services/dhcp-wires.ts';
import { decodeDhcpMessage, encodeDhcpMessage, type DhcpMessage } from '../../src/wire/dhcp/dhcp-message.ts';
import type { Link } from '../../src/dhcp/link.ts';
import { LINK } from '../unit/dhcp/fake-view.ts';
import type { WireConditions } from './lossy-network.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** Sees what the server hears and says, at the server's own socket: before it may get lost, and after. */
export interface WireTap {
  heard(message: DhcpMessage): void;
  said(message: DhcpMessage): void;
  /** The server said something on a wire on which its addressee never spoke. */
  strayed(message: DhcpMessage): void;
}

type Hear = (message: DhcpMessage) => void;

/** How long somebody who is on an address already takes to answer a conflict check. */
const STRANGER_ANSWERS_MS = 20;

/**
 * An Ethernet of one DHCP server and many machines in virtual time, which loses, doubles and reorders datagrams. A reply
 * reaches the machine whose card stands in it; the others would drop it.
 */
export class SimulatedWire {
  /** Addresses on which somebody sits whom no server knows. */
  readonly strangers = new Set<Ipv4>();
  readonly #clock: VirtualClock;
  readonly #random: () => number;
  readonly #conditions: WireConditions;
  readonly #tap: WireTap;
  readonly #link: Link;
  readonly #machines = new Map<string, Hear>();
  /** Cards that were heard here. */
  readonly #heard = new Set<string>();
  #server: ((bytes: Uint8Array) => void) | undefined;

  constructor(
    clock: VirtualClock,
    random: () => number,
    conditions: WireConditions,
    tap: WireTap,
    link: Link = LINK,
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#conditions = conditions;
    this.#tap = tap;
    this.#link = link;
  }

  /** A machine's card. */
  attach(chaddr: Uint8Array, hear: Hear): void {
    this.#machines.set(chaddr.join(), hear);
  }

  /** From a machine to the server. */
  fromMachine(message: DhcpMessage): void {
    const bytes = encodeDhcpMessage(message, Infinity);
    this.#carry(this.#conditions.lossToServer, () => this.#server?.(bytes));
  }

  /** The server's end, for one life of it: what it says after `unplug` goes nowhere. */
  plugIn(receive: DhcpReceiver): void {
    const isPlugged = (): boolean => this.#server === hear;
    const say = (bytes: Uint8Array): void => {
      if (isPlugged()) this.#toMachine(bytes);
    };
    const wire: DhcpWire = {
      link: this.#link,
      port: {
        send: (bytes) => {
          say(bytes);
          return Promise.resolve();
        },
        onDatagram: () => undefined,
        onError: () => undefined,
        close: () => Promise.resolve(),
      },
      frames: { send: ({ payload }) => say(payload), close: () => undefined },
      conflicts: { check: (address, timeoutMs) => this.#check(address, timeoutMs), close: () => undefined },
      strangerOn: () => undefined,
      limitations: [],
    };
    const hear = (bytes: Uint8Array): void => {
      const message = decodeDhcpMessage(bytes);
      this.#heard.add(cardOf(message));
      this.#tap.heard(message);
      receive(wire, bytes, 68);
    };
    this.#server = hear;
  }

  unplug(): void {
    this.#server = undefined;
  }

  #check(address: Ipv4, timeoutMs: number): Promise<'free' | 'in-use'> {
    const isTaken = this.strangers.has(address);
    return new Promise((resolve) => {
      this.#clock.after(isTaken ? STRANGER_ANSWERS_MS : timeoutMs, () => {
        resolve(isTaken ? 'in-use' : 'free');
      });
    });
  }

  #toMachine(bytes: Uint8Array): void {
    const message = decodeDhcpMessage(bytes);
    const card = cardOf(message);
    if (!this.#heard.has(card)) this.#tap.strayed(message);
    this.#tap.said(message);
    this.#carry(this.#conditions.lossToClient, () => this.#machines.get(card)?.(message));
  }

  #carry(loss: number, deliver: () => void): void {
    const { duplicates, delayMs, jitterMs } = this.#conditions;
    const copies = this.#random() < duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#random() < loss) continue;
      this.#clock.after(delayMs + this.#random() * jitterMs, deliver);
    }
  }
}

function cardOf({ chaddr, hlen }: DhcpMessage): string {
  return chaddr.subarray(0, hlen).join();
}
