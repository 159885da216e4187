import {
  decodeOpenSessionResponse,
  decodeRakp2,
  decodeRakp4,
  encodeOpenSessionRequest,
  encodeRakp1,
  encodeRakp3,
  RANDOM_OCTETS,
  type HandshakeReply,
  type OpenSessionGrant,
} from '../wire/rmcp/rakp-message.ts';
import { encodeRmcp } from '../wire/rmcp/rmcp-header.ts';
import { encodeRmcpPlusPacket, PAYLOAD } from '../wire/rmcp/session-packet.ts';
import {
  cipherSuiteById,
  codesEqual,
  deriveSessionKeys,
  exchangeCode,
  SUITE_NUMBERS,
  TRUSTED_SUITES,
  type CipherSuite,
} from './cipher-suite.ts';
import { formatRmcpStatus } from './completion-code.ts';
import { IpmiError } from './ipmi-error.ts';
import { PRIVILEGE_NUMBER, type SessionIdentity } from './ipmi-settings.ts';
import { askCapabilities, askSuites, type Handshake, type HandshakeStep } from './outside-session.ts';
import { SecureChannel, type RandomOctets } from './secure-channel.ts';

/** Look the user up by name alone, not by name and role (IPMI 2.0 section 13.20): what every tool asks for. */
const NAME_ONLY_LOOKUP = 0x10;
/** What RMCP+ status codes mean for whoever opens a session. */
const SUITE_REFUSED = new Set([0x04, 0x05, 0x06, 0x07, 0x10, 0x11]);
const NO_SESSION_LEFT = new Set([0x01, 0x0b]);
const NAME_REFUSED = new Set([0x0c, 0x0d]);
const ROLE_REFUSED = new Set([0x09, 0x0a]);
const SESSION_UNKNOWN = new Set([0x02, 0x08]);
const INTEGRITY_WRONG = 0x0f;

/** A handshake that got mixed up by a lost or doubled packet begins again this often. */
const MOST_RESTARTS = 2;

/**
 * Opens an RMCP+ session (IPMI 2.0 section 13.14 and following), as a sequence of messages and answers: whoever runs
 * it sends, waits and sends again. Returns the channel of the session; throws IpmiError with the reason why there is
 * none.
 */
export function* openHandshake(identity: SessionIdentity, random: RandomOctets): Handshake<SecureChannel> {
  const capabilities = yield* askCapabilities(identity.privilege, false);
  if (capabilities?.ipmi20 !== true) {
    throw new IpmiError(
      'no-rmcp-plus',
      'the controller speaks IPMI 1.5 only, which cannot encrypt; switch IPMI 2.0 (RMCP+) on in it, or update its firmware',
    );
  }
  const { kgIsSet } = capabilities;
  const suites = yield* candidateSuites(identity);
  for (let restarts = 0; ; restarts += 1) {
    const outcome = yield* exchangeKeys(identity, suites, random, kgIsSet);
    if (outcome.kind === 'open') return outcome.channel;
    if (restarts === MOST_RESTARTS) throw outcome.error;
  }
}

/** The suites to try, best first. */
function* candidateSuites({ cipherSuite }: SessionIdentity): Handshake<readonly CipherSuite[]> {
  if (cipherSuite !== undefined) {
    const forced = cipherSuiteById(cipherSuite);
    if (forced !== undefined) return [forced];
    throw new IpmiError(
      'unsupported-suite',
      `bootd does not have cipher suite ${cipherSuite}; it has ${SUITE_NUMBERS.join(', ')}`,
    );
  }
  const offered = yield* askSuites();
  const trusted = TRUSTED_SUITES.map(cipherSuiteById).filter((suite) => suite !== undefined);
  // A controller that does not tell is asked for each in turn.
  if (offered.length === 0) return trusted;
  const both = trusted.filter(({ id }) => offered.includes(id));
  if (both.length > 0) return both;
  throw new IpmiError(
    'unsupported-suite',
    `the controller offers cipher suites ${offered.join(', ')}, of which none authenticates and encrypts ` +
      `(${TRUSTED_SUITES.join(' or ')}); switch one of those on in it, or name one that you accept`,
  );
}

type ExchangeOutcome =
  | { readonly kind: 'open'; readonly channel: SecureChannel }
  /** Not refused: the two sides lost each other. */
  | { readonly kind: 'lost'; readonly error: IpmiError };

function* exchangeKeys(
  identity: SessionIdentity,
  suites: readonly CipherSuite[],
  random: RandomOctets,
  kgIsSet: boolean,
): Handshake<ExchangeOutcome> {
  const tags = random(3);
  const consoleSessionId = sessionIdFrom(random(4));
  const { suite, grant } = yield* openSession(identity, suites, consoleSessionId, tags[0] ?? 0);
  const consoleRandom = random(RANDOM_OCTETS);
  const role = PRIVILEGE_NUMBER[identity.privilege] | NAME_ONLY_LOOKUP;
  const { bmcSessionId } = grant;
  const [consoleId, bmcId] = [littleEndian(consoleSessionId), littleEndian(bmcSessionId)];

  const rakp2 = yield* ask(
    PAYLOAD.rakp1,
    encodeRakp1({
      tag: tags[1] ?? 0,
      bmcSessionId,
      consoleRandom,
      privilege: role,
      username: identity.username,
    }),
    PAYLOAD.rakp2,
    decodeRakp2,
    tags[1] ?? 0,
  );
  const half = rakp2.answer.content;
  if (half === undefined) {
    const error = refusalOf(rakp2.answer.status, identity);
    if (SESSION_UNKNOWN.has(rakp2.answer.status)) return { kind: 'lost', error };
    throw error;
  }
  const { bmcRandom, bmcGuid } = half;
  const who = hashedRoles(role)
    .map((hashed) => [Uint8Array.of(hashed, identity.username.length), identity.username])
    .find((described) =>
      provesItself(
        exchangeCode(suite, identity.password, [
          consoleId,
          bmcId,
          consoleRandom,
          bmcRandom,
          bmcGuid,
          ...described,
        ]),
        half.authCode,
      ),
    );
  const tag = tags[2] ?? 0;
  if (who === undefined) {
    // The controller frees the session that it holds for us.
    yield tell(
      PAYLOAD.rakp3,
      encodeRakp3({ tag, status: INTEGRITY_WRONG, bmcSessionId, authCode: new Uint8Array() }),
    );
    throw wrongPassword();
  }
  const authCode = exchangeCode(suite, identity.password, [bmcRandom, consoleId, ...who]);
  const rakp4 = yield* ask(
    PAYLOAD.rakp3,
    encodeRakp3({ tag, status: 0, bmcSessionId, authCode }),
    PAYLOAD.rakp4,
    decodeRakp4,
    tag,
  );
  const end = rakp4.answer.content;
  if (end === undefined) {
    const error = refusalOf(rakp4.answer.status, identity);
    const doubled = (rakp2.resent || rakp4.resent) && rakp4.answer.status === INTEGRITY_WRONG;
    if (doubled || SESSION_UNKNOWN.has(rakp4.answer.status)) return { kind: 'lost', error };
    throw error;
  }
  const integrityKey = exchangeCode(suite, identity.kg ?? identity.password, [
    consoleRandom,
    bmcRandom,
    ...who,
  ]);
  const check = exchangeCode(suite, integrityKey, [consoleRandom, bmcId, bmcGuid]);
  if (!provesItself(check.subarray(0, suite.exchangeCheckOctets), end.integrityCheck)) {
    throw wrongKg(identity, kgIsSet);
  }
  const keys = deriveSessionKeys(suite, integrityKey);
  return {
    kind: 'open',
    channel: new SecureChannel({ suite, keys, consoleSessionId, bmcSessionId }, random),
  };
}

function* openSession(
  identity: SessionIdentity,
  suites: readonly CipherSuite[],
  consoleSessionId: number,
  firstTag: number,
): Handshake<{ readonly suite: CipherSuite; readonly grant: OpenSessionGrant }> {
  let refusal = 0;
  for (const [at, suite] of suites.entries()) {
    const tag = (firstTag + at) & 0xff;
    const request = { ...suite, tag, consoleSessionId, privilege: PRIVILEGE_NUMBER[identity.privilege] };
    const { answer } = yield* ask(
      PAYLOAD.openSessionRequest,
      encodeOpenSessionRequest(request),
      PAYLOAD.openSessionResponse,
      decodeOpenSessionResponse,
      tag,
    );
    if (answer.content !== undefined) {
      if (isAsAsked(suite, answer.content)) return { suite, grant: answer.content };
      throw new IpmiError(
        'bad-answer',
        `the controller took cipher suite ${suite.id} and answered with another`,
      );
    }
    if (!SUITE_REFUSED.has(answer.status)) throw refusalOf(answer.status, identity);
    refusal = answer.status;
  }
  throw new IpmiError(
    'unsupported-suite',
    `the controller refuses cipher suite ${suites.map(({ id }) => id).join(' and ')}: ${formatRmcpStatus(refusal)}`,
  );
}

/**
 * The role as it enters the hashes: as it was sent and, for the quirk `role-without-lookup-bit`, as firmware hashes it
 * that looks at the privilege of the open session request instead.
 */
function hashedRoles(role: number): readonly number[] {
  return [role, role & ~NAME_ONLY_LOOKUP];
}

/** Whether the controller knows the key. Octets that follow the code are the quirk `code-too-long`. */
function provesItself(expected: Uint8Array, found: Uint8Array): boolean {
  return codesEqual(expected, found.subarray(0, expected.length));
}

/** A controller may not change what was agreed: somebody between the two could weaken it so. */
function isAsAsked(suite: CipherSuite, grant: OpenSessionGrant): boolean {
  return (
    grant.authentication === suite.authentication &&
    grant.integrity === suite.integrity &&
    grant.confidentiality === suite.confidentiality
  );
}

function refusalOf(status: number, identity: SessionIdentity): IpmiError {
  const words = formatRmcpStatus(status);
  if (NAME_REFUSED.has(status))
    return new IpmiError('wrong-username', `the controller does not know the user: ${words}`);
  if (ROLE_REFUSED.has(status)) {
    return new IpmiError(
      'insufficient-privilege',
      `the user may not have the privilege '${identity.privilege}': ${words}`,
    );
  }
  if (NO_SESSION_LEFT.has(status)) {
    return new IpmiError(
      'session-limit',
      `the controller has no session left: ${words}; close other consoles of it`,
    );
  }
  if (status === INTEGRITY_WRONG) return wrongPassword();
  if (SESSION_UNKNOWN.has(status)) {
    return new IpmiError(
      'session-lost',
      `the controller forgot the session while it was being opened: ${words}`,
    );
  }
  if (SUITE_REFUSED.has(status)) return new IpmiError('unsupported-suite', `the controller says: ${words}`);
  return new IpmiError('bad-answer', `the controller does not open a session: ${words}`);
}

function wrongPassword(): IpmiError {
  return new IpmiError(
    'wrong-password',
    'the password is wrong, or the account is locked: the controller proves that it knows another one',
  );
}

function wrongKg({ kg }: SessionIdentity, kgIsSet: boolean): IpmiError {
  if (kg !== undefined) return new IpmiError('wrong-kg', 'the BMC key (Kg) is wrong: the password was right');
  return new IpmiError(
    'wrong-kg',
    kgIsSet
      ? 'the controller has a BMC key (Kg) and none is configured here: the password was right'
      : 'the session keys differ: the password was right, so the controller may have a BMC key (Kg)',
  );
}

/** Sends a message of the key exchange and waits for the answer with its tag. */
function* ask<Content>(
  type: number,
  message: Uint8Array,
  answerType: number,
  decode: (octets: Uint8Array) => HandshakeReply<Content>,
  tag: number,
): Handshake<{ readonly answer: HandshakeReply<Content>; readonly resent: boolean }> {
  let answer: HandshakeReply<Content> | undefined;
  const { resent } = yield {
    datagram: encodeRmcp('ipmi', encodeClear(type, message)),
    optional: false,
    accept(payloadType, payload) {
      if (payloadType !== answerType) return false;
      const reply = decode(payload);
      if (reply.tag !== tag) return false;
      answer = reply;
      return true;
    },
  };
  if (answer === undefined) throw new IpmiError('no-answer', 'the controller stopped answering');
  return { answer, resent };
}

function tell(type: number, message: Uint8Array): HandshakeStep {
  return { datagram: encodeRmcp('ipmi', encodeClear(type, message)), accept: undefined, optional: true };
}

function encodeClear(payloadType: number, payload: Uint8Array): Uint8Array {
  return encodeRmcpPlusPacket({
    payloadType,
    payload,
    sessionId: 0,
    sequence: 0,
    encrypted: false,
    sign: undefined,
  });
}

/** Zero means "outside of a session", so it is never one's number. */
function sessionIdFrom(octets: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0 || 1;
}

function littleEndian(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}
