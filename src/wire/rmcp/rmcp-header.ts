import { ByteReader, ByteWriter } from '../cursor.ts';
import { WireError } from '../wire-error.ts';

/** UDP port of a management controller (ASF 2.0 section 3.2.2). */
export const RMCP_PORT = 623;

const RMCP_VERSION = 6;
/** "No RMCP acknowledgement wanted" (IPMI 2.0 section 13.1.3): sessions have sequence numbers of their own. */
const NO_ACKNOWLEDGEMENT = 0xff;
const CLASS_ASF = 6;
const CLASS_IPMI = 7;
const ASF_ENTERPRISE = 4542;
const ASF_PING = 0x80;
const ASF_PONG = 0x40;
const PONG_DATA_OCTETS = 16;
const SUPPORTS_IPMI = 0x80;

/** What an RMCP datagram carries. `octets` are the rest of the datagram, for decodeSessionPacket. */
export type RmcpMessage =
  | { readonly kind: 'ipmi'; readonly octets: Uint8Array }
  | { readonly kind: 'pong'; readonly tag: number; readonly supportsIpmi: boolean };

/** Puts the RMCP header before an IPMI session packet. */
export function encodeRmcpIpmi(octets: Uint8Array): Uint8Array {
  return new ByteWriter()
    .uint8(RMCP_VERSION)
    .uint8(0)
    .uint8(NO_ACKNOWLEDGEMENT)
    .uint8(CLASS_IPMI)
    .bytes(octets)
    .finish();
}

/** The ASF presence ping: whoever answers is a management controller, and says whether it speaks IPMI. */
export function encodePresencePing(tag: number): Uint8Array {
  return new ByteWriter()
    .uint8(RMCP_VERSION)
    .uint8(0)
    .uint8(NO_ACKNOWLEDGEMENT)
    .uint8(CLASS_ASF)
    .uint32(ASF_ENTERPRISE)
    .uint8(ASF_PING)
    .uint8(tag)
    .uint8(0)
    .uint8(0)
    .finish();
}

/** Reads what a management controller sent. Throws WireError for what is neither IPMI nor a presence pong. */
export function decodeRmcp(datagram: Uint8Array): RmcpMessage {
  const reader = new ByteReader(datagram);
  const version = reader.uint8();
  if (version !== RMCP_VERSION) throw new WireError('bad-field', `RMCP version ${version}`);
  reader.skip(2);
  const messageClass = reader.uint8();
  if (messageClass === CLASS_IPMI) return { kind: 'ipmi', octets: reader.rest() };
  if (messageClass === CLASS_ASF) return decodePong(reader);
  throw new WireError('unknown-opcode', `RMCP class ${messageClass}`);
}

function decodePong(reader: ByteReader): RmcpMessage {
  const enterprise = reader.uint32();
  const type = reader.uint8();
  if (enterprise !== ASF_ENTERPRISE || type !== ASF_PONG) {
    throw new WireError('unknown-opcode', `ASF message ${type} of enterprise ${enterprise}`);
  }
  const tag = reader.uint8();
  reader.skip(1);
  const length = reader.uint8();
  if (length < PONG_DATA_OCTETS) throw new WireError('truncated', `presence pong with ${length} octets`);
  // Enterprise number and OEM data of its maker stand before the supported entities.
  reader.skip(8);
  return { kind: 'pong', tag, supportsIpmi: (reader.uint8() & SUPPORTS_IPMI) !== 0 };
}
