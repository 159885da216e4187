import { ByteReader, ByteWriter } from '../cursor.ts';
import { WireError } from '../wire-error.ts';
import { decodeRmcp, encodeRmcp } from './rmcp-header.ts';

/** IANA enterprise number of the Alert Standard Forum, which every presence message names. */
export const ASF_ENTERPRISE = 4542;

const PRESENCE_PING = 0x80;
const PRESENCE_PONG = 0x40;
const PONG_DATA_OCTETS = 16;
const SUPPORTS_IPMI = 0x80;
const ASF_VERSION = 0x0f;
const SUPPORTS_SECURITY_EXTENSIONS = 0x80;
const SUPPORTS_DASH = 0x20;

/** What a management controller says of itself before anybody has logged in (IPMI 2.0 section 13.2.4). */
export interface PresencePong {
  /** Of the ping that it answers. */
  readonly tag: number;
  /** Whose the OEM-defined value is, by IANA enterprise number; ASF_ENTERPRISE where there is none. */
  readonly enterprise: number;
  /** OEM-defined; 0 where there is none. */
  readonly oemDefined: number;
  /** Supported entities: IPMI. */
  readonly ipmi: boolean;
  /** Supported entities: the version of ASF, 1 for all that there is; 0 where the controller has no ASF. */
  readonly asfVersion: number;
  /** Supported interactions: RMCP's security extensions, on port 664. */
  readonly securityExtensions: boolean;
  /** Supported interactions: DASH, of DMTF's DSP0136. */
  readonly dash: boolean;
}

/** The datagram that asks whether a management controller is there (IPMI 2.0 section 13.2.3). */
export function encodePresencePing(tag: number): Uint8Array {
  const message = new ByteWriter().uint32(ASF_ENTERPRISE).uint8(PRESENCE_PING).uint8(tag).zeros(2).finish();
  return encodeRmcp('asf', message);
}

/** Reads the answer to a ping. Throws WireError for every other datagram. */
export function decodePresencePong(datagram: Uint8Array): PresencePong {
  const reader = new ByteReader(decodeRmcp('asf', datagram));
  const forum = reader.uint32();
  const type = reader.uint8();
  if (forum !== ASF_ENTERPRISE || type !== PRESENCE_PONG) {
    throw new WireError('unknown-opcode', `ASF message ${type} of enterprise ${forum}`);
  }
  const tag = reader.uint8();
  reader.skip(1);
  const length = reader.uint8();
  if (length < PONG_DATA_OCTETS) throw new WireError('truncated', `a presence pong with ${length} octets`);
  const enterprise = reader.uint32();
  const oemDefined = reader.uint32();
  const entities = reader.uint8();
  const interactions = reader.uint8();
  // Reserved octets; a datagram that ends before them is no pong.
  reader.skip(6);
  return {
    tag,
    enterprise,
    oemDefined,
    ipmi: (entities & SUPPORTS_IPMI) !== 0,
    asfVersion: entities & ASF_VERSION,
    securityExtensions: (interactions & SUPPORTS_SECURITY_EXTENSIONS) !== 0,
    dash: (interactions & SUPPORTS_DASH) !== 0,
  };
}
