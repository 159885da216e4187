import {
  decodeIpmiResponse,
  encodeIpmiRequest,
  type IpmiRequest,
  type IpmiResponse,
} from '../wire/rmcp/ipmi-message.ts';
import { decodeRmcp } from '../wire/rmcp/rmcp-header.ts';
import { decodeSessionPacket, PAYLOAD } from '../wire/rmcp/session-packet.ts';
import { WireError, type WireErrorReason } from '../wire/wire-error.ts';
import { formatCompletionCode } from './completion-code.ts';
import { openHandshake } from './handshake.ts';
import { IpmiError } from './ipmi-error.ts';
import {
  PRIVILEGE_NUMBER,
  waitMs,
  type Privilege,
  type RetryPolicy,
  type SessionIdentity,
} from './ipmi-settings.ts';
import { unwrapOutside, type HandshakeStep, type StepOutcome } from './outside-session.ts';
import type { RandomOctets, SecureChannel } from './secure-channel.ts';

/** What the owner of a session does for it, in this order. */
export type SessionAction =
  | { readonly kind: 'send'; readonly datagram: Uint8Array }
  /** The session is open; requests may be made. */
  | { readonly kind: 'opened'; readonly cipherSuite: number; readonly encrypted: boolean }
  /** The request under way has its answer. */
  | { readonly kind: 'answered'; readonly response: IpmiResponse }
  /** A serial-over-LAN packet, for decodeSolPacket. */
  | { readonly kind: 'serial'; readonly payload: Uint8Array }
  /** The session is over, and with it what was under way. */
  | { readonly kind: 'failed'; readonly error: IpmiError }
  /** A datagram that was no answer to anything, to be counted. */
  | { readonly kind: 'ignored'; readonly reason: WireErrorReason | 'unexpected' };

/** What a session is made with. */
export interface SessionOptions {
  readonly identity: SessionIdentity;
  readonly retries: RetryPolicy;
  readonly random: RandomOctets;
}

/** A message that waits for its answer. */
interface Pending {
  /** The octets for the next try. */
  readonly datagram: () => Uint8Array;
  /** Whether the payload is the answer. */
  readonly accept: (payloadType: number, payload: Uint8Array) => boolean;
  readonly onAnswer: (now: number) => readonly SessionAction[];
  readonly onSilence: (now: number) => readonly SessionAction[];
  /** How often it is sent at most. */
  readonly attempts: number;
  attempt: number;
  wakeAt: number;
}

const APPLICATION = 6;
const SET_SESSION_PRIVILEGE_LEVEL = 0x3b;
const CLOSE_SESSION = 0x3c;

/**
 * One RMCP+ session with a management controller, from the first question to its close, as a machine without clock,
 * socket or randomness of its own: each event returns what to do, and `wakeAt` says when to come back. One request is
 * under way at a time. Nothing that a controller sends makes it throw.
 */
export class IpmiSession {
  readonly #options: SessionOptions;
  readonly #handshake: Generator<HandshakeStep, SecureChannel, StepOutcome>;
  #channel: SecureChannel | undefined;
  #pending: Pending | undefined;
  #state: 'new' | 'opening' | 'open' | 'over' = 'new';
  #lastRequest = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#handshake = openHandshake(options.identity, options.random);
  }

  /** When to call `wake` next, in the time of `now`; undefined: nothing is waited for. */
  get wakeAt(): number | undefined {
    return this.#pending?.wakeAt;
  }

  /** Whether a request can be made now. */
  get isReady(): boolean {
    return this.#state === 'open' && this.#pending === undefined;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Begins. May be called once. */
  open(now: number): readonly SessionAction[] {
    this.#state = 'opening';
    return this.#guard(() => this.#advanceHandshake(now, { resent: false }));
  }

  /** Sends a request; its answer is an action of a later event. Only when `isReady`. */
  request(request: IpmiRequest, now: number): readonly SessionAction[] {
    return this.#ask(request, now, this.#options.retries.attempts, (response) => [
      { kind: 'answered', response },
    ]);
  }

  /** Sends a serial-over-LAN packet; those have numbers and resends of their own. */
  sendSerial(payload: Uint8Array): readonly SessionAction[] {
    const channel = this.#channel;
    if (channel === undefined || this.#state !== 'open') return [];
    return [{ kind: 'send', datagram: channel.seal(PAYLOAD.serialOverLan, payload) }];
  }

  /** Says goodbye, once and without waiting for an answer; a controller that misses it forgets us by itself. */
  close(): readonly SessionAction[] {
    const channel = this.#channel;
    const wasOpen = this.#state === 'open';
    this.#state = 'over';
    this.#pending = undefined;
    if (channel === undefined || !wasOpen) return [];
    const { bmcSessionId } = channel.agreement;
    const data = Uint8Array.of(bmcSessionId, bmcSessionId >>> 8, bmcSessionId >>> 16, bmcSessionId >>> 24);
    const message = encodeIpmiRequest(
      { netFn: APPLICATION, command: CLOSE_SESSION, data },
      this.#nextSequence(),
    );
    return [{ kind: 'send', datagram: channel.seal(PAYLOAD.ipmi, message) }];
  }

  /** Time has come to `wakeAt`. */
  wake(now: number): readonly SessionAction[] {
    const pending = this.#pending;
    if (pending === undefined || now < pending.wakeAt) return [];
    if (pending.attempt < pending.attempts) return [this.#send(pending, now)];
    this.#pending = undefined;
    return this.#guard(() => pending.onSilence(now));
  }

  /** A datagram came from the controller. */
  receive(datagram: Uint8Array, now: number): readonly SessionAction[] {
    if (this.#state === 'over') return [{ kind: 'ignored', reason: 'unexpected' }];
    return this.#guard(() => {
      const { payloadType, payload } = this.#unwrap(datagram);
      if (payloadType === PAYLOAD.serialOverLan) return [{ kind: 'serial', payload }];
      const pending = this.#pending;
      if (pending?.accept(payloadType, payload) !== true) {
        return [{ kind: 'ignored', reason: 'unexpected' }];
      }
      this.#pending = undefined;
      return pending.onAnswer(now);
    });
  }

  /** The payload of a datagram, once its protection is checked. Throws WireError. */
  #unwrap(datagram: Uint8Array): { readonly payloadType: number; readonly payload: Uint8Array } {
    if (this.#channel === undefined) return unwrapOutside(datagram);
    const packet = decodeSessionPacket(decodeRmcp('ipmi', datagram));
    if (packet.format === 'ipmi-1.5' || packet.sessionId === 0) {
      throw new WireError('bad-field', 'an unprotected packet in a session');
    }
    return { payloadType: packet.payloadType, payload: this.#channel.unseal(packet) };
  }

  #advanceHandshake(now: number, outcome: StepOutcome): readonly SessionAction[] {
    const actions: SessionAction[] = [];
    for (;;) {
      const next = this.#nextStep(outcome);
      if (next instanceof IpmiError) {
        this.#state = 'over';
        return [...actions, { kind: 'failed', error: next }];
      }
      if (next.done === true) {
        this.#channel = next.value;
        return [...actions, ...this.#raisePrivilege(now, next.value)];
      }
      const step = next.value;
      if (step.accept === undefined) {
        actions.push({ kind: 'send', datagram: step.datagram });
        continue;
      }
      return [...actions, this.#awaitStep(step, step.accept, now)];
    }
  }

  /** The next step, or why there is none; what was to be said before the end has been collected by then. */
  #nextStep(outcome: StepOutcome): IteratorResult<HandshakeStep, SecureChannel> | IpmiError {
    try {
      return this.#handshake.next(outcome);
    } catch (error) {
      if (error instanceof IpmiError) return error;
      throw error;
    }
  }

  #awaitStep(step: HandshakeStep, accept: NonNullable<HandshakeStep['accept']>, now: number): SessionAction {
    const pending: Pending = {
      datagram: () => step.datagram,
      accept,
      onAnswer: (then) => this.#advanceHandshake(then, { resent: pending.attempt > 1 }),
      onSilence: (then) => {
        if (step.optional) return this.#advanceHandshake(then, { resent: true });
        throw this.#silence();
      },
      // What is optional is not worth the whole wait.
      attempts: step.optional ? Math.min(2, this.#options.retries.attempts) : this.#options.retries.attempts,
      attempt: 0,
      wakeAt: now,
    };
    return this.#send(pending, now);
  }

  /** A session begins with the rights of a user, whatever was asked for (IPMI 2.0 section 22.18). */
  #raisePrivilege(now: number, channel: SecureChannel): readonly SessionAction[] {
    const { privilege } = this.#options.identity;
    const { suite } = channel.agreement;
    this.#state = 'open';
    const request: IpmiRequest = {
      netFn: APPLICATION,
      command: SET_SESSION_PRIVILEGE_LEVEL,
      data: Uint8Array.of(PRIVILEGE_NUMBER[privilege]),
    };
    return this.#ask(request, now, this.#options.retries.attempts, ({ completionCode }) => {
      if (completionCode !== 0) throw privilegeError(privilege, completionCode);
      return [{ kind: 'opened', cipherSuite: suite.id, encrypted: suite.encrypts }];
    });
  }

  #ask(
    request: IpmiRequest,
    now: number,
    attempts: number,
    onResponse: (response: IpmiResponse) => readonly SessionAction[],
  ): readonly SessionAction[] {
    const channel = this.#channel;
    if (channel === undefined || this.#state !== 'open' || this.#pending !== undefined) {
      throw new Error('a request was made while the session was not ready');
    }
    const sequence = this.#nextSequence();
    // Sent again it has the same number, by which a controller knows that it has done it already.
    const message = encodeIpmiRequest(request, sequence);
    let answer: IpmiResponse | undefined;
    const pending: Pending = {
      datagram: () => channel.seal(PAYLOAD.ipmi, message),
      accept(payloadType, payload) {
        if (payloadType !== PAYLOAD.ipmi) return false;
        const response = decodeIpmiResponse(payload);
        const { netFn, command } = response;
        if (response.sequence !== sequence || command !== request.command || netFn !== request.netFn + 1) {
          return false;
        }
        // A copy: the octets of the datagram are a view of a larger piece of memory.
        answer = { completionCode: response.completionCode, data: Uint8Array.from(response.data) };
        return true;
      },
      onAnswer: () => (answer === undefined ? [] : onResponse(answer)),
      onSilence: () => {
        throw this.#silence();
      },
      attempts,
      attempt: 0,
      wakeAt: now,
    };
    return [this.#send(pending, now)];
  }

  #send(pending: Pending, now: number): SessionAction {
    pending.attempt += 1;
    pending.wakeAt = now + waitMs(this.#options.retries, pending.attempt);
    this.#pending = pending;
    return { kind: 'send', datagram: pending.datagram() };
  }

  #silence(): IpmiError {
    const { attempts } = this.#options.retries;
    return this.#state === 'open'
      ? new IpmiError(
          'session-lost',
          `the controller stopped answering in the session; asked ${attempts} times`,
        )
      : new IpmiError('no-answer', `the controller does not answer; asked ${attempts} times`);
  }

  #nextSequence(): number {
    this.#lastRequest = (this.#lastRequest + 1) & 0x3f;
    return this.#lastRequest;
  }

  /** Turns what went wrong into an action; only a mistake of our own is still thrown. */
  #guard(step: () => readonly SessionAction[]): readonly SessionAction[] {
    try {
      return step();
    } catch (error) {
      if (error instanceof WireError) return [{ kind: 'ignored', reason: error.reason }];
      if (!(error instanceof IpmiError)) throw error;
      const farewell = this.close();
      return [...farewell, { kind: 'failed', error }];
    }
  }
}

function privilegeError(privilege: Privilege, completionCode: number): IpmiError {
  return new IpmiError(
    'insufficient-privilege',
    `the user may not work as '${privilege}': ${formatCompletionCode(completionCode, APPLICATION, SET_SESSION_PRIVILEGE_LEVEL)}`,
    completionCode,
  );
}
