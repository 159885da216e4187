import { ByteReader, ByteWriter } from '../cursor.ts';
import { WireError } from '../wire-error.ts';

/** Payload types of IPMI 2.0 table 13-16 that bootd uses. */
export const PAYLOAD = {
  ipmi: 0x00,
  serialOverLan: 0x01,
  openSessionRequest: 0x10,
  openSessionResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const;

/** A packet in the session format of IPMI 2.0 (RMCP+). */
export interface RmcpPlusPacket {
  readonly format: 'rmcp-plus';
  readonly payloadType: number;
  readonly encrypted: boolean;
  readonly authenticated: boolean;
  /** 0 outside of a session; else the number that the receiver chose. */
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** The whole packet, of which the authentication code covers all but itself. */
  readonly octets: Uint8Array;
}

/** A packet in the session format of IPMI 1.5, without authentication: all that precedes a session is sent so. */
export interface Ipmi15Packet {
  readonly format: 'ipmi-1.5';
  readonly payload: Uint8Array;
}

export type SessionPacket = RmcpPlusPacket | Ipmi15Packet;

const AUTHENTICATION_NONE = 0;
const AUTHENTICATION_RMCP_PLUS = 6;
const TYPE_MASK = 0x3f;
const ENCRYPTED = 0x80;
const AUTHENTICATED = 0x40;
/** Type 2 is an OEM's own and has six octets more; bootd never asks for one. */
const PAYLOAD_OEM_EXPLICIT = 2;
/** Next header: there is none but the RMCP+ trailer (IPMI 2.0 table 13-8). */
const NEXT_HEADER = 0x07;

/** The octets of a packet outside of a session in the format of IPMI 1.5. */
export function encodeIpmi15Packet(payload: Uint8Array): Uint8Array {
  return new ByteWriter()
    .uint8(AUTHENTICATION_NONE)
    .uint32le(0)
    .uint32le(0)
    .uint8(payload.length)
    .bytes(payload)
    .finish();
}

/** What an RMCP+ packet is made from. */
export interface RmcpPlusParts {
  readonly payloadType: number;
  readonly payload: Uint8Array;
  /** Zero outside of a session. */
  readonly sessionId: number;
  readonly sequence: number;
  readonly encrypted: boolean;
  /** Computes the authentication code over everything before it; undefined: the packet has none. */
  readonly sign: ((octets: Uint8Array) => Uint8Array) | undefined;
}

/** The octets of an RMCP+ packet (IPMI 2.0 table 13-8), with padding and trailer where it is authenticated. */
export function encodeRmcpPlusPacket(parts: RmcpPlusParts): Uint8Array {
  const { payload, sign } = parts;
  const flags = (parts.encrypted ? ENCRYPTED : 0) | (sign === undefined ? 0 : AUTHENTICATED);
  const writer = new ByteWriter()
    .uint8(AUTHENTICATION_RMCP_PLUS)
    .uint8(parts.payloadType | flags)
    .uint32le(parts.sessionId)
    .uint32le(parts.sequence)
    .uint16le(payload.length)
    .bytes(payload);
  if (sign === undefined) return writer.finish();
  // What is signed is a multiple of four octets long, pad length and next header included.
  const padding = (4 - ((writer.length + 2) % 4)) % 4;
  const signed = writer.bytes(new Uint8Array(padding).fill(0xff)).uint8(padding).uint8(NEXT_HEADER).finish();
  return new ByteWriter().bytes(signed).bytes(sign(signed)).finish();
}

/** Reads what follows an RMCP header. Nothing is decrypted or verified here. Throws WireError. */
export function decodeSessionPacket(octets: Uint8Array): SessionPacket {
  const reader = new ByteReader(octets);
  const authentication = reader.uint8();
  if (authentication === AUTHENTICATION_NONE) {
    reader.skip(8);
    const length = reader.uint8();
    return { format: 'ipmi-1.5', payload: reader.bytes(length) };
  }
  if (authentication !== AUTHENTICATION_RMCP_PLUS) {
    throw new WireError('bad-field', `authentication type ${authentication} was not asked for`);
  }
  const type = reader.uint8();
  const payloadType = type & TYPE_MASK;
  if (payloadType === PAYLOAD_OEM_EXPLICIT) throw new WireError('unknown-opcode', 'OEM payload');
  const sessionId = reader.uint32le();
  const sequence = reader.uint32le();
  const length = reader.uint16le();
  const payload = reader.bytes(length);
  return {
    format: 'rmcp-plus',
    payloadType,
    encrypted: (type & ENCRYPTED) !== 0,
    authenticated: (type & AUTHENTICATED) !== 0,
    sessionId,
    sequence,
    payload,
    octets,
  };
}
