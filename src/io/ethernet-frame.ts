import { ipv4FromNumber, ipv4ToBytes, type Ipv4 } from '../addr/ipv4.ts';
import { macToBytes, type Mac } from '../addr/mac.ts';

/** A UDP datagram with everything that the kernel would otherwise fill in. */
export interface UdpFrame {
  readonly sourceMac: Mac;
  readonly destinationMac: Mac;
  readonly sourceAddress: Ipv4;
  readonly destinationAddress: Ipv4;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Of the IP header; distinguishes datagrams, 0 to 65535. */
  readonly identification: number;
  readonly payload: Uint8Array;
}

/** Octets of an Ethernet header: destination, source, EtherType. */
export const ETHERNET_HEADER_SIZE = 14;
/** Octets of the IPv4 and UDP headers in front of a payload. */
export const IPV4_UDP_HEADER_SIZE = 28;

const IPV4_HEADER_SIZE = 20;
const UDP_HEADER_SIZE = 8;
const ETHERTYPE_IPV4 = 0x0800;
const PROTOCOL_UDP = 17;
/** RFC 1700's default for the time to live. */
const TIME_TO_LIVE = 64;

/**
 * The Ethernet frame of the datagram, checksums included, without padding and frame check sequence (drivers add
 * those). The payload must fit the link: such a frame is never fragmented.
 */
export function encodeUdpFrame(frame: UdpFrame): Uint8Array {
  const { payload } = frame;
  const bytes = new Uint8Array(ETHERNET_HEADER_SIZE + IPV4_UDP_HEADER_SIZE + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(macToBytes(frame.destinationMac), 0);
  bytes.set(macToBytes(frame.sourceMac), 6);
  view.setUint16(12, ETHERTYPE_IPV4);

  const ip = ETHERNET_HEADER_SIZE;
  view.setUint8(ip, 0x45);
  view.setUint16(ip + 2, IPV4_UDP_HEADER_SIZE + payload.length);
  view.setUint16(ip + 4, frame.identification);
  view.setUint8(ip + 8, TIME_TO_LIVE);
  view.setUint8(ip + 9, PROTOCOL_UDP);
  bytes.set(ipv4ToBytes(frame.sourceAddress), ip + 12);
  bytes.set(ipv4ToBytes(frame.destinationAddress), ip + 16);
  view.setUint16(ip + 10, internetChecksum(bytes.subarray(ip, ip + IPV4_HEADER_SIZE)));

  const udp = ip + IPV4_HEADER_SIZE;
  const udpLength = UDP_HEADER_SIZE + payload.length;
  view.setUint16(udp, frame.sourcePort);
  view.setUint16(udp + 2, frame.destinationPort);
  view.setUint16(udp + 4, udpLength);
  bytes.set(payload, udp + UDP_HEADER_SIZE);
  // The pseudo header of RFC 768: both addresses, the protocol, and the length once more.
  const addressSum = sumWords(bytes.subarray(ip + 12, ip + 20), PROTOCOL_UDP + udpLength);
  const checksum = internetChecksum(bytes.subarray(udp), addressSum);
  // RFC 768: 0 on the wire means "no checksum", so a checksum of 0 is sent as its other form.
  view.setUint16(udp + 6, checksum === 0 ? 0xffff : checksum);
  return bytes;
}

/** The checksum of RFC 1071 over the octets, on top of a sum from sumWords. */
export function internetChecksum(bytes: Uint8Array, initialSum = 0): number {
  let sum = sumWords(bytes, initialSum);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The plain sum of 16-bit words; a last odd octet counts as the upper half of a word. Exact below 64 KiB. */
function sumWords(bytes: Uint8Array, initialSum: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const even = bytes.length & ~1;
  let sum = initialSum;
  for (let offset = 0; offset < even; offset += 2) sum += view.getUint16(offset);
  return even === bytes.length ? sum : sum + (view.getUint8(even) << 8);
}

/** What a frame tells of the UDP datagram in it. */
export interface UdpDatagram {
  readonly source: Ipv4;
  readonly sourcePort: number;
  readonly destination: Ipv4;
  readonly destinationPort: number;
  /** A view of the frame. */
  readonly payload: Uint8Array;
}

/**
 * The datagram in an Ethernet frame; undefined for a fragment, and for all that is no UDP over IPv4. Checksums are not looked at:
 * those of frames that this host sends itself are filled in by the card.
 */
export function decodeUdpFrame(frame: Uint8Array): UdpDatagram | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const ip = ETHERNET_HEADER_SIZE;
  if (frame.length < ip + IPV4_HEADER_SIZE || view.getUint16(12) !== ETHERTYPE_IPV4) return undefined;
  const headerSize = (view.getUint8(ip) & 0x0f) * 4;
  const udp = ip + headerSize;
  const isWhole = (view.getUint16(ip + 6) & 0x3fff) === 0;
  if (headerSize < IPV4_HEADER_SIZE || !isWhole || view.getUint8(ip + 9) !== PROTOCOL_UDP) return undefined;
  if (frame.length < udp + UDP_HEADER_SIZE) return undefined;
  const end = udp + view.getUint16(udp + 4);
  if (end > frame.length || end < udp + UDP_HEADER_SIZE) return undefined;
  return {
    source: ipv4FromNumber(view.getUint32(ip + 12)),
    sourcePort: view.getUint16(udp),
    destination: ipv4FromNumber(view.getUint32(ip + 16)),
    destinationPort: view.getUint16(udp + 2),
    payload: frame.subarray(udp + UDP_HEADER_SIZE, end),
  };
}
