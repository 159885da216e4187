import { ipv4FromBytes, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { macFromBytes, type Mac } from '../../../src/addr/mac.ts';

/** One UDP datagram of a capture, with what its frame says. */
export interface CapturedDatagram {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly destinationMac: Mac;
  readonly source: Ipv4;
  readonly destination: Ipv4;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

const LITTLE_ENDIAN_MICROSECONDS = 0xa1b2c3d4;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const ETHERNET_HEADER = 14;
const UDP_HEADER = 8;

/** Reads a capture of UDP over IPv4 over Ethernet (pcap, little endian). */
export function readCapture(file: Uint8Array): readonly CapturedDatagram[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0, true) !== LITTLE_ENDIAN_MICROSECONDS) throw new Error('this is no capture');
  const datagrams: CapturedDatagram[] = [];
  for (let at = FILE_HEADER; at < file.length;) {
    const length = view.getUint32(at + 8, true);
    const frame = file.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length);
    const seconds = view.getUint32(at, true);
    datagrams.push(readFrame(frame, seconds * 1000 + view.getUint32(at + 4, true) / 1000));
    at += RECORD_HEADER + length;
  }
  return datagrams;
}

function readFrame(frame: Uint8Array, at: number): CapturedDatagram {
  const destinationMac = macFromBytes(frame.subarray(0, 6));
  const packet = frame.subarray(ETHERNET_HEADER);
  const headerLength = ((packet[0] ?? 0) & 0x0f) * 4;
  const source = ipv4FromBytes(packet.subarray(12, 16));
  const destination = ipv4FromBytes(packet.subarray(16, 20));
  const udp = packet.subarray(headerLength);
  const udpView = new DataView(udp.buffer, udp.byteOffset, udp.byteLength);
  if (destinationMac === undefined || source === undefined || destination === undefined) {
    throw new Error('this is no frame');
  }
  return {
    at,
    destinationMac,
    source,
    destination,
    destinationPort: udpView.getUint16(2),
    payload: udp.subarray(UDP_HEADER, udpView.getUint16(4)),
  };
}
