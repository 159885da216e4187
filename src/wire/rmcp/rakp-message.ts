import { ByteReader, ByteWriter } from '../cursor.ts';
import { WireError } from '../wire-error.ts';

/** Numbers of the three algorithms of a cipher suite (IPMI 2.0 sections 13.28.1 to 13.28.5). */
export interface AlgorithmNumbers {
  readonly authentication: number;
  readonly integrity: number;
  readonly confidentiality: number;
}

/** Asks for a session with these algorithms (IPMI 2.0 section 13.17). */
export interface OpenSessionRequest extends AlgorithmNumbers {
  readonly tag: number;
  /** Highest privilege that the session may have. */
  readonly privilege: number;
  readonly consoleSessionId: number;
}

/** The answer to an open session request or a RAKP message: a status other than 0 is a refusal. */
export interface HandshakeReply<Content> {
  readonly tag: number;
  /** RMCP+ status code (IPMI 2.0 table 13-15). */
  readonly status: number;
  /** Undefined in a refusal. */
  readonly content: Content | undefined;
}

/** What a management controller granted. */
export interface OpenSessionGrant extends AlgorithmNumbers {
  readonly consoleSessionId: number;
  readonly bmcSessionId: number;
}

/** The controller's half of the key exchange (IPMI 2.0 section 13.21). */
export interface Rakp2Content {
  readonly consoleSessionId: number;
  readonly bmcRandom: Uint8Array;
  readonly bmcGuid: Uint8Array;
  /** Empty under cipher suite 0. */
  readonly authCode: Uint8Array;
}

/** The end of the key exchange (IPMI 2.0 section 13.23). */
export interface Rakp4Content {
  readonly consoleSessionId: number;
  /** Empty under cipher suite 0. */
  readonly integrityCheck: Uint8Array;
}

/** Octets of a random number in the key exchange, and of a GUID. */
export const RANDOM_OCTETS = 16;

export function encodeOpenSessionRequest(request: OpenSessionRequest): Uint8Array {
  const writer = new ByteWriter()
    .uint8(request.tag)
    .uint8(request.privilege)
    .uint16(0)
    .uint32le(request.consoleSessionId);
  const payloads = [request.authentication, request.integrity, request.confidentiality];
  for (const [type, algorithm] of payloads.entries()) {
    writer.uint8(type).uint16(0).uint8(8).uint8(algorithm).zeros(3);
  }
  return writer.finish();
}

/** Throws WireError. */
export function decodeOpenSessionResponse(octets: Uint8Array): HandshakeReply<OpenSessionGrant> {
  const reader = new ByteReader(octets);
  const { tag, status } = readStatus(reader);
  if (status !== 0) return { tag, status, content: undefined };
  const consoleSessionId = reader.uint32le();
  const bmcSessionId = reader.uint32le();
  const [authentication, integrity, confidentiality] = [
    readAlgorithm(reader),
    readAlgorithm(reader),
    readAlgorithm(reader),
  ];
  return {
    tag,
    status,
    content: { consoleSessionId, bmcSessionId, authentication, integrity, confidentiality },
  };
}

/** The console's half of the key exchange (IPMI 2.0 section 13.20). */
export interface Rakp1 {
  readonly tag: number;
  readonly bmcSessionId: number;
  readonly consoleRandom: Uint8Array;
  readonly privilege: number;
  readonly username: Uint8Array;
}

export function encodeRakp1(message: Rakp1): Uint8Array {
  return new ByteWriter()
    .uint8(message.tag)
    .zeros(3)
    .uint32le(message.bmcSessionId)
    .bytes(message.consoleRandom)
    .uint8(message.privilege)
    .zeros(2)
    .uint8(message.username.length)
    .bytes(message.username)
    .finish();
}

/** Throws WireError. */
export function decodeRakp2(octets: Uint8Array): HandshakeReply<Rakp2Content> {
  const reader = new ByteReader(octets);
  const { tag, status } = readStatus(reader);
  if (status !== 0) return { tag, status, content: undefined };
  const consoleSessionId = reader.uint32le();
  const bmcRandom = reader.bytes(RANDOM_OCTETS);
  const bmcGuid = reader.bytes(RANDOM_OCTETS);
  return { tag, status, content: { consoleSessionId, bmcRandom, bmcGuid, authCode: reader.rest() } };
}

/** The console's proof that it knows the password (IPMI 2.0 section 13.22). */
export interface Rakp3 {
  readonly tag: number;
  readonly status: number;
  readonly bmcSessionId: number;
  readonly authCode: Uint8Array;
}

export function encodeRakp3(message: Rakp3): Uint8Array {
  return new ByteWriter()
    .uint8(message.tag)
    .uint8(message.status)
    .uint16(0)
    .uint32le(message.bmcSessionId)
    .bytes(message.authCode)
    .finish();
}

/** Throws WireError. */
export function decodeRakp4(octets: Uint8Array): HandshakeReply<Rakp4Content> {
  const reader = new ByteReader(octets);
  const { tag, status } = readStatus(reader);
  if (status !== 0) return { tag, status, content: undefined };
  const consoleSessionId = reader.uint32le();
  return { tag, status, content: { consoleSessionId, integrityCheck: reader.rest() } };
}

function readStatus(reader: ByteReader): { readonly tag: number; readonly status: number } {
  const tag = reader.uint8();
  const status = reader.uint8();
  // OpenIPMI's ipmi_sim ends a refusal here.
  if (status === 0) reader.skip(2);
  return { tag, status };
}

/** One of three payloads of eight octets: type, two reserved, length, algorithm, three reserved. */
function readAlgorithm(reader: ByteReader): number {
  reader.skip(3);
  const length = reader.uint8();
  // Length 0 means "any" and stands only in requests.
  if (length !== 8) throw new WireError('bad-field', `an algorithm payload of ${length} octets`);
  const algorithm = reader.uint8() & 0x3f;
  reader.skip(3);
  return algorithm;
}
