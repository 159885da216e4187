declare const ipv4Brand: unique symbol;

/** An IPv4 address as an unsigned 32-bit number in network order, so that ranges are plain comparisons. */
export type Ipv4 = number & { readonly [ipv4Brand]: true };

/** 0.0.0.0: "this host", and "not filled in" in every address field of BOOTP (RFC 951 section 3). */
export const UNSPECIFIED_IPV4 = 0 as Ipv4;

/** 255.255.255.255: every host on this link (RFC 919 section 7). */
export const BROADCAST_IPV4 = 0xffffffff as Ipv4;

/** 127.0.0.1, this host to itself (RFC 1122 section 3.2.1.3). */
export const LOOPBACK_IPV4 = 0x7f000001 as Ipv4;

const DOTTED_QUAD = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Marks a number as an address; the low 32 bits count. */
export function ipv4FromNumber(value: number): Ipv4 {
  return (value >>> 0) as Ipv4;
}

/**
 * Reads a dotted quad. Octets are decimal; a leading zero is refused, since some programs read it as octal.
 * Returns undefined for anything else.
 */
export function parseIpv4(text: string): Ipv4 | undefined {
  const match = DOTTED_QUAD.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (const octet of match.slice(1)) {
    const number = Number(octet);
    if (number > 255 || (octet.length > 1 && octet.startsWith('0'))) return undefined;
    value = value * 256 + number;
  }
  return value as Ipv4;
}

/** The dotted quad of an address. */
export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}

/** The address as pxelinux and GRUB write it in file names: eight upper-case hex digits. */
export function formatIpv4Hex(address: Ipv4): string {
  return address.toString(16).toUpperCase().padStart(8, '0');
}

/** The four octets of an address. */
export function ipv4ToBytes(address: Ipv4): Uint8Array {
  // Octet by octet: `Uint8Array.of` takes several times as long, and every reply has some addresses.
  const bytes = new Uint8Array(4);
  bytes[0] = address >>> 24;
  bytes[1] = address >>> 16;
  bytes[2] = address >>> 8;
  bytes[3] = address;
  return bytes;
}

/** The address in exactly four octets; undefined for any other length. */
export function ipv4FromBytes(bytes: Uint8Array): Ipv4 | undefined {
  if (bytes.length !== 4) return undefined;
  const high = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  const low = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  return ipv4FromNumber((high << 16) | low);
}
