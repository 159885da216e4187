import { formatIpv4, ipv4FromBytes, ipv4FromNumber, ipv4ToBytes, parseIpv4 } from '../../addr/ipv4.ts';
import { formatSubnet, parseSubnet, subnetMask } from '../../addr/subnet.ts';
import { decodeDomainNames, encodeDomainNames } from './domain-names.ts';
import { fixedLength, formatOptionType, type OptionType } from './option-types.ts';

/** A value cannot be written as its type; the message says what was expected, in an admin's words. */
export class OptionValueError extends Error {
  override readonly name = 'OptionValueError';
}

const OCTETS = /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2})+$/i;
const HEX_DIGITS = /^(?:[0-9a-f]{2})*$/i;
const INTEGER = /^-?(?:\d+|0x[0-9a-f]+)$/i;
const LONGEST_VALUE = 65_535;

const BOOLEANS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true],
  [false, false],
  ['true', true],
  ['false', false],
  ['on', true],
  ['off', false],
  ['yes', true],
  ['no', false],
]);

/**
 * The octets of a value that stands in a configuration: text, number, boolean, a list, or `{ hex: … }` and
 * `{ text: … }`, which say outright what the octets are. A `string` that looks like octets (`e4:45:74`) is octets, as in
 * dhcpd, else text. Where the type is a list, one element alone will do, and so will text with commas.
 * Throws OptionValueError for anything that is not of the type.
 */
export function encodeOptionValue(type: OptionType, input: unknown): Uint8Array {
  const value = encodeValue(type, input);
  if (value.length > LONGEST_VALUE) throw new OptionValueError('the value is too long for any message');
  return value;
}

function encodeValue(type: OptionType, input: unknown): Uint8Array {
  if (isOutright(input)) return encodeOutright(type, input);
  switch (type.kind) {
    case 'boolean':
      return Uint8Array.of(readBoolean(input) ? 1 : 0);
    case 'integer':
      return encodeInteger(type.bits, type.signed, input);
    case 'ip-address':
      return encodeAddress(input);
    case 'text':
      return encodeText(input);
    case 'string':
    case 'encapsulate':
      return encodeString(input);
    case 'flag':
      return encodeFlag(input);
    case 'domain-name':
      return encodeNames([input]);
    case 'domain-list':
      return encodeNames(listOf(input));
    case 'classless-routes':
      return concatenated(listOf(input).map(encodeRoute));
    case 'array':
      return encodeArray(type.of, input);
    case 'record':
      return encodeRecord(type.fields, input);
  }
}

type Outright = { readonly hex: unknown } | { readonly text: unknown };

function isOutright(input: unknown): input is Outright {
  return typeof input === 'object' && input !== null && ('hex' in input || 'text' in input);
}

function encodeOutright(type: OptionType, input: Outright): Uint8Array {
  if (Object.keys(input).length > 1) throw new OptionValueError('give either hex or text, not both');
  const octets = 'hex' in input ? encodeHex(input.hex) : encodeText(input.text);
  const length = fixedLength(type);
  if (length !== undefined && octets.length !== length) {
    throw new OptionValueError(`${formatOptionType(type)} has ${length} octets, not ${octets.length}`);
  }
  return octets;
}

function encodeHex(input: unknown): Uint8Array {
  if (typeof input === 'string') {
    if (OCTETS.test(input)) return octetsOf(input.split(':'));
    if (HEX_DIGITS.test(input)) return octetsOf(input.match(/../g) ?? []);
  }
  throw new OptionValueError(
    `${shown(input)} is not hexadecimal: write octets as e4:45:74 or e44574, in quotes`,
  );
}

function octetsOf(digits: readonly string[]): Uint8Array {
  return Uint8Array.from(digits, (octet) => Number.parseInt(octet, 16));
}

function readBoolean(input: unknown): boolean {
  const value = BOOLEANS.get(typeof input === 'string' ? input.toLowerCase() : input);
  if (value === undefined) throw expected('true or false', input);
  return value;
}

/**
 * dhcpd's `integer 8` is signed and takes 255 all the same: half of the classless routes in the world are written as an array of it. The
 * octets are what counts.
 */
function encodeInteger(bits: 8 | 16 | 32, signed: boolean, input: unknown): Uint8Array {
  const least = signed ? -(2 ** (bits - 1)) : 0;
  const most = 2 ** bits - 1;
  const value = typeof input === 'string' && INTEGER.test(input) ? parseInteger(input) : input;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw expected(`a whole number from ${least} to ${most}`, input);
  }
  const octets = new Uint8Array(bits / 8);
  const view = new DataView(octets.buffer);
  if (bits === 8) view.setUint8(0, value);
  else if (bits === 16) view.setUint16(0, value);
  else view.setUint32(0, value);
  return octets;
}

function parseInteger(text: string): number {
  return text.startsWith('-') ? -Number(text.slice(1)) : Number(text);
}

function encodeAddress(input: unknown): Uint8Array {
  const address = typeof input === 'string' ? parseIpv4(input.trim()) : undefined;
  if (address === undefined) throw expected('an IPv4 address such as 192.168.0.1', input);
  return ipv4ToBytes(address);
}

/** YAML reads `115200` as a number; as text it is what stands there. Other numbers may not come back as written. */
function encodeText(input: unknown): Uint8Array {
  if (typeof input === 'number' && Number.isSafeInteger(input)) return encodeText(String(input));
  if (typeof input !== 'string') throw expected('text (put it in quotes)', input);
  if (input.includes('\0')) throw new OptionValueError('text cannot hold a NUL');
  return new TextEncoder().encode(input);
}

function encodeString(input: unknown): Uint8Array {
  if (typeof input !== 'string') {
    throw expected('octets such as e4:45:74, or text in quotes, or { hex: … } or { text: … }', input);
  }
  return OCTETS.test(input) ? octetsOf(input.split(':')) : encodeText(input);
}

function encodeFlag(input: unknown): Uint8Array {
  if (input !== true && input !== '' && input !== null)
    throw expected('true, since the option has no value', input);
  return new Uint8Array(0);
}

function encodeNames(input: readonly unknown[]): Uint8Array {
  const names = input.map((name) => {
    if (typeof name !== 'string') throw expected('a domain name', name);
    return name.trim();
  });
  const octets = encodeDomainNames(names);
  if (octets === undefined) throw expected('domain names of labels with 1 to 63 letters', names.join(', '));
  return octets;
}

/** `10.0.0.0/8 192.168.0.1`, optionally with `via` or a comma between: the width, its significant octets, the router. */
function encodeRoute(input: unknown): Uint8Array {
  const parts = typeof input === 'string' ? input.trim().split(/\s+via\s+|\s*,\s*|\s+/) : [];
  const destination = parseSubnet(parts[0] === 'default' ? '0.0.0.0/0' : (parts[0] ?? ''));
  const router = parseIpv4(parts[1] ?? '');
  if (destination === undefined || router === undefined || parts.length !== 2) {
    throw expected('a route such as "10.0.0.0/8 via 192.168.0.1"', input);
  }
  const significant = ipv4ToBytes(destination.network).subarray(0, Math.ceil(destination.prefixLength / 8));
  return concatenated([Uint8Array.of(destination.prefixLength), significant, ipv4ToBytes(router)]);
}

function encodeArray(of: OptionType, input: unknown): Uint8Array {
  const elements = of.kind === 'record' && isOneRecord(input) ? [input] : listOf(input);
  if (elements.length === 0) throw new OptionValueError('the list is empty');
  return concatenated(elements.map((element) => encodeValue(of, element)));
}

/**
 * A list of records may be written as one record: its first element is then no list itself, nor text that holds all fields. Texts further
 * behind may have spaces.
 */
function isOneRecord(input: unknown): boolean {
  return Array.isArray(input) && !Array.isArray(input[0]) && !hasSpaces(input[0]);
}

function hasSpaces(input: unknown): boolean {
  return typeof input === 'string' && /\S\s+\S/.test(input);
}

/** A record is a list with one element a field; as text, its fields stand between spaces, as in dhcpd. */
function encodeRecord(fields: readonly OptionType[], input: unknown): Uint8Array {
  const values: readonly unknown[] = typeof input === 'string' ? input.trim().split(/\s+/) : listOf(input);
  if (values.length !== fields.length) {
    throw expected(`a list of ${fields.length} values: ${fields.map(formatOptionType).join(', ')}`, input);
  }
  return concatenated(fields.map((field, index) => encodeValue(field, values[index])));
}

function listOf(input: unknown): readonly unknown[] {
  if (Array.isArray(input)) return input;
  return typeof input === 'string' && input.includes(',')
    ? input.split(',').map((part) => part.trim())
    : [input];
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const octets = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    octets.set(part, at);
    at += part.length;
  }
  return octets;
}

function expected(what: string, input: unknown): OptionValueError {
  return new OptionValueError(`expected ${what}, found ${shown(input)}`);
}

function shown(input: unknown): string {
  return input === undefined ? 'nothing' : JSON.stringify(input);
}

/**
 * A value for people, in the form that encodeOptionValue reads. Octets that are no value of their type, and those of a
 * `string` that are not printable or would be read as octets, are shown as `e4:45:74`.
 */
export function formatOptionValue(type: OptionType, value: Uint8Array): string {
  return formatValue(type, value) ?? formatOctets(value);
}

/** Octets with colons, as dhcpd writes them. */
export function formatOctets(value: Uint8Array): string {
  return Array.from(value, (octet) => octet.toString(16).padStart(2, '0')).join(':');
}

function formatValue(type: OptionType, value: Uint8Array): string | undefined {
  switch (type.kind) {
    case 'boolean':
      return value.length === 1 ? String(value[0] !== 0) : undefined;
    case 'integer':
      return formatInteger(type.bits, type.signed, value);
    case 'ip-address': {
      const address = ipv4FromBytes(value);
      return address === undefined ? undefined : formatIpv4(address);
    }
    case 'text':
      return printableText(value);
    case 'string': {
      const text = printableText(value);
      return text === undefined || OCTETS.test(text) ? undefined : text;
    }
    case 'flag':
      return value.length === 0 ? 'true' : undefined;
    case 'domain-name':
    case 'domain-list':
      return decodeDomainNames(value)?.join(', ');
    case 'classless-routes':
      return formatRoutes(value);
    case 'array':
      return formatElements(type.of, value);
    case 'record':
      return formatFields(type.fields, value);
    case 'encapsulate':
      return undefined;
  }
}

function formatInteger(bits: number, signed: boolean, value: Uint8Array): string | undefined {
  if (value.length !== bits / 8) return undefined;
  const unsigned = value.reduce((sum, octet) => sum * 256 + octet, 0);
  return String(signed && unsigned >= 2 ** (bits - 1) ? unsigned - 2 ** bits : unsigned);
}

/** Undefined when there is no text, it is no UTF-8, or it holds control characters. */
function printableText(value: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(value);
  return /[\p{Cc}\ufffd]/u.test(text) || text === '' ? undefined : text;
}

function formatRoutes(value: Uint8Array): string | undefined {
  const routes: string[] = [];
  let rest = value;
  while (rest.length > 0) {
    const prefixLength = rest[0] ?? 0;
    const significant = Math.ceil(prefixLength / 8);
    const router = ipv4FromBytes(rest.subarray(1 + significant, 5 + significant));
    if (prefixLength > 32 || router === undefined) return undefined;
    const network = new Uint8Array(4);
    network.set(rest.subarray(1, 1 + significant));
    const address = ipv4FromBytes(network) ?? ipv4FromNumber(0);
    const mask = subnetMask({ network: address, prefixLength });
    const destination = { network: ipv4FromNumber(address & mask), prefixLength };
    routes.push(`${formatSubnet(destination)} via ${formatIpv4(router)}`);
    rest = rest.subarray(5 + significant);
  }
  return routes.join(', ');
}

function formatElements(of: OptionType, value: Uint8Array): string | undefined {
  const length = fixedLength(of);
  if (length === undefined || length === 0 || value.length % length !== 0) return undefined;
  const elements: string[] = [];
  for (let at = 0; at < value.length; at += length) {
    elements.push(formatOptionValue(of, value.subarray(at, at + length)));
  }
  return elements.join(', ');
}

function formatFields(fields: readonly OptionType[], value: Uint8Array): string | undefined {
  const shownFields: string[] = [];
  let at = 0;
  for (const field of fields) {
    const end = at + (fixedLength(field) ?? value.length - at);
    if (end > value.length) return undefined;
    shownFields.push(formatOptionValue(field, value.subarray(at, end)));
    at = end;
  }
  return at === value.length ? shownFields.join(' ') : undefined;
}
