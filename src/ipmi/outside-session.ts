import {
  decodeIpmiResponse,
  encodeIpmiRequest,
  type IpmiRequest,
  type IpmiResponse,
} from '../wire/rmcp/ipmi-message.ts';
import { decodeRmcp, encodeRmcp } from '../wire/rmcp/rmcp-header.ts';
import { decodeSessionPacket, encodeIpmi15Packet, PAYLOAD } from '../wire/rmcp/session-packet.ts';
import { WireError } from '../wire/wire-error.ts';
import { parseSuiteRecords } from './cipher-suite.ts';
import { PRIVILEGE_NUMBER, type Privilege } from './ipmi-settings.ts';

/** One message outside of a session: what is sent, and what counts as its answer. */
export interface HandshakeStep {
  readonly datagram: Uint8Array;
  /**
   * Whether this payload is the answer; it is remembered then. Undefined: no answer is awaited. Throws WireError for
   * octets that are no message.
   */
  readonly accept: ((payloadType: number, payload: Uint8Array) => boolean) | undefined;
  /** Whether it goes on without an answer. */
  readonly optional: boolean;
}

/** How a step went, for the steps after it. */
export interface StepOutcome {
  /** Whether the message had to be sent again, so that two answers may be under way. */
  readonly resent: boolean;
}

/** A sequence of messages and answers outside of a session: whoever runs it sends, waits and sends again. */
export type Handshake<Result> = Generator<HandshakeStep, Result, StepOutcome>;

/** What a controller says about logging in to it (IPMI 2.0 section 22.13). */
export interface LoginCapabilities {
  /** It speaks RMCP+. */
  readonly ipmi20: boolean;
  readonly ipmi15: boolean;
  /** Of IPMI 1.5, weakest first. */
  readonly authenticationTypes: readonly string[];
  /** A BMC key has been set. */
  readonly kgIsSet: boolean;
  /** Users with a name may log in; such without one; and nobody, with no password. */
  readonly namedUsers: boolean;
  readonly namelessUsers: boolean;
  readonly anonymousLogin: boolean;
}

/** "The channel that this came in on." */
const THIS_CHANNEL = 0x0e;
const APPLICATION = 6;
const GET_CHANNEL_AUTHENTICATION_CAPABILITIES = 0x38;
const GET_CHANNEL_CIPHER_SUITES = 0x54;
/** A list of suites has 64 parts of 16 octets at most; no controller fills more than a few. */
const MOST_SUITE_PARTS = 16;
const SUITE_PART_OCTETS = 16;

/** By the bits of the answer; bit 3 is reserved. */
const AUTHENTICATION_TYPES: readonly (readonly [mask: number, name: string])[] = [
  [0x01, 'none'],
  [0x10, 'password'],
  [0x02, 'md2'],
  [0x04, 'md5'],
  [0x20, 'oem'],
];

/**
 * Asks how one may log in. Undefined when the controller refuses, or when an optional question got no answer. A controller
 * of IPMI 1.5 may refuse to be asked for RMCP+, and is asked once more without that.
 */
export function* askCapabilities(
  privilege: Privilege,
  optional: boolean,
): Handshake<LoginCapabilities | undefined> {
  const RMCP_PLUS_DATA = 0x80;
  const ask = (channel: number, sequence: number): Handshake<IpmiResponse | undefined> =>
    askOutside(
      {
        netFn: APPLICATION,
        command: GET_CHANNEL_AUTHENTICATION_CAPABILITIES,
        data: Uint8Array.of(channel, PRIVILEGE_NUMBER[privilege]),
      },
      sequence,
      optional,
    );
  const first = yield* ask(THIS_CHANNEL | RMCP_PLUS_DATA, 0);
  if (first?.completionCode === 0) return parseCapabilities(first.data);
  if (first === undefined) return undefined;
  const second = yield* ask(THIS_CHANNEL, 1);
  return second?.completionCode === 0 ? parseCapabilities(second.data) : undefined;
}

function parseCapabilities([, types = 0, status = 0, extended = 0]: Uint8Array): LoginCapabilities {
  const tellsVersions = (types & 0x80) !== 0;
  return {
    ipmi20: tellsVersions && (extended & 0x02) !== 0,
    ipmi15: !tellsVersions || (extended & 0x01) !== 0,
    authenticationTypes: AUTHENTICATION_TYPES.flatMap(([mask, name]) => ((types & mask) === 0 ? [] : [name])),
    kgIsSet: (status & 0x20) !== 0,
    namedUsers: (status & 0x04) !== 0,
    namelessUsers: (status & 0x02) !== 0,
    anonymousLogin: (status & 0x01) !== 0,
  };
}

/** The numbers of the cipher suites that a controller lists; none where it does not tell (the quirk `suites-not-listed`). */
export function* askSuites(): Handshake<readonly number[]> {
  const records: number[] = [];
  for (let part = 0; part < MOST_SUITE_PARTS; part += 1) {
    const BY_SUITE = 0x80;
    const request: IpmiRequest = {
      netFn: APPLICATION,
      command: GET_CHANNEL_CIPHER_SUITES,
      data: Uint8Array.of(THIS_CHANNEL, 0, BY_SUITE | part),
    };
    const answer = yield* askOutside(request, part + 2, true);
    if (answer?.completionCode !== 0) break;
    // The first octet is the number of the channel.
    const octets = answer.data.subarray(1);
    records.push(...octets);
    if (octets.length < SUITE_PART_OCTETS) break;
  }
  return parseSuiteRecords(Uint8Array.from(records));
}

/** The payload of a datagram that belongs to no session. Throws WireError for every other one. */
export function unwrapOutside(datagram: Uint8Array): {
  readonly payloadType: number;
  readonly payload: Uint8Array;
} {
  const packet = decodeSessionPacket(decodeRmcp('ipmi', datagram));
  if (packet.format === 'ipmi-1.5') return { payloadType: PAYLOAD.ipmi, payload: packet.payload };
  if (packet.encrypted || packet.authenticated) {
    throw new WireError('bad-field', 'a packet of a session that is not open');
  }
  // Serial characters belong to a session.
  if (packet.payloadType === PAYLOAD.serialOverLan) throw new WireError('bad-field', 'serial data outside');
  return { payloadType: packet.payloadType, payload: packet.payload };
}

/**
 * Sends a command in the format of IPMI 1.5, which every controller reads. Such answers are told apart by the sequence
 * number and the command. The answer is undefined where an optional one did not come.
 */
function* askOutside(
  request: IpmiRequest,
  sequence: number,
  optional: boolean,
): Handshake<IpmiResponse | undefined> {
  let answer: IpmiResponse | undefined;
  yield {
    datagram: encodeRmcp('ipmi', encodeIpmi15Packet(encodeIpmiRequest(request, sequence))),
    optional,
    accept(payloadType, payload) {
      if (payloadType !== PAYLOAD.ipmi) return false;
      const response = decodeIpmiResponse(payload);
      if (response.command !== request.command || response.sequence !== sequence) return false;
      if (response.netFn !== request.netFn + 1) return false;
      answer = response;
      return true;
    },
  };
  return answer;
}
