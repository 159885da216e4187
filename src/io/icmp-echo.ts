import { ipv4FromBytes, ipv4ToBytes, type Ipv4 } from '../addr/ipv4.ts';
import { internetChecksum } from './ethernet-frame.ts';

const ECHO_REPLY = 0;
const ECHO_REQUEST = 8;
const HEADER_SIZE = 8;
/** Octets of the sender's own token in front of the address. */
export const ECHO_TOKEN_SIZE = 8;
const MESSAGE_SIZE = HEADER_SIZE + ECHO_TOKEN_SIZE + 4;

/**
 * An ICMP echo request (RFC 792) whose data are the sender's token and the address that is asked. An answer brings
 * them back, so that it is known without looking at the IP header, which some kinds of socket do not show, and a
 * stranger cannot make one up.
 */
export function encodeEchoRequest(identifier: number, token: Uint8Array, target: Ipv4): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, ECHO_REQUEST);
  view.setUint16(4, identifier);
  bytes.set(token.subarray(0, ECHO_TOKEN_SIZE), HEADER_SIZE);
  bytes.set(ipv4ToBytes(target), HEADER_SIZE + ECHO_TOKEN_SIZE);
  view.setUint16(2, internetChecksum(bytes));
  return bytes;
}

/** The address that an echo reply with this token answers for; undefined for every other ICMP message. */
export function decodeEchoReply(message: Uint8Array, token: Uint8Array): Ipv4 | undefined {
  if (message.length !== MESSAGE_SIZE || message[0] !== ECHO_REPLY || message[1] !== 0) return undefined;
  const data = message.subarray(HEADER_SIZE);
  for (let at = 0; at < ECHO_TOKEN_SIZE; at += 1) {
    if (data[at] !== token[at]) return undefined;
  }
  return ipv4FromBytes(data.subarray(ECHO_TOKEN_SIZE));
}

/** The payload of an IPv4 datagram, as a raw socket delivers it; undefined when the header makes no sense. */
export function ipv4Payload(datagram: Uint8Array): Uint8Array | undefined {
  const first = datagram[0];
  if (first === undefined || first >>> 4 !== 4) return undefined;
  const headerSize = (first & 0x0f) * 4;
  return headerSize < 20 || headerSize > datagram.length ? undefined : datagram.subarray(headerSize);
}
