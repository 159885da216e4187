import { randomBytes } from 'node:crypto';
import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import {
  ARP_OPERATION_OFFSET,
  ARP_REPLY,
  ETHERTYPE_ARP,
  decodeArpReply,
  encodeArpRequest,
} from './arp-packet.ts';
import { ECHO_TOKEN_SIZE, decodeEchoReply, encodeEchoRequest, ipv4Payload } from './icmp-echo.ts';
import { IoError, ioErrorFromErrno } from './io-error.ts';
import {
  LINUX,
  closingOnFailure,
  encodeInetAddress,
  encodeLinkAddress,
  openKernelSocket,
  setIntegerOption,
} from './kernel-socket.ts';
import type { Libc } from './libc.ts';
import { onLinkAddress, type NetworkInterface } from './network-interfaces.ts';
import { keepFramesWith } from './packet-filter.ts';

/** Somebody answers for an address. */
export interface ProbeAnswer {
  readonly address: Ipv4;
  /** Undefined where the means does not show it. */
  readonly mac: Mac | undefined;
}

/** One way of asking whether an address is in use, over one socket that stays open. */
export interface ProbeWire {
  /** Sends one question and does not wait; false when it cannot be asked. */
  ask(address: Ipv4): boolean;
  /** The answers that came since the last call, a bounded number at a time; never waits. */
  answers(): readonly ProbeAnswer[];
  close(): void;
}

/** Datagrams taken in one turn of the event loop: more than the default buffer of a socket holds. */
const DATAGRAMS_PER_TURN = 1024;

/**
 * Asks by ARP, on one Ethernet. Any host that could be pinged there must answer ARP first, and hosts whose firewall
 * drops pings answer it too; so where ARP can be had, an echo request adds nothing. Throws IoError; needs CAP_NET_RAW.
 */
export function openArpWire(libc: Libc, networkInterface: NetworkInterface, mac: Mac): ProbeWire {
  // Protocol 0 hears nothing until bind, so that nothing from other interfaces, or unfiltered, gets in before it.
  const fd = openKernelSocket(libc, LINUX.AF_PACKET, LINUX.SOCK_RAW, 0);
  const address = encodeLinkAddress(networkInterface.index, ETHERTYPE_ARP, new Uint8Array(6));
  closingOnFailure(libc, fd, () => {
    keepFramesWith(libc, fd, ARP_OPERATION_OFFSET, ARP_REPLY);
    if (libc.bind(fd, address, address.length) < 0) {
      throw ioErrorFromErrno(`cannot listen for ARP on ${networkInterface.name}`, libc.errno());
    }
  });
  const buffer = new Uint8Array(128);
  return {
    ask(target) {
      const own = onLinkAddress(networkInterface, target);
      if (own === undefined) return false;
      // Our own address as the sender's, not 0.0.0.0 as in RFC 5227: Linux with arp_ignore=2 answers only to a
      // sender of its own subnet, and nothing is claimed that is not true.
      const frame = encodeArpRequest({ senderMac: mac, senderAddress: own.address, target });
      return libc.sendto(fd, frame, frame.length, LINUX.MSG_DONTWAIT, address, address.length) >= 0;
    },
    answers: () => receiveAll(libc, fd, buffer, decodeArpReply),
    close: () => libc.close(fd),
  };
}

/**
 * Asks by ICMP echo, wherever routes lead: the only question that gets past a relay. Uses a raw socket
 * (CAP_NET_RAW), or else the kernel's ping socket (sysctl net.ipv4.ping_group_range). Throws IoError for neither.
 */
export function openIcmpWire(libc: Libc): ProbeWire {
  const { fd, decode } = openEchoSocket(libc);
  const token = randomBytes(ECHO_TOKEN_SIZE);
  const identifier = randomBytes(2).readUInt16BE();
  const buffer = new Uint8Array(256);
  return {
    ask(target) {
      const message = encodeEchoRequest(identifier, token, target);
      const address = encodeInetAddress(target, 0);
      return libc.sendto(fd, message, message.length, LINUX.MSG_DONTWAIT, address, address.length) >= 0;
    },
    answers: () =>
      receiveAll(libc, fd, buffer, (bytes) => {
        const message = decode(bytes);
        const address = message === undefined ? undefined : decodeEchoReply(message, token);
        return address === undefined ? undefined : { address, mac: undefined };
      }),
    close: () => libc.close(fd),
  };
}

interface EchoSocket {
  readonly fd: number;
  /** From what the socket delivers to the ICMP message in it. */
  readonly decode: (bytes: Uint8Array) => Uint8Array | undefined;
}

function openEchoSocket(libc: Libc): EchoSocket {
  try {
    const fd = openKernelSocket(libc, LINUX.AF_INET, LINUX.SOCK_RAW, LINUX.IPPROTO_ICMP);
    closingOnFailure(libc, fd, () => {
      // A set bit keeps that type out: everything but echo replies.
      const allButEchoReplies = ~1;
      setIntegerOption(libc, fd, LINUX.ICMP_FILTER, allButEchoReplies, 'cannot filter ICMP', LINUX.SOL_RAW);
    });
    return { fd, decode: ipv4Payload };
  } catch (error) {
    if (!(error instanceof IoError) || error.code !== 'not-permitted') throw error;
    const fd = openKernelSocket(libc, LINUX.AF_INET, LINUX.SOCK_DGRAM, LINUX.IPPROTO_ICMP);
    return { fd, decode: (bytes) => bytes };
  }
}

function receiveAll(
  libc: Libc,
  fd: number,
  buffer: Uint8Array,
  decode: (bytes: Uint8Array) => ProbeAnswer | undefined,
): readonly ProbeAnswer[] {
  const answers: ProbeAnswer[] = [];
  for (let received = 0; received < DATAGRAMS_PER_TURN; received += 1) {
    const length = libc.recv(fd, buffer, buffer.length, LINUX.MSG_DONTWAIT);
    // Nothing there, or an error of the link (ENETDOWN): the next question will meet it again.
    if (length < 0) break;
    const answer = decode(buffer.subarray(0, length));
    if (answer !== undefined) answers.push(answer);
  }
  return answers;
}
