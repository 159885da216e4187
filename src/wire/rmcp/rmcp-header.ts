import { ByteReader, ByteWriter } from '../cursor.ts';
import { WireError } from '../wire-error.ts';

/** UDP port of a management controller (ASF 2.0 section 3.2.2). */
export const RMCP_PORT = 623;

const RMCP_VERSION = 6;
/** "No RMCP acknowledgement wanted" (IPMI 2.0 section 13.1.3): sessions have sequence numbers of their own. */
const NO_ACKNOWLEDGEMENT = 0xff;

/** What an RMCP datagram carries (IPMI 2.0 table 13-2): ASF's presence messages, or IPMI session packets. */
export const RMCP_CLASS = { asf: 6, ipmi: 7 } as const;

/** A class that bootd knows. */
export type RmcpClass = keyof typeof RMCP_CLASS;

/** Puts the RMCP header before a message of this class. */
export function encodeRmcp(messageClass: RmcpClass, octets: Uint8Array): Uint8Array {
  return new ByteWriter()
    .uint8(RMCP_VERSION)
    .uint8(0)
    .uint8(NO_ACKNOWLEDGEMENT)
    .uint8(RMCP_CLASS[messageClass])
    .bytes(octets)
    .finish();
}

/** The message of a datagram. Throws WireError for what is no RMCP, or of another class than the one awaited. */
export function decodeRmcp(messageClass: RmcpClass, datagram: Uint8Array): Uint8Array {
  const reader = new ByteReader(datagram);
  const version = reader.uint8();
  if (version !== RMCP_VERSION) throw new WireError('bad-field', `RMCP version ${version}`);
  reader.skip(2);
  const found = reader.uint8();
  if (found !== RMCP_CLASS[messageClass]) throw new WireError('unknown-opcode', `RMCP class ${found}`);
  return reader.rest();
}
