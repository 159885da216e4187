import { ByteReader, ByteWriter } from '../cursor.ts';
import { WireError } from '../wire-error.ts';

/** UDP port of a management controller (ASF 2.0 section 3.2.2). */
export const RMCP_PORT = 623;

const RMCP_VERSION = 6;
/** "No RMCP acknowledgement wanted" (IPMI 2.0 section 13.1.3): sessions have sequence numbers of their own. */
const NO_ACKNOWLEDGEMENT = 0xff;
const CLASS_IPMI = 7;

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

/**
 * The IPMI session packet of a datagram, for decodeSessionPacket. Throws WireError for everything else, ASF's presence
 * pongs among them: bootd sends no ping, since the authentication capabilities tell as much and more.
 */
export function decodeRmcpIpmi(datagram: Uint8Array): Uint8Array {
  const reader = new ByteReader(datagram);
  const version = reader.uint8();
  if (version !== RMCP_VERSION) throw new WireError('bad-field', `RMCP version ${version}`);
  reader.skip(2);
  const messageClass = reader.uint8();
  if (messageClass !== CLASS_IPMI) throw new WireError('unknown-opcode', `RMCP class ${messageClass}`);
  return reader.rest();
}
