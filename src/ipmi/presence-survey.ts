import { decodePresencePong, encodePresencePing, type PresencePong } from '../wire/rmcp/presence.ts';
import { WireError, type WireErrorReason } from '../wire/wire-error.ts';
import { TRUSTED_SUITES } from './cipher-suite.ts';
import { IpmiError } from './ipmi-error.ts';
import { waitMs, type RetryPolicy } from './ipmi-settings.ts';
import {
  askCapabilities,
  askSuites,
  unwrapOutside,
  type Handshake,
  type LoginCapabilities,
} from './outside-session.ts';

/** What a management controller tells whoever asks, without a user and a password. */
export interface BmcPresence {
  /** Undefined: it does not answer presence pings, as some that speak IPMI do. */
  readonly pong: (PresencePong & { readonly roundTripMs: number }) | undefined;
  /** Undefined: it does not speak IPMI, or not over LAN. */
  readonly login: LoginCapabilities | undefined;
  /** Cipher suites of RMCP+ that it lists. */
  readonly suites: readonly number[];
  /** The one that bootd would take; undefined: none, unless somebody names one. */
  readonly suite: number | undefined;
}

/** What the owner of a survey does for it, in this order. */
export type SurveyAction =
  | { readonly kind: 'send'; readonly datagram: Uint8Array }
  | { readonly kind: 'finished'; readonly presence: BmcPresence }
  | { readonly kind: 'failed'; readonly error: IpmiError }
  /** A datagram that was no answer to anything, to be counted. */
  | { readonly kind: 'ignored'; readonly reason: WireErrorReason | 'unexpected' };

/** A message and what counts as its answer; throws WireError for octets that are no message. */
interface SurveyStep {
  readonly datagram: Uint8Array;
  readonly accept: (datagram: Uint8Array) => boolean;
  /** It is known that somebody listens, or somebody may well not know this question: it is asked twice and no more. */
  readonly brief: boolean;
}

interface Waiting {
  readonly step: SurveyStep;
  attempt: number;
  sentAt: number;
  wakeAt: number;
}

type Survey = Generator<SurveyStep, BmcPresence, { readonly elapsedMs: number }>;

const BRIEF_ATTEMPTS = 2;
/** ASF keeps 255 for messages that nobody answers. */
const TAGS = 255;

/**
 * Finds out what there is at an address, as a machine without clock, socket or randomness of its own: a presence ping,
 * then how one may log in, then the cipher suites. Fails with `no-answer` when neither ping nor question got an answer.
 * Nothing that is sent to it makes it throw.
 */
export class PresenceSurvey {
  readonly #retries: RetryPolicy;
  readonly #survey: Survey;
  #waiting: Waiting | undefined;

  /** `octet` is random, so that a pong of another ping is not taken for this one's. */
  constructor(retries: RetryPolicy, octet: number) {
    this.#retries = retries;
    this.#survey = survey(octet % TAGS, retries);
  }

  /** When to call `wake` next, in the time of `now`; undefined: it is over. */
  get wakeAt(): number | undefined {
    return this.#waiting?.wakeAt;
  }

  /** Begins. May be called once. */
  start(now: number): readonly SurveyAction[] {
    return [this.#advance(now, 0)];
  }

  /** A datagram came from the address. */
  receive(datagram: Uint8Array, now: number): readonly SurveyAction[] {
    const waiting = this.#waiting;
    if (waiting === undefined) return [{ kind: 'ignored', reason: 'unexpected' }];
    try {
      if (!waiting.step.accept(datagram)) return [{ kind: 'ignored', reason: 'unexpected' }];
    } catch (error) {
      if (error instanceof WireError) return [{ kind: 'ignored', reason: error.reason }];
      throw error;
    }
    return [this.#advance(now, now - waiting.sentAt)];
  }

  /** Time has come to `wakeAt`. */
  wake(now: number): readonly SurveyAction[] {
    const waiting = this.#waiting;
    if (waiting === undefined || now < waiting.wakeAt) return [];
    const { attempts } = this.#retries;
    const most = waiting.step.brief ? Math.min(BRIEF_ATTEMPTS, attempts) : attempts;
    return [waiting.attempt < most ? this.#send(waiting, now) : this.#advance(now, 0)];
  }

  #advance(now: number, elapsedMs: number): SurveyAction {
    this.#waiting = undefined;
    try {
      const next = this.#survey.next({ elapsedMs });
      if (next.done === true) return { kind: 'finished', presence: next.value };
      return this.#send({ step: next.value, attempt: 0, sentAt: now, wakeAt: now }, now);
    } catch (error) {
      if (error instanceof IpmiError) return { kind: 'failed', error };
      throw error;
    }
  }

  #send(waiting: Waiting, now: number): SurveyAction {
    waiting.attempt += 1;
    waiting.sentAt = now;
    waiting.wakeAt = now + waitMs(this.#retries, waiting.attempt);
    this.#waiting = waiting;
    return { kind: 'send', datagram: waiting.step.datagram };
  }
}

function* survey(tag: number, { attempts }: RetryPolicy): Survey {
  const pong = yield* ping(tag);
  const login = yield* outside(askCapabilities('administrator', true), pong?.ipmi === false);
  if (pong === undefined && login === undefined) {
    throw new IpmiError(
      'no-answer',
      `nothing answers there, neither a presence ping nor a question of IPMI; asked ${attempts} times`,
    );
  }
  const suites = login?.ipmi20 === true ? yield* outside(askSuites(), true) : [];
  // Suites that are not listed are tried all the same.
  const suite = TRUSTED_SUITES.find((one) => suites.includes(one));
  return { pong, login, suites, suite };
}

function* ping(tag: number): Generator<SurveyStep, BmcPresence['pong'], { readonly elapsedMs: number }> {
  let pong: PresencePong | undefined;
  const { elapsedMs } = yield {
    datagram: encodePresencePing(tag),
    brief: true,
    accept(datagram) {
      const answer = decodePresencePong(datagram);
      if (answer.tag !== tag) return false;
      pong = answer;
      return true;
    },
  };
  return pong && { ...pong, roundTripMs: elapsedMs };
}

/** Asks over IPMI, outside of any session. */
function* outside<Result>(
  questions: Handshake<Result>,
  brief: boolean,
): Generator<SurveyStep, Result, { readonly elapsedMs: number }> {
  let next = questions.next();
  while (next.done !== true) {
    const { datagram, accept } = next.value;
    yield {
      datagram,
      brief,
      accept(received) {
        const { payloadType, payload } = unwrapOutside(received);
        return accept?.(payloadType, payload) ?? false;
      },
    };
    next = questions.next({ resent: false });
  }
  return next.value;
}
