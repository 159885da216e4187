import { endianness } from 'node:os';
import { bootTrafficFilter, type BootTrafficPorts } from './boot-traffic-filter.ts';
import { decodeUdpFrame, type UdpDatagram } from './ethernet-frame.ts';
import { IoError, ioErrorFromErrno } from './io-error.ts';
import {
  closingOnFailure,
  encodeLinkAddress,
  LINUX,
  openKernelSocket,
  setReceiveBuffer,
} from './kernel-socket.ts';
import { accessLibc, type Libc } from './libc.ts';
import type { NetworkInterface } from './network-interfaces.ts';
import { attachFilter } from './packet-filter.ts';

/** All boot traffic of one wire, in both directions. */
export interface WireCapture {
  /** What passed since the last call, a bounded number at a time, in its order; never waits. */
  take(): readonly UdpDatagram[];
  /** Frames that passed since the last call and found no room. */
  takeLost(): number;
  close(): void;
}

/** A capture, or why there is none. */
export type WireCaptureAccess =
  | { readonly kind: 'available'; readonly capture: WireCapture }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** How many datagrams one call of `take` brings at most. */
export const DATAGRAMS_PER_TURN = 256;

/** A rack that powers on at once asks faster than anybody looks. */
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;

/** Jumbo frames; what is longer is no boot traffic that the filter lets pass. */
const FRAME_SIZE = 9216 + 64;

/** struct tpacket_stats: frames seen and frames dropped since it was last asked for. */
const STATISTICS_SIZE = 8;

const LITTLE_ENDIAN = endianness() === 'LE';

/**
 * Listens with a packet socket that gets copies of all frames of the wire, sent and received, this host's own too; whoever has
 * the ports hears all that it heard before. Promiscuous, so that a mirror port of a switch shows the frames of others.
 * Needs CAP_NET_RAW at this moment.
 */
export function captureWire(
  { name, index, ethernet }: NetworkInterface,
  ports: BootTrafficPorts,
): WireCaptureAccess {
  if (!ethernet) return { kind: 'unavailable', reason: `interface ${name} is not an Ethernet` };
  const access = accessLibc();
  if (access.kind === 'unavailable') return access;
  const { libc } = access;
  try {
    // Protocol 0 hears nothing until bind, so that nothing unfiltered gets in before it.
    const fd = openKernelSocket(libc, LINUX.AF_PACKET, LINUX.SOCK_RAW, 0);
    closingOnFailure(libc, fd, () => {
      attachFilter(libc, fd, bootTrafficFilter(ports));
      setReceiveBuffer(libc, fd, RECEIVE_BUFFER_BYTES);
      listenToAll(libc, fd, index, name);
    });
    return { kind: 'available', capture: createCapture(libc, fd) };
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    const hint = error.code === 'not-permitted' ? '; it needs root or CAP_NET_RAW' : '';
    return { kind: 'unavailable', reason: `${error.message}${hint}` };
  }
}

function listenToAll(libc: Libc, fd: number, index: number, name: string): void {
  const what = `cannot listen to the wire of ${name}`;
  const address = encodeLinkAddress(index, LINUX.ETH_P_ALL, new Uint8Array(6));
  if (libc.bind(fd, address, address.length) < 0) throw ioErrorFromErrno(what, libc.errno());
  // struct packet_mreq: the interface, what is wanted of it, and no address.
  const wish = new Uint8Array(16);
  const view = new DataView(wish.buffer);
  view.setInt32(0, index, LITTLE_ENDIAN);
  view.setUint16(4, LINUX.PACKET_MR_PROMISC, LITTLE_ENDIAN);
  if (libc.setsockopt(fd, LINUX.SOL_PACKET, LINUX.PACKET_ADD_MEMBERSHIP, wish, wish.length) < 0) {
    throw ioErrorFromErrno(what, libc.errno());
  }
}

function createCapture(libc: Libc, fd: number): WireCapture {
  const buffer = new Uint8Array(FRAME_SIZE);
  let open = true;
  return {
    take() {
      const datagrams: UdpDatagram[] = [];
      for (let received = 0; open && received < DATAGRAMS_PER_TURN; received += 1) {
        const length = libc.recv(fd, buffer, buffer.length, LINUX.MSG_DONTWAIT);
        if (length < 0) break;
        const datagram = decodeUdpFrame(buffer.slice(0, length));
        if (datagram !== undefined) datagrams.push(datagram);
      }
      return datagrams;
    },
    takeLost() {
      const statistics = new Uint8Array(STATISTICS_SIZE);
      const length = Uint32Array.of(statistics.length);
      const failed =
        !open || libc.getsockopt(fd, LINUX.SOL_PACKET, LINUX.PACKET_STATISTICS, statistics, length) < 0;
      return failed ? 0 : new DataView(statistics.buffer).getUint32(4, LITTLE_ENDIAN);
    },
    close() {
      if (open) libc.close(fd);
      open = false;
    },
  };
}
