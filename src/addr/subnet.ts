import { formatIpv4, ipv4FromNumber, parseIpv4, type Ipv4 } from './ipv4.ts';

/** An IPv4 network. `network` has no host bits set. */
export interface Subnet {
  readonly network: Ipv4;
  /** 0 to 32. */
  readonly prefixLength: number;
}

/** Addresses from `first` to `last`, both included; `first` is not above `last`. */
export interface AddressRange {
  readonly first: Ipv4;
  readonly last: Ipv4;
}

/** Reads `192.168.0.0/24`. Undefined when it is no network, or when host bits are set. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address, length, ...rest] = text.split('/');
  if (address === undefined || length === undefined || rest.length > 0) return undefined;
  const network = parseIpv4(address);
  if (network === undefined || !/^\d{1,2}$/.test(length)) return undefined;
  const prefixLength = Number(length);
  if (prefixLength > 32) return undefined;
  const subnet = { network, prefixLength };
  return ipv4FromNumber(network & subnetMask(subnet)) === network ? subnet : undefined;
}

/** The form that parseSubnet reads. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatIpv4(subnet.network)}/${subnet.prefixLength}`;
}

/** The netmask, for option 1. */
export function subnetMask(subnet: Subnet): Ipv4 {
  // A shift by 32 is a shift by 0 in JavaScript, so /0 needs its own answer.
  return ipv4FromNumber(subnet.prefixLength === 0 ? 0 : 0xffffffff << (32 - subnet.prefixLength));
}

/** The number of leading ones of a netmask; undefined when the ones are not all in front. */
export function prefixLengthOfMask(mask: Ipv4): number | undefined {
  const inverted = ~mask >>> 0;
  return (inverted & (inverted + 1)) === 0 ? Math.clz32(inverted) : undefined;
}

/** The address with all host bits set. */
export function subnetBroadcast(subnet: Subnet): Ipv4 {
  return ipv4FromNumber(subnet.network | ~subnetMask(subnet));
}

/** Whether the address lies in the network. */
export function subnetContains(subnet: Subnet, address: Ipv4): boolean {
  return ipv4FromNumber(address & subnetMask(subnet)) === subnet.network;
}

/** Reads `192.168.0.128-192.168.0.254`, or a single address. Undefined when it is neither, or runs backwards. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const parts = text.split('-').map((part) => parseIpv4(part.trim()));
  const first = parts[0];
  const last = parts.length === 1 ? first : parts[1];
  if (first === undefined || last === undefined || parts.length > 2 || first > last) return undefined;
  return { first, last };
}

/** The form that parseAddressRange reads. */
export function formatAddressRange(range: AddressRange): string {
  return `${formatIpv4(range.first)}-${formatIpv4(range.last)}`;
}

/** Whether the address lies in the range. */
export function rangeContains(range: AddressRange, address: Ipv4): boolean {
  return address >= range.first && address <= range.last;
}

/** How many addresses the range holds. */
export function rangeSize(range: AddressRange): number {
  return range.last - range.first + 1;
}
