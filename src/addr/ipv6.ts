import { formatIpv4, ipv4FromBytes, ipv4ToBytes, parseIpv4, type Ipv4 } from './ipv4.ts';

declare const ipv6Brand: unique symbol;

/** An IPv6 address as 32 lower-case hex digits, so that equal addresses are equal strings. */
export type Ipv6 = string & { readonly [ipv6Brand]: true };

const MAPPED_PREFIX = '00000000000000000000ffff';

/** Reads the forms of RFC 4291 section 2.2, with a zone (`%eth0`) left out. Undefined for anything else. */
export function parseIpv6(text: string): Ipv6 | undefined {
  const [address = ''] = text.split('%');
  const halves = address.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const front = hexGroups(head ?? [], tail === undefined);
  const back = hexGroups(tail ?? [], true);
  if (front === undefined || back === undefined) return undefined;
  const missing = 32 - front.length - back.length;
  // "::" stands for at least one group; without it nothing may be missing.
  if (tail === undefined ? missing !== 0 : missing < 4) return undefined;
  return `${front}${'0'.repeat(missing)}${back}` as Ipv6;
}

/** The interface that an address is on, as written after its `%` (RFC 4007 section 11); undefined without one. */
export function zoneOfIpv6(text: string): string | undefined {
  const at = text.indexOf('%');
  return at < 0 ? undefined : text.slice(at + 1);
}

/** Whether the address means something on one link only (fe80::/10, RFC 4291 section 2.5.6), and so needs a zone. */
export function isLinkLocalIpv6(address: Ipv6): boolean {
  return /^fe[89ab]/.test(address);
}

/** The groups as hex digits, four each; the last one may be a dotted quad. Undefined when one is no group. */
function hexGroups(groups: readonly string[], quadAllowed: boolean): string | undefined {
  let digits = '';
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      digits += group.toLowerCase().padStart(4, '0');
      continue;
    }
    const quad = quadAllowed && index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (quad === undefined) return undefined;
    digits += quad.toString(16).padStart(8, '0');
  }
  return digits;
}

/** The canonical text of RFC 5952: lower case, no leading zeros, the longest run of zero groups as `::`. */
export function formatIpv6(address: Ipv6): string {
  const groups = (address.match(/.{4}/g) ?? []).map((group) => Number.parseInt(group, 16).toString(16));
  const text = groups.join(':');
  let longest = '';
  for (const run of text.matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)) {
    if (run[0].length > longest.length) longest = run[0];
  }
  if (longest === '') return text;
  const start = new RegExp(`(?:^|:)${longest}(?=:|$)`).exec(text);
  if (start === null) return text;
  return `${text.slice(0, start.index)}::${text.slice(start.index + start[0].length + 1)}`;
}

/** The IPv4 address inside `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2); undefined for every other address. */
export function ipv4OfMapped(address: Ipv6): Ipv4 | undefined {
  if (!address.startsWith(MAPPED_PREFIX)) return undefined;
  return ipv4FromBytes(
    Uint8Array.from(address.slice(24).match(/../g) ?? [], (octet) => Number.parseInt(octet, 16)),
  );
}

/** The mapped form of an IPv4 address. */
export function mappedIpv6(address: Ipv4): Ipv6 {
  const digits = Array.from(ipv4ToBytes(address), (octet) => octet.toString(16).padStart(2, '0')).join('');
  return `${MAPPED_PREFIX}${digits}` as Ipv6;
}

/** Text of a peer of either family; a mapped IPv4 address is shown as IPv4. */
export function formatPeerAddress(address: Ipv6): string {
  const ipv4 = ipv4OfMapped(address);
  return ipv4 === undefined ? formatIpv6(address) : formatIpv4(ipv4);
}
