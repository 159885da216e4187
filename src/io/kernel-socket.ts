import { endianness } from 'node:os';
import { ipv4ToBytes, type Ipv4 } from '../addr/ipv4.ts';
import { IoError, ioErrorFromErrno } from './io-error.ts';
import type { Libc } from './libc.ts';

/**
 * Linux's numbers, the same on x86, arm, riscv, powerpc and s390 (asm-generic); Node's builds for Linux and
 * koffi's binaries cover nothing else.
 */
export const LINUX = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_PACKET: 17,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  IPPROTO_IP: 0,
  IPPROTO_ICMP: 1,
  SOL_SOCKET: 1,
  SOL_RAW: 255,
  SOL_PACKET: 263,
  PACKET_ADD_MEMBERSHIP: 1,
  PACKET_STATISTICS: 6,
  PACKET_MR_PROMISC: 1,
  ETH_P_ALL: 3,
  ICMP_FILTER: 1,
  IP_MTU_DISCOVER: 10,
  SO_REUSEADDR: 2,
  SO_TYPE: 3,
  SO_BROADCAST: 6,
  SO_RCVBUF: 8,
  SO_REUSEPORT: 15,
  SO_BINDTODEVICE: 25,
  SO_ATTACH_FILTER: 26,
  SO_RCVBUFFORCE: 33,
  SO_ATTACH_REUSEPORT_CBPF: 51,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
  F_SETFD: 2,
  F_DUPFD_CLOEXEC: 1030,
  FD_CLOEXEC: 1,
  EINTR: 4,
  EAGAIN: 11,
} as const;

const IP_PMTUDISC_DONT = 0;

/** IFNAMSIZ of <net/if.h>, the final NUL included. */
const INTERFACE_NAME_SIZE = 16;

const LITTLE_ENDIAN = endianness() === 'LE';

/** A socket that never blocks and that no child process inherits. Throws IoError. */
export function openKernelSocket(libc: Libc, domain: number, type: number, protocol: number): number {
  const fd = libc.socket(domain, type | LINUX.SOCK_NONBLOCK | LINUX.SOCK_CLOEXEC, protocol);
  if (fd < 0) throw ioErrorFromErrno('cannot open a socket', libc.errno());
  return fd;
}

/** Runs the set-up of a new socket; closes the socket when a step of it throws. */
export function closingOnFailure<Result>(libc: Libc, fd: number, setUp: () => Result): Result {
  try {
    return setUp();
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Sets an option that is a 32-bit number, of level SOL_SOCKET unless told otherwise. Throws IoError. */
export function setIntegerOption(
  libc: Libc,
  fd: number,
  name: number,
  value: number,
  what: string,
  level: number = LINUX.SOL_SOCKET,
): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, LITTLE_ENDIAN);
  if (libc.setsockopt(fd, level, name, bytes, bytes.length) < 0) throw ioErrorFromErrno(what, libc.errno());
}

/** As large as asked for with CAP_NET_ADMIN, which passes net.core.rmem_max; else up to there. Throws IoError. */
export function setReceiveBuffer(libc: Libc, fd: number, octets: number): void {
  const what = 'cannot set the receive buffer';
  try {
    setIntegerOption(libc, fd, LINUX.SO_RCVBUFFORCE, octets, what);
  } catch {
    setIntegerOption(libc, fd, LINUX.SO_RCVBUF, octets, what);
  }
}

/** Lets routers cut what is sent into fragments, and never asks how long a packet may be. Throws IoError. */
export function turnOffPathDiscovery(libc: Libc, fd: number): void {
  const what = 'cannot turn off path MTU discovery';
  setIntegerOption(libc, fd, LINUX.IP_MTU_DISCOVER, IP_PMTUDISC_DONT, what, LINUX.IPPROTO_IP);
}

/** Ties the socket to one interface: it neither hears nor speaks anywhere else. Throws IoError. */
export function bindToDevice(libc: Libc, fd: number, device: string): void {
  const name = new TextEncoder().encode(device);
  if (name.length === 0 || name.length >= INTERFACE_NAME_SIZE) {
    throw new IoError('no-such-device', `cannot use interface "${device}": such a name cannot exist`);
  }
  if (libc.setsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_BINDTODEVICE, name, name.length) < 0) {
    throw ioErrorFromErrno(`cannot bind to interface ${device}`, libc.errno());
  }
}

/** The interface that a socket is tied to; undefined when it is tied to none. Throws IoError. */
export function boundDevice(libc: Libc, fd: number): string | undefined {
  const name = new Uint8Array(INTERFACE_NAME_SIZE);
  const length = Uint32Array.of(name.length);
  if (libc.getsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_BINDTODEVICE, name, length) < 0) {
    throw ioErrorFromErrno(`cannot ask which interface file descriptor ${fd} is bound to`, libc.errno());
  }
  const text = new TextDecoder().decode(name.subarray(0, length[0])).replace(/\0.*$/s, '');
  return text === '' ? undefined : text;
}

/** The UDP port that an IPv4 socket is bound to. Throws IoError. */
export function boundPort(libc: Libc, fd: number): number {
  const name = new Uint8Array(16);
  if (libc.getsockname(fd, name, Uint32Array.of(name.length)) < 0) {
    throw ioErrorFromErrno(`cannot ask which port file descriptor ${fd} is bound to`, libc.errno());
  }
  return new DataView(name.buffer).getUint16(2);
}

/** Octets of `struct sockaddr_in`. */
export const SOCKADDR_IN_SIZE = 16;

/** `struct sockaddr_in`. */
export function encodeInetAddress(address: Ipv4, port: number): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_IN_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, LINUX.AF_INET, LITTLE_ENDIAN);
  view.setUint16(2, port);
  bytes.set(ipv4ToBytes(address), 4);
  return bytes;
}

/** `struct sockaddr_ll`: an interface by index, and a hardware address on it. */
export function encodeLinkAddress(
  interfaceIndex: number,
  protocol: number,
  hardwareAddress: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, LINUX.AF_PACKET, LITTLE_ENDIAN);
  view.setUint16(2, protocol);
  view.setInt32(4, interfaceIndex, LITTLE_ENDIAN);
  view.setUint8(11, hardwareAddress.length);
  bytes.set(hardwareAddress.subarray(0, 8), 12);
  return bytes;
}

/** `struct sockaddr_un`; a leading `@` stands for the NUL of an abstract address, as systemd writes it. */
export function encodeUnixAddress(path: string): Uint8Array {
  const name = new TextEncoder().encode(path.startsWith('@') ? `\0${path.slice(1)}` : path);
  const bytes = new Uint8Array(2 + name.length);
  new DataView(bytes.buffer).setUint16(0, LINUX.AF_UNIX, LITTLE_ENDIAN);
  bytes.set(name, 2);
  return bytes;
}
