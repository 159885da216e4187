import { formatIpv4 } from '../addr/ipv4.ts';
import type { OptionType } from '../wire/dhcp/option-types.ts';
import { encodeOptionValue, formatOctets, OptionValueError } from '../wire/dhcp/option-values.ts';
import { decodeUtf8 } from './dhcpd-conf-lexer.ts';
import { isSign } from './dhcpd-conf-parser.ts';
import type { SourcePlace } from './source-place.ts';
import { StatementFault, type TokenReader } from './token-reader.ts';
import type { YamlNode } from './yaml-document.ts';

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, on: true, false: false, off: false };

/** What bootd reads as octets where a `string` may be either. */
const LOOKS_LIKE_OCTETS = /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2})+$/i;

/**
 * Reads the value of an option as dhcpd writes it, by the option's type, up to the end of the statement, and gives it as
 * bootd.yaml writes it. Throws StatementFault for a value that is none, and for host names.
 */
export function readOptionValue(type: OptionType, reader: TokenReader): YamlNode {
  const { place } = reader;
  const value = readValue(type, reader);
  reader.readEnd();
  return checked(type, value, place);
}

/** A constant on the right of `=`: text in quotes, or octets, which are sent as they are whatever the type. */
export function readConstant(type: OptionType, reader: TokenReader): YamlNode {
  const { place } = reader;
  const element = type.kind === 'array' ? type.of : type;
  if (element.kind === 'ip-address' && isSign(reader.peek(1), '.')) return readOptionValue(type, reader);
  const isConstant = reader.peek()?.kind === 'string' || isSign(reader.peek(1), ':');
  const octets = isConstant ? readOctetsOrText(reader) : undefined;
  if (octets === undefined || !reader.isAtEnd) {
    throw new StatementFault(
      place,
      'its value is worked out for each request; bootd sends fixed values only',
    );
  }
  const isPlain = type.kind === 'text' || type.kind === 'string';
  return checked(
    type,
    isPlain ? formatString(octets, type.kind) : outright('hex', formatOctets(octets)),
    place,
  );
}

/** The value, if bootd takes it for one of the type. */
function checked(type: OptionType, value: YamlNode, place: SourcePlace): YamlNode {
  try {
    const octets = encodeOptionValue(type, plainValue(value));
    if (octets.length === 0 && type.kind !== 'flag') {
      throw new StatementFault(place, 'its value is empty, and bootd sends no empty options');
    }
    // bootd.yaml has no octets inside of lists.
    return holdsOutright(value) ? outright('hex', formatOctets(octets)) : value;
  } catch (error) {
    if (error instanceof OptionValueError) throw new StatementFault(place, error.message);
    throw error;
  }
}

function holdsOutright(value: YamlNode): boolean {
  return (
    typeof value === 'object' &&
    value.kind === 'flow-list' &&
    value.items.some((item) => holdsOutright(item) || (typeof item === 'object' && item.kind === 'flow-map'))
  );
}

function outright(key: 'hex' | 'text', value: string): YamlNode {
  return { kind: 'flow-map', entries: [[key, value]] };
}

function plainValue(value: YamlNode): unknown {
  if (typeof value !== 'object') return value;
  if (value.kind === 'flow-list') return value.items.map(plainValue);
  if (value.kind !== 'flow-map') return undefined;
  return Object.fromEntries(value.entries.map(([key, item]) => [key, plainValue(item)]));
}

function readValue(type: OptionType, reader: TokenReader): YamlNode {
  switch (type.kind) {
    case 'array':
      return readArray(type.of, reader);
    case 'domain-list':
      return readArray({ kind: 'text' }, reader);
    case 'record':
      return { kind: 'flow-list', items: type.fields.map((field) => readValue(field, reader)) };
    case 'ip-address':
      return formatIpv4(reader.readAddress());
    case 'boolean': {
      const word = reader.takeWord('true', 'false', 'on', 'off');
      const value = word === undefined ? undefined : BOOLEANS[word];
      if (value === undefined) throw reader.expected('true or false');
      return value;
    }
    case 'integer':
      return readInteger(reader);
    case 'text':
      return reader.peek()?.kind === 'string'
        ? formatString(readOctetsOrText(reader), 'text')
        : reader.readText('text');
    case 'string':
    case 'encapsulate':
      return formatString(readOctetsOrText(reader), 'string');
    case 'domain-name':
      return reader.peek()?.kind === 'string'
        ? reader.readText('a domain name')
        : reader.readDotted('a domain name');
    case 'flag':
      return true;
    case 'classless-routes':
      return formatString(reader.readOctets('octets'), 'string');
  }
}

/** A list; one element stands for itself, except for a record, which is a list already. */
function readArray(of: OptionType, reader: TokenReader): YamlNode {
  const items = [readValue(of, reader)];
  while (reader.takeSign(',')) items.push(readValue(of, reader));
  const [only] = items;
  const standsForItself = items.length === 1 && only !== undefined && of.kind !== 'record';
  return standsForItself ? only : { kind: 'flow-list', items };
}

/** dhcpd reads numbers as C does: `0x10` and `020` are 16. */
function readInteger(reader: TokenReader): YamlNode {
  const match = /^(-?)(?:0x([0-9a-f]+)|0([0-7]+)|(\d+))$/i.exec(reader.peek()?.source ?? '');
  if (match === null) throw reader.expected('a number');
  reader.readWord('a number');
  const [, minus, hex, octal, decimal] = match;
  const value =
    hex !== undefined
      ? Number.parseInt(hex, 16)
      : octal !== undefined
        ? Number.parseInt(octal, 8)
        : Number(decimal);
  return minus === '-' ? -value : value;
}

function readOctetsOrText(reader: TokenReader): Uint8Array {
  const token = reader.peek();
  if (token?.kind !== 'string') return reader.readOctets('text in quotes or octets');
  reader.step();
  return token.octets;
}

/** Octets in the shortest way that says the same: text, octets with colons, else outright. */
export function formatString(octets: Uint8Array, kind: 'text' | 'string'): YamlNode {
  const text = decodeUtf8(octets);
  if (text !== undefined && !/[\p{Cc}\ufffd]/u.test(text)) {
    return kind === 'string' && LOOKS_LIKE_OCTETS.test(text) ? outright('text', text) : text;
  }
  const hex = formatOctets(octets);
  return kind === 'string' && octets.length > 1 ? hex : outright('hex', hex);
}
