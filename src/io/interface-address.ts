import { ipv4FromBytes, ipv4FromNumber, type Ipv4 } from '../addr/ipv4.ts';
import { prefixLengthOfMask, type Subnet } from '../addr/subnet.ts';
import { LINUX, openKernelSocket } from './kernel-socket.ts';
import { accessLibc, type Libc } from './libc.ts';

/** An IPv4 address of an interface, and the network that it puts on that wire. */
export interface InterfaceAddress {
  readonly address: Ipv4;
  readonly subnet: Subnet;
}

/** SIOCGIFADDR and SIOCGIFNETMASK of <linux/sockios.h>. */
const GET_ADDRESS = 0x8915;
const GET_NETMASK = 0x891b;

/** struct ifreq: a name of 16 octets, then a struct sockaddr_in whose address begins at its fifth octet. */
const IFREQ_SIZE = 40;
const ADDRESS_OFFSET = 20;

/** An address with its netmask; undefined when the mask is none. */
export function interfaceAddress(address: Ipv4, mask: Ipv4): InterfaceAddress | undefined {
  const prefixLength = prefixLengthOfMask(mask);
  if (prefixLength === undefined) return undefined;
  return { address, subnet: { network: ipv4FromNumber(address & mask), prefixLength } };
}

/**
 * The first IPv4 address that was given to an interface, whether its link is up or not: Node lists an address only
 * while there is a carrier, but a controller may well start before its switch does. Undefined when the interface has
 * none, or the kernel cannot be asked.
 */
export function readPrimaryAddress(name: string): InterfaceAddress | undefined {
  const access = accessLibc();
  if (access.kind === 'unavailable') return undefined;
  const { libc } = access;
  const fd = openKernelSocket(libc, LINUX.AF_INET, LINUX.SOCK_DGRAM, 0);
  try {
    const address = ask(libc, fd, GET_ADDRESS, name);
    const mask = ask(libc, fd, GET_NETMASK, name);
    return address === undefined || mask === undefined ? undefined : interfaceAddress(address, mask);
  } finally {
    libc.close(fd);
  }
}

function ask(libc: Libc, fd: number, request: number, name: string): Ipv4 | undefined {
  const ifreq = new Uint8Array(IFREQ_SIZE);
  ifreq.set(new TextEncoder().encode(name).subarray(0, 15));
  if (libc.ioctl(fd, request, 'void *', ifreq) < 0) return undefined;
  return ipv4FromBytes(ifreq.subarray(ADDRESS_OFFSET, ADDRESS_OFFSET + 4));
}
