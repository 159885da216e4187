import { formatIpv4, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import { macToBytes } from '../addr/mac.ts';
import {
  BOOTREPLY,
  BROADCAST_FLAG,
  EMPTY_MESSAGE,
  fieldText,
  type DhcpMessage,
} from '../wire/dhcp/dhcp-message.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import { objectionTo, readBootOffer, type BootOffer } from './boot-offer.ts';
import {
  firmwareOptions,
  type FirmwareShape,
  type FirmwareTimes,
  type ProbeMachine,
} from './firmware-shapes.ts';

/** DHCP message types (RFC 2132 section 9.6). */
const TYPE = { discover: 1, offer: 2, request: 3, ack: 5, nak: 6, release: 7 } as const;

const CHADDR_LENGTH = 16;

/** A NAK sends the client back to DISCOVER this often; a server that refuses its own offers is a failure. */
const MOST_NAKS = 2;

/** What a client does, in order. */
export type FirmwareStep =
  | { readonly kind: 'send'; readonly what: 'discover' | 'request' | 'bootp'; readonly message: DhcpMessage }
  | { readonly kind: 'offered'; readonly offer: BootOffer }
  /** An offer that this client does not take. */
  | { readonly kind: 'ignored'; readonly offer: BootOffer; readonly reason: string }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'bound'; readonly lease: BootOffer }
  | { readonly kind: 'failed'; readonly reason: string };

/** What is fixed for one exchange. `times` may differ from the shape's own: a probe need not wait as long. */
export interface FirmwareClientOptions {
  readonly shape: FirmwareShape;
  readonly machine: ProbeMachine;
  readonly times: FirmwareTimes;
  readonly xid: number;
  /** Set the broadcast flag whatever the shape says: the player's card does not have the machine's address. */
  readonly forceBroadcast?: boolean;
}

type Phase = 'new' | 'discovering' | 'requesting' | 'done';

/**
 * The DHCP or BOOTP side of a firmware, from its first packet to its address. It holds no socket and no clock: it is
 * handed messages and the time, and answers with what to do. `wakeAt` says when it wants to be woken next.
 */
export class FirmwareClient {
  readonly #options: FirmwareClientOptions;
  #phase: Phase = 'new';
  #startedAt = 0;
  #wakeAt: number | undefined;
  #offer: BootOffer | undefined;
  #discovers = 0;
  #requests = 0;
  #transmissions = 0;
  #naks = 0;
  #objections = new Set<string>();

  constructor(options: FirmwareClientOptions) {
    this.#options = options;
  }

  /** When wake() is due, in the unit of `now`; undefined when nothing is awaited any more. */
  get wakeAt(): number | undefined {
    return this.#wakeAt;
  }

  /** The first packet. */
  start(now: number): readonly FirmwareStep[] {
    this.#phase = 'discovering';
    this.#startedAt = now;
    return [this.#discover(now)];
  }

  /** The time that `wakeAt` named has come. */
  wake(now: number): readonly FirmwareStep[] {
    switch (this.#phase) {
      case 'discovering':
        return this.#goOnDiscovering(now);
      case 'requesting':
        return this.#requests < this.#options.times.retransmitMs.length
          ? [this.#request(now)]
          : [this.#fail('the server offered an address, but did not answer the REQUEST for it')];
      case 'new':
      case 'done':
        return [];
      default:
        return this.#phase satisfies never;
    }
  }

  /** A message came in; one that is not for this exchange does nothing. */
  receive(message: DhcpMessage, now: number): readonly FirmwareStep[] {
    if (message.op !== BOOTREPLY || message.xid !== this.#options.xid || !this.#isOurs(message)) return [];
    if (this.#options.shape.protocol === 'bootp') {
      if (this.#phase !== 'discovering' || message.yiaddr === UNSPECIFIED_IPV4) return [];
      return [this.#bind(readBootOffer(message))];
    }
    switch (message.options.get(OPTION.messageType)?.[0]) {
      case TYPE.offer:
        return this.#phase === 'discovering' ? this.#considerOffer(readBootOffer(message), now) : [];
      case TYPE.ack:
        return this.#phase === 'requesting' ? [this.#bind(readBootOffer(message))] : [];
      case TYPE.nak:
        return this.#phase === 'requesting' ? this.#startOver(message, now) : [];
      default:
        return [];
    }
  }

  #considerOffer(offer: BootOffer, now: number): readonly FirmwareStep[] {
    const objection = objectionTo(offer, this.#options.shape.wish);
    if (objection !== undefined) {
      this.#objections.add(
        `${formatIpv4(offer.serverIdentifier)} offers ${formatIpv4(offer.address)}, but ${objection}`,
      );
      return [{ kind: 'ignored', offer, reason: objection }];
    }
    this.#offer ??= offer;
    this.#hurry(now);
    return [{ kind: 'offered', offer }];
  }

  /** With an offer at hand, the next step is due when the time of collecting is over, and not later. */
  #hurry(now: number): void {
    const { collectMs, leastDiscovers } = this.#options.times;
    if (this.#discovers < leastDiscovers && collectMs > 0) return;
    this.#wakeAt = Math.min(this.#wakeAt ?? now, Math.max(now, this.#startedAt + collectMs));
  }

  #goOnDiscovering(now: number): readonly FirmwareStep[] {
    const { leastDiscovers, collectMs, retransmitMs } = this.#options.times;
    const collected = now - this.#startedAt >= collectMs && this.#discovers >= leastDiscovers;
    if (this.#offer !== undefined && collected) {
      this.#phase = 'requesting';
      return [this.#request(now)];
    }
    if (this.#discovers < retransmitMs.length) return [this.#discover(now)];
    if (this.#objections.size > 0) return [this.#fail([...this.#objections].join('; '))];
    return [
      this.#fail(
        `nobody answered ${this.#discovers} ${this.#options.shape.protocol === 'bootp' ? 'BOOTP requests' : 'DISCOVERs'}`,
      ),
    ];
  }

  #discover(now: number): FirmwareStep {
    this.#wakeAt = now + (this.#options.times.retransmitMs[this.#discovers] ?? 0);
    this.#discovers += 1;
    const { shape } = this.#options;
    if (shape.protocol === 'bootp') return { kind: 'send', what: 'bootp', message: this.#message(new Map()) };
    const options = firmwareOptions(shape, this.#options.machine, TYPE.discover, undefined);
    return { kind: 'send', what: 'discover', message: this.#message(options) };
  }

  #request(now: number): FirmwareStep {
    this.#wakeAt = now + (this.#options.times.retransmitMs[this.#requests] ?? 0);
    this.#requests += 1;
    const options = firmwareOptions(this.#options.shape, this.#options.machine, TYPE.request, this.#offer);
    return { kind: 'send', what: 'request', message: this.#message(options) };
  }

  #bind(lease: BootOffer): FirmwareStep {
    this.#phase = 'done';
    this.#wakeAt = undefined;
    return { kind: 'bound', lease };
  }

  #fail(reason: string): FirmwareStep {
    this.#phase = 'done';
    this.#wakeAt = undefined;
    return { kind: 'failed', reason };
  }

  /** RFC 2131 section 3.1 step 4: after a NAK the client begins again. */
  #startOver(message: DhcpMessage, now: number): readonly FirmwareStep[] {
    const said = fieldText(message.options.get(OPTION.message) ?? new Uint8Array());
    const refused: FirmwareStep = { kind: 'refused', message: said };
    this.#naks += 1;
    if (this.#naks > MOST_NAKS)
      return [refused, this.#fail(`the server refuses what it offers: ${said || 'NAK'}`)];
    this.#phase = 'discovering';
    this.#startedAt = now;
    this.#offer = undefined;
    this.#discovers = 0;
    this.#requests = 0;
    return [refused, this.#discover(now)];
  }

  #isOurs(message: DhcpMessage): boolean {
    const own = macToBytes(this.#options.machine.mac);
    return message.hlen === own.length && own.every((octet, at) => message.chaddr[at] === octet);
  }

  #message(options: ReadonlyMap<number, Uint8Array>): DhcpMessage {
    const { shape, machine, xid, forceBroadcast } = this.#options;
    this.#transmissions += 1;
    return {
      ...EMPTY_MESSAGE,
      xid,
      secs: shape.secs(this.#transmissions),
      flags: shape.broadcast || forceBroadcast === true ? BROADCAST_FLAG : 0,
      chaddr: hardwareAddress(machine),
      options,
    };
  }
}

/** The RELEASE that gives a lease back: to the server, from the address itself (RFC 2131 section 4.4.6). */
export function releaseMessage(options: {
  readonly shape: FirmwareShape;
  readonly machine: ProbeMachine;
  readonly lease: { readonly address: Ipv4; readonly serverIdentifier: Ipv4 };
  readonly xid: number;
}): DhcpMessage {
  const { shape, machine, lease, xid } = options;
  const said = firmwareOptions(shape, machine, TYPE.release, {
    address: lease.address,
    serverIdentifier: lease.serverIdentifier,
  });
  // The client identifier must be the one of the REQUEST, or absent as it was there (RFC 2131 section 4.2).
  const kept: readonly number[] = [OPTION.messageType, OPTION.serverIdentifier, OPTION.clientIdentifier];
  return {
    ...EMPTY_MESSAGE,
    xid,
    ciaddr: lease.address,
    chaddr: hardwareAddress(machine),
    options: new Map(
      kept.flatMap((code) => {
        const value = said.get(code);
        return value === undefined ? [] : [[code, value] as const];
      }),
    ),
  };
}

/** Enough for a server that checks an address for a second before it offers it. */
const BRISK_RETRANSMIT_MS = [2000, 3000, 4000];

/** The times of a client that takes the first good offer and soon gives up; the messages and their order stay. */
export function briskTimes(times: FirmwareTimes): FirmwareTimes {
  return { ...times, retransmitMs: BRISK_RETRANSMIT_MS, collectMs: 0 };
}

function hardwareAddress(machine: ProbeMachine): Uint8Array {
  const chaddr = new Uint8Array(CHADDR_LENGTH);
  chaddr.set(macToBytes(machine.mac));
  return chaddr;
}
