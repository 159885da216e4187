import { ipv4FromBytes, type Ipv4 } from '../addr/ipv4.ts';
import { ETHERNET_HEADER_SIZE } from './ethernet-frame.ts';
import { IoError, ioErrorFromErrno } from './io-error.ts';
import { closingOnFailure, encodeLinkAddress, LINUX, openKernelSocket } from './kernel-socket.ts';
import { accessLibc } from './libc.ts';
import type { NetworkInterface } from './network-interfaces.ts';
import { keepFramesWith } from './packet-filter.ts';

/** A UDP datagram that was on the wire for somebody else, or for everybody. */
export interface OverheardDatagram {
  readonly source: Ipv4;
  readonly payload: Uint8Array;
}

/** Hears datagrams to one UDP port of others, and disturbs nobody who has that port. */
export interface Overhearing {
  /** What came since the last call, a bounded number at a time; never waits. */
  take(): readonly OverheardDatagram[];
  close(): void;
}

/** An ear, or why there is none. */
export type OverhearingAccess =
  | { readonly kind: 'available'; readonly overhearing: Overhearing }
  | { readonly kind: 'unavailable'; readonly reason: string };

const ETHERTYPE_IPV4 = 0x0800;
const PROTOCOL_UDP = 17;
const UDP_HEADER_SIZE = 8;

/** Of UDP's destination port behind an IPv4 header without options, which is what DHCP servers send. */
const DESTINATION_PORT_OFFSET = ETHERNET_HEADER_SIZE + 22;

const DATAGRAMS_PER_TURN = 256;

/**
 * Listens with a packet socket, whose frames are copies: a DHCP client of this host that is bound to the port, or uses a
 * packet socket of its own, hears all that it heard before. The kernel drops everything but datagrams to the port, and
 * shows no frame that this host sends. Needs CAP_NET_RAW.
 */
export function overhearDatagrams(networkInterface: NetworkInterface, port: number): OverhearingAccess {
  const { name, index, ethernet } = networkInterface;
  if (!ethernet) return { kind: 'unavailable', reason: `interface ${name} is not an Ethernet` };
  const access = accessLibc();
  if (access.kind === 'unavailable') return access;
  const { libc } = access;
  try {
    // Protocol 0 hears nothing until bind, so that nothing unfiltered gets in before it.
    const fd = openKernelSocket(libc, LINUX.AF_PACKET, LINUX.SOCK_RAW, 0);
    const address = encodeLinkAddress(index, ETHERTYPE_IPV4, new Uint8Array(6));
    closingOnFailure(libc, fd, () => {
      keepFramesWith(libc, fd, DESTINATION_PORT_OFFSET, port);
      if (libc.bind(fd, address, address.length) < 0) {
        throw ioErrorFromErrno(`cannot listen to the wire of ${name}`, libc.errno());
      }
    });
    const buffer = new Uint8Array(2048);
    let open = true;
    const overhearing: Overhearing = {
      take() {
        const datagrams: OverheardDatagram[] = [];
        for (let received = 0; open && received < DATAGRAMS_PER_TURN; received += 1) {
          const length = libc.recv(fd, buffer, buffer.length, LINUX.MSG_DONTWAIT);
          if (length < 0) break;
          const datagram = decodeFrame(buffer.slice(0, length), port);
          if (datagram !== undefined) datagrams.push(datagram);
        }
        return datagrams;
      },
      close() {
        if (open) libc.close(fd);
        open = false;
      },
    };
    return { kind: 'available', overhearing };
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    return { kind: 'unavailable', reason: error.message };
  }
}

/** The datagram in an Ethernet frame; undefined for a fragment, and for all that is no UDP datagram to the port. */
export function decodeFrame(frame: Uint8Array, port: number): OverheardDatagram | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const ip = ETHERNET_HEADER_SIZE;
  if (frame.length < ip + 20 || view.getUint16(12) !== ETHERTYPE_IPV4) return undefined;
  const headerSize = (view.getUint8(ip) & 0x0f) * 4;
  const udp = ip + headerSize;
  const isWhole = (view.getUint16(ip + 6) & 0x3fff) === 0;
  if (headerSize < 20 || !isWhole || view.getUint8(ip + 9) !== PROTOCOL_UDP) return undefined;
  if (frame.length < udp + UDP_HEADER_SIZE || view.getUint16(udp + 2) !== port) return undefined;
  const end = udp + view.getUint16(udp + 4);
  if (end > frame.length || end < udp + UDP_HEADER_SIZE) return undefined;
  const source = ipv4FromBytes(frame.subarray(ip + 12, ip + 16));
  return source === undefined ? undefined : { source, payload: frame.subarray(udp + UDP_HEADER_SIZE, end) };
}
