import { IPV4_UDP_HEADER_SIZE, encodeUdpFrame, type UdpFrame } from './ethernet-frame.ts';
import { IoError, ioErrorFromErrno } from './io-error.ts';
import { LINUX, encodeLinkAddress, openKernelSocket } from './kernel-socket.ts';
import { accessLibc, type Libc } from './libc.ts';
import type { NetworkInterface } from './network-interfaces.ts';
import type { Mac } from '../addr/mac.ts';

/** Sends UDP datagrams to a hardware address of the sender's choosing, without asking ARP. */
export interface LinkFrameSender {
  /** Throws IoError: `too-large` for what does not fit the link, `unreachable` while it is down. */
  send(datagram: LinkDatagram): void;
  close(): void;
}

/** A datagram from this interface; its MAC is filled in. */
export type LinkDatagram = Omit<UdpFrame, 'sourceMac' | 'identification'>;

/** A sender, or why there is none; replies are broadcast then (RFC 2131 section 4.1 allows it). */
export type LinkFrameAccess =
  | { readonly kind: 'available'; readonly sender: LinkFrameSender }
  | { readonly kind: 'unavailable'; readonly reason: string };

/**
 * Opens a packet socket for one interface: the way to reach a client that has no address yet and so cannot answer
 * ARP (RFC 2131 section 4.1, last paragraphs). Needs CAP_NET_RAW at this moment only. The socket is for protocol 0,
 * which means that it receives nothing.
 */
export function openLinkFrameSender(networkInterface: NetworkInterface): LinkFrameAccess {
  const { name, mac, ethernet } = networkInterface;
  if (!ethernet || mac === undefined) {
    return { kind: 'unavailable', reason: `interface ${name} is not an Ethernet` };
  }
  const access = accessLibc();
  if (access.kind === 'unavailable') return access;
  const { libc } = access;
  try {
    const fd = openKernelSocket(libc, LINUX.AF_PACKET, LINUX.SOCK_RAW, 0);
    return { kind: 'available', sender: createSender(libc, fd, networkInterface, mac) };
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    const hint = error.code === 'not-permitted' ? '; it needs root or CAP_NET_RAW' : '';
    return { kind: 'unavailable', reason: `${error.message}${hint}` };
  }
}

function createSender(
  libc: Libc,
  fd: number,
  { name, index, mtu }: NetworkInterface,
  mac: Mac,
): LinkFrameSender {
  // The frame itself says where it goes; the socket address only says through which interface.
  const address = encodeLinkAddress(index, 0, new Uint8Array(6));
  let identification = 0;
  let open = true;
  return {
    send(datagram) {
      const what = `cannot send a frame on ${name}`;
      if (!open) throw new IoError('failed', `${what}: its socket is closed`);
      // A packet socket lets a frame of up to four octets too many pass, for a VLAN tag; so ask here.
      const size = IPV4_UDP_HEADER_SIZE + datagram.payload.length;
      if (size > mtu) {
        throw new IoError('too-large', `${what}: the datagram has ${size} octets, the link takes ${mtu}`);
      }
      identification = (identification + 1) & 0xffff;
      const frame = encodeUdpFrame({ ...datagram, sourceMac: mac, identification });
      if (libc.sendto(fd, frame, frame.length, LINUX.MSG_DONTWAIT, address, address.length) < 0) {
        throw ioErrorFromErrno(what, libc.errno());
      }
    },
    close() {
      if (open) libc.close(fd);
      open = false;
    },
  };
}
