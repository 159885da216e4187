import { decodeSolPacket, encodeSolPacket } from '../wire/rmcp/sol-payload.ts';
import { ask, numberAt, type Conversation } from './conversation.ts';
import { IpmiError } from './ipmi-error.ts';

const APPLICATION = 6;
const ACTIVATE_PAYLOAD = 0x48;
const DEACTIVATE_PAYLOAD = 0x49;
const PAYLOAD_TYPE = 1;
const INSTANCE = 1;
/** Encrypt, authenticate, and leave CTS and DSR alone until the console has gone. */
const ENCRYPTED_AND_SIGNED = 0xc0;

/** What a controller granted for a console. */
export interface SerialGrant {
  /** Most characters that the controller takes at once. */
  readonly mostCharacters: number;
  /** UDP port for serial packets; bootd takes only that of the session itself. */
  readonly port: number;
}

/** Opens serial over LAN in this session (IPMI 2.0 section 24.1). `protectedSession`: whether its packets are encrypted. */
export function* activateSerial(protectedSession: boolean): Conversation<SerialGrant> {
  const what = 'serial over LAN';
  const data = Uint8Array.of(PAYLOAD_TYPE, INSTANCE, protectedSession ? ENCRYPTED_AND_SIGNED : 0, 0, 0, 0);
  const answer = yield* ask({ netFn: APPLICATION, command: ACTIVATE_PAYLOAD, data }, what);
  const header = 4;
  const largest = numberAt(answer, 4, 2, what);
  return {
    // Some controllers swap the octets of the size, or give 0; ipmitool believes up to 1024 as well.
    mostCharacters: largest > header && largest <= 1024 ? Math.min(largest - header, 252) : 60,
    port: numberAt(answer, 8, 2, what),
  };
}

/** Ends serial over LAN, also that of another console that was left behind. */
export function* deactivateSerial(): Conversation<void> {
  const data = Uint8Array.of(PAYLOAD_TYPE, INSTANCE, 0, 0, 0, 0);
  // Refused means that it was not active, which is what is wanted.
  yield { netFn: APPLICATION, command: DEACTIVATE_PAYLOAD, data };
}

/** What the owner of a console does for it. */
export type ConsoleAction =
  | { readonly kind: 'send'; readonly payload: Uint8Array }
  /** Characters of the machine, each once and in order. */
  | { readonly kind: 'output'; readonly characters: Uint8Array }
  /** The controller lost characters here. */
  | { readonly kind: 'overrun' }
  | { readonly kind: 'ended'; readonly error: IpmiError };

/** A packet of ours that waits for its acknowledgement. */
interface Flight {
  readonly sequence: number;
  readonly characters: Uint8Array;
  readonly sendBreak: boolean;
  attempt: number;
  resendAt: number;
}

const RESEND_MS = 500;
const MOST_ATTEMPTS = 12;
/** What is typed ahead of a machine that takes nothing; more than that is thrown away, as a terminal does. */
const MOST_TYPED_AHEAD = 64 * 1024;

/**
 * The console's end of serial over LAN (IPMI 2.0 section 15.9): acknowledges, removes what comes twice, and sends what
 * is typed, one packet at a time, until it was taken. Without clock or socket, as IpmiSession is.
 */
export class SerialConsole {
  readonly #mostCharacters: number;
  #queue: number[] = [];
  #breakWanted = false;
  #flight: Flight | undefined;
  /** Nothing new is sent before this time. */
  #pausedUntil: number | undefined;
  #lastSent = 0;
  /** Nothing that was typed has been acknowledged yet. */
  #isFirst = true;
  #received = { sequence: 0, count: 0 };

  constructor(grant: SerialGrant) {
    this.#mostCharacters = grant.mostCharacters;
  }

  /** When to call `wake` next; undefined: nothing waits. */
  get wakeAt(): number | undefined {
    return this.#flight?.resendAt ?? this.#pausedUntil;
  }

  /** Characters to the machine. */
  type(characters: Uint8Array, now: number): readonly ConsoleAction[] {
    const room = Math.max(0, MOST_TYPED_AHEAD - this.#queue.length);
    this.#queue.push(...characters.subarray(0, room));
    return this.#sendNext(now);
  }

  /** A serial break, which Linux takes for its magic system request. */
  sendBreak(now: number): readonly ConsoleAction[] {
    this.#breakWanted = true;
    return this.#sendNext(now);
  }

  wake(now: number): readonly ConsoleAction[] {
    if (this.#pausedUntil !== undefined && now >= this.#pausedUntil) {
      this.#pausedUntil = undefined;
      return this.#sendNext(now);
    }
    const flight = this.#flight;
    if (flight === undefined || now < flight.resendAt) return [];
    if (flight.attempt >= MOST_ATTEMPTS) {
      const error = new IpmiError('session-lost', 'the controller does not acknowledge what is typed');
      return [{ kind: 'ended', error }];
    }
    return [this.#transmit(flight, now)];
  }

  /** A serial packet came. Throws WireError for octets that are none. */
  receive(payload: Uint8Array, now: number): readonly ConsoleAction[] {
    const packet = decodeSolPacket(payload);
    const actions: ConsoleAction[] = [];
    if (packet.sequence !== 0 && !this.#isStale(packet.sequence)) {
      const known = packet.sequence === this.#received.sequence ? this.#received.count : 0;
      // Sent again, a packet may carry more than before.
      const fresh = packet.characters.subarray(known);
      this.#received = { sequence: packet.sequence, count: known + fresh.length };
      actions.push({ kind: 'send', payload: acknowledgement(packet.sequence, packet.characters.length) });
      if (packet.overrun) actions.push({ kind: 'overrun' });
      if (fresh.length > 0) actions.push({ kind: 'output', characters: fresh });
    }
    if (packet.deactivated) {
      const error = new IpmiError('session-lost', 'the controller ended serial over LAN');
      return [...actions, { kind: 'ended', error }];
    }
    return [...actions, ...this.#acknowledged(packet, now)];
  }

  /** Sequence numbers run from 1 to 15; a number that lies behind is a packet that was late on its way. */
  #isStale(sequence: number): boolean {
    const last = this.#received.sequence;
    if (last === 0 || sequence === last) return false;
    return (last - sequence + 15) % 15 <= 7;
  }

  #acknowledged(
    packet: { readonly acknowledged: number; readonly acceptedCount: number; readonly refused: boolean },
    now: number,
  ): readonly ConsoleAction[] {
    const flight = this.#flight;
    if (packet.acknowledged !== flight?.sequence) return [];
    // The quirk `serial-number-kept`: what is acknowledged is the first packet of the console before.
    const isAnothers = this.#isFirst && !packet.refused && packet.acceptedCount !== flight.characters.length;
    this.#isFirst = false;
    const taken = isAnothers ? 0 : Math.min(packet.acceptedCount, flight.characters.length);
    if (taken < flight.characters.length) {
      this.#queue = [...flight.characters.subarray(taken), ...this.#queue];
      // The serial port is busy, or held by the machine: not before a while, and under a new number.
      this.#flight = undefined;
      if (packet.refused) this.#pausedUntil = now + RESEND_MS;
      return this.#sendNext(now);
    }
    this.#flight = undefined;
    return this.#sendNext(now);
  }

  #sendNext(now: number): readonly ConsoleAction[] {
    if (this.#flight !== undefined || this.#pausedUntil !== undefined) return [];
    if (this.#queue.length === 0 && !this.#breakWanted) return [];
    this.#lastSent = (this.#lastSent % 15) + 1;
    const characters = Uint8Array.from(this.#queue.splice(0, this.#mostCharacters));
    const flight = {
      sequence: this.#lastSent,
      characters,
      sendBreak: this.#breakWanted,
      attempt: 0,
      resendAt: now,
    };
    this.#breakWanted = false;
    this.#flight = flight;
    return [this.#transmit(flight, now)];
  }

  #transmit(flight: Flight, now: number): ConsoleAction {
    flight.attempt += 1;
    flight.resendAt = now + RESEND_MS;
    return {
      kind: 'send',
      payload: encodeSolPacket({
        sequence: flight.sequence,
        acknowledged: 0,
        acceptedCount: 0,
        sendBreak: flight.sendBreak,
        characters: flight.characters,
      }),
    };
  }
}

function acknowledgement(sequence: number, count: number): Uint8Array {
  return encodeSolPacket({
    sequence: 0,
    acknowledged: sequence,
    acceptedCount: count,
    sendBreak: false,
    characters: new Uint8Array(),
  });
}
