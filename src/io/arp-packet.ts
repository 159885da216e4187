import { ipv4FromBytes, ipv4ToBytes, type Ipv4 } from '../addr/ipv4.ts';
import { macFromBytes, macToBytes, type Mac } from '../addr/mac.ts';
import { ETHERNET_HEADER_SIZE } from './ethernet-frame.ts';

/** Who has `target`, asked by `sender` (RFC 826). */
export interface ArpRequest {
  readonly senderMac: Mac;
  readonly senderAddress: Ipv4;
  readonly target: Ipv4;
}

/** That an address is at a hardware address. */
export interface ArpReply {
  readonly mac: Mac;
  readonly address: Ipv4;
}

/** EtherType of ARP. */
export const ETHERTYPE_ARP = 0x0806;
/** Where the operation stands in an Ethernet frame, for a kernel filter. */
export const ARP_OPERATION_OFFSET = ETHERNET_HEADER_SIZE + 6;
export const ARP_REPLY = 2;

const ARP_REQUEST = 1;
/** Hardware type Ethernet, protocol IPv4, and the lengths of both kinds of address. */
const ETHERNET_IPV4 = Uint8Array.of(0, 1, 8, 0, 6, 4);
const ARP_SIZE = 28;

/** The request as a broadcast Ethernet frame. */
export function encodeArpRequest({ senderMac, senderAddress, target }: ArpRequest): Uint8Array {
  const bytes = new Uint8Array(ETHERNET_HEADER_SIZE + ARP_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.fill(0xff, 0, 6);
  bytes.set(macToBytes(senderMac), 6);
  view.setUint16(12, ETHERTYPE_ARP);
  bytes.set(ETHERNET_IPV4, ETHERNET_HEADER_SIZE);
  view.setUint16(ARP_OPERATION_OFFSET, ARP_REQUEST);
  bytes.set(macToBytes(senderMac), ETHERNET_HEADER_SIZE + 8);
  bytes.set(ipv4ToBytes(senderAddress), ETHERNET_HEADER_SIZE + 14);
  bytes.set(ipv4ToBytes(target), ETHERNET_HEADER_SIZE + 24);
  return bytes;
}

/** Reads an Ethernet frame, padded or not; undefined when it is no ARP reply for IPv4. */
export function decodeArpReply(frame: Uint8Array): ArpReply | undefined {
  if (frame.length < ETHERNET_HEADER_SIZE + ARP_SIZE) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const fixed = frame.subarray(ETHERNET_HEADER_SIZE, ETHERNET_HEADER_SIZE + ETHERNET_IPV4.length);
  if (view.getUint16(12) !== ETHERTYPE_ARP || !ETHERNET_IPV4.every((octet, at) => fixed[at] === octet)) {
    return undefined;
  }
  if (view.getUint16(ARP_OPERATION_OFFSET) !== ARP_REPLY) return undefined;
  const sender = ETHERNET_HEADER_SIZE + 8;
  const mac = macFromBytes(frame.subarray(sender, sender + 6));
  const address = ipv4FromBytes(frame.subarray(sender + 6, sender + 10));
  return mac === undefined || address === undefined ? undefined : { mac, address };
}
