import type { Ipv4 } from '../addr/ipv4.ts';
import { decodeUdpFrame, ETHERNET_HEADER_SIZE } from './ethernet-frame.ts';
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

/** The datagram to the port in an Ethernet frame, as decodeUdpFrame finds it. */
export function decodeFrame(frame: Uint8Array, port: number): OverheardDatagram | undefined {
  const datagram = decodeUdpFrame(frame);
  return datagram?.destinationPort === port
    ? { source: datagram.source, payload: datagram.payload }
    : undefined;
}
