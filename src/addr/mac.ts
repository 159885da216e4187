declare const macBrand: unique symbol;

/** An Ethernet hardware address: six octets, lower-case hex, colons. */
export type Mac = string & { readonly [macBrand]: true };

const SIX_OCTETS = /^[0-9a-f]{1,2}(?:([:-])[0-9a-f]{1,2})(?:\1[0-9a-f]{1,2}){4}$/i;

/**
 * Reads `0c:c4:7a:0e:2b:6b`, `0C-C4-7A-0E-2B-6B` and, as dhcpd does, octets without their leading zero.
 * Returns undefined for anything else.
 */
export function parseMac(text: string): Mac | undefined {
  if (!SIX_OCTETS.test(text)) return undefined;
  const octets = text.toLowerCase().split(/[:-]/);
  return octets.map((octet) => octet.padStart(2, '0')).join(':') as Mac;
}

/** Every DHCP packet and every lease at start needs its MAC as text, so the digits are looked up. */
const HEX_OCTETS: readonly string[] = Array.from({ length: 256 }, (_, octet) =>
  octet.toString(16).padStart(2, '0'),
);
const COLON_AND_HEX: readonly string[] = HEX_OCTETS.map((digits) => `:${digits}`);

/** The address in exactly six octets; undefined for any other length. */
export function macFromBytes(bytes: Uint8Array): Mac | undefined {
  if (bytes.length !== 6) return undefined;
  let text = HEX_OCTETS[bytes[0] ?? 0] ?? '';
  for (let index = 1; index < 6; index += 1) text += COLON_AND_HEX[bytes[index] ?? 0] ?? '';
  return text as Mac;
}

/** The six octets of an address. */
export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16));
}

/** The form that stands in the names of boot files: `0c-c4-7a-0e-2b-6b`. */
export function formatMacDashed(mac: Mac): string {
  return mac.replaceAll(':', '-');
}
