import { ipv4FromNumber, UNSPECIFIED_IPV4, type Ipv4 } from '../../addr/ipv4.ts';
import { WireError } from '../wire-error.ts';
import {
  areaLength,
  decodeOptions,
  layoutOptions,
  overloads,
  writeOptions,
  type HeaderFields,
  type OptionLayout,
  type OptionMap,
} from './dhcp-options.ts';
import { OPTION } from './option-codes.ts';

/** `op`: who sends (RFC 951 section 3). */
export const BOOTREQUEST = 1;
export const BOOTREPLY = 2;

/** The one bit of `flags` that means something: the client cannot take unicast before it has its address. */
export const BROADCAST_FLAG = 0x8000;

/** UDP payload that every host takes without saying so: a datagram of 576 octets less IP and UDP header. */
export const DEFAULT_MAXIMUM_LENGTH = 548;

/** The least UDP payload of a reply (RFC 951 section 3, RFC 1542 section 2.1); some ROMs drop a shorter one. */
export const MINIMUM_LENGTH = 300;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const MAGIC_COOKIE = 0x63825363;
const CHADDR_LENGTH = 16;
const SNAME_LENGTH = 64;
const FILE_LENGTH = 128;

/** Where the fields begin (RFC 2131 figure 1), the first ones have 28 octets; behind `file` stands the cookie. */
const CHADDR_AT = 28;
const SNAME_AT = CHADDR_AT + CHADDR_LENGTH;
const FILE_AT = SNAME_AT + SNAME_LENGTH;
const HEADER_LENGTH = FILE_AT + FILE_LENGTH;
const OPTIONS_AT = HEADER_LENGTH + 4;

/** The length field of UDP has 16 bits. */
const LONGEST_DATAGRAM = 65_535;

/**
 * A DHCP or BOOTP message with the field names of RFC 2131. `options` holds one value for each code, in the order of
 * the wire, whatever number of instances or areas it was spread over. Where options stood in `file` or `sname`, these are
 * all zeros here.
 */
export interface DhcpMessage {
  readonly op: number;
  readonly htype: number;
  readonly hlen: number;
  readonly hops: number;
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  readonly ciaddr: Ipv4;
  readonly yiaddr: Ipv4;
  readonly siaddr: Ipv4;
  readonly giaddr: Ipv4;
  /** 16 octets, of which the first `hlen` count. */
  readonly chaddr: Uint8Array;
  /** 64 octets. */
  readonly sname: Uint8Array;
  /** 128 octets. */
  readonly file: Uint8Array;
  /** The cookie 99.130.83.99 stands before the options; without it this is BOOTP of RFC 951, and has none. */
  readonly hasCookie: boolean;
  readonly options: OptionMap;
}

/** What a message has where nothing else is said; BOOTREQUEST of an Ethernet card without an address. */
export const EMPTY_MESSAGE: DhcpMessage = {
  op: BOOTREQUEST,
  htype: 1,
  hlen: 6,
  hops: 0,
  xid: 0,
  secs: 0,
  flags: 0,
  ciaddr: UNSPECIFIED_IPV4,
  yiaddr: UNSPECIFIED_IPV4,
  siaddr: UNSPECIFIED_IPV4,
  giaddr: UNSPECIFIED_IPV4,
  chaddr: new Uint8Array(CHADDR_LENGTH),
  sname: new Uint8Array(SNAME_LENGTH),
  file: new Uint8Array(FILE_LENGTH),
  hasCookie: true,
  options: new Map(),
};

/**
 * The message in a datagram. Its fields are views of the datagram: who uses that memory again, or keeps a field beyond the
 * message, copies it. Throws WireError: `truncated`, `bad-hardware-address` (hlen over 16), `broken-options`. A wrong `op`,
 * htype or option value is for the reader to judge, not for the codec.
 */
export function decodeDhcpMessage(datagram: Uint8Array): DhcpMessage {
  const { length } = datagram;
  if (length < HEADER_LENGTH) {
    throw new WireError('truncated', `${length} octets, and the fixed fields alone have ${HEADER_LENGTH}`);
  }
  // Views of a Buffer would be Buffers, which take longer to make and whose `slice` does not copy.
  const bytes = new Uint8Array(datagram.buffer, datagram.byteOffset, length);
  const hlen = octetAt(bytes, 2);
  if (hlen > CHADDR_LENGTH) throw new WireError('bad-hardware-address', `hlen is ${hlen}`);
  const sname = bytes.subarray(SNAME_AT, FILE_AT);
  const file = bytes.subarray(FILE_AT, HEADER_LENGTH);
  const hasCookie = length >= OPTIONS_AT && wordAt(bytes, HEADER_LENGTH) === MAGIC_COOKIE;
  const { options, overload } = hasCookie
    ? decodeOptions(bytes.subarray(OPTIONS_AT), file, sname)
    : NO_OPTIONS;
  return {
    op: octetAt(bytes, 0),
    htype: octetAt(bytes, 1),
    hlen,
    hops: octetAt(bytes, 3),
    xid: wordAt(bytes, 4),
    secs: wordAt(bytes, 8) >>> 16,
    flags: wordAt(bytes, 8) & 0xffff,
    ciaddr: ipv4FromNumber(wordAt(bytes, 12)),
    yiaddr: ipv4FromNumber(wordAt(bytes, 16)),
    siaddr: ipv4FromNumber(wordAt(bytes, 20)),
    giaddr: ipv4FromNumber(wordAt(bytes, 24)),
    chaddr: bytes.subarray(CHADDR_AT, SNAME_AT),
    sname: overloads(overload, 'sname') ? EMPTY_MESSAGE.sname : sname,
    file: overloads(overload, 'file') ? EMPTY_MESSAGE.file : file,
    hasCookie,
    options,
  };
}

const NO_OPTIONS = { options: new Map<number, Uint8Array>(), overload: 0 };

function octetAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function wordAt(bytes: Uint8Array, at: number): number {
  const high = (octetAt(bytes, at) << 8) | octetAt(bytes, at + 1);
  const low = (octetAt(bytes, at + 2) << 8) | octetAt(bytes, at + 3);
  return ((high << 16) | low) >>> 0;
}

/**
 * The datagram of a message: at most `maximumLength` octets, at least 300. What does not fit is laid out as
 * layoutOptions says; `optionsThatDoNotFit` tells beforehand what would be left out. A message without
 * cookie has a vendor area of zeros. `allocate` gives the memory, zeroed. Throws WireError `too-long` for fields of a wrong
 * length, and for what no datagram can hold.
 */
export function encodeDhcpMessage(
  message: DhcpMessage,
  maximumLength = DEFAULT_MAXIMUM_LENGTH,
  allocate: Allocate = newOctets,
): Uint8Array {
  const { hasCookie, options } = message;
  if (!hasCookie) return encodeFields(message, message, 0, allocate);
  const length = areaLength(options);
  if (OPTIONS_AT + length <= maximumLength) {
    const datagram = encodeFields(message, message, length, allocate);
    writeOptions(options, datagram, OPTIONS_AT);
    return datagram;
  }
  const layout = layoutMessage(message, maximumLength);
  const fields = { file: layout.file ?? message.file, sname: layout.sname ?? message.sname };
  const datagram = encodeFields(message, fields, layout.options.length, allocate);
  datagram.set(layout.options, OPTIONS_AT);
  return datagram;
}

/** Memory of so many octets, all zero. */
type Allocate = (length: number) => Uint8Array;

const newOctets: Allocate = (length) => new Uint8Array(length);

/** The datagram with everything in it but the options, for which it has so many octets. */
function encodeFields(
  message: DhcpMessage,
  { file, sname }: HeaderFields,
  optionsLength: number,
  allocate: Allocate,
): Uint8Array {
  const length = Math.max(MINIMUM_LENGTH, OPTIONS_AT + optionsLength);
  if (length > LONGEST_DATAGRAM) {
    throw new WireError('too-long', `${length} octets, ${LONGEST_DATAGRAM} allowed`);
  }
  const bytes = allocate(length);
  putWord(bytes, 0, (message.op << 24) | (message.htype << 16) | (message.hlen << 8) | message.hops);
  putWord(bytes, 4, message.xid);
  putWord(bytes, 8, (message.secs << 16) | message.flags);
  putWord(bytes, 12, message.ciaddr);
  putWord(bytes, 16, message.yiaddr);
  putWord(bytes, 20, message.siaddr);
  putWord(bytes, 24, message.giaddr);
  bytes.set(exactly(message.chaddr, CHADDR_LENGTH), CHADDR_AT);
  bytes.set(exactly(sname, SNAME_LENGTH), SNAME_AT);
  bytes.set(exactly(file, FILE_LENGTH), FILE_AT);
  if (message.hasCookie) putWord(bytes, HEADER_LENGTH, MAGIC_COOKIE);
  return bytes;
}

function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

/** The codes that encodeDhcpMessage would leave out of a datagram of that length. */
export function optionsThatDoNotFit(message: DhcpMessage, maximumLength: number): readonly number[] {
  const fits = OPTIONS_AT + areaLength(message.options) <= maximumLength;
  return fits || !message.hasCookie ? [] : layoutMessage(message, maximumLength).dropped;
}

function layoutMessage(message: DhcpMessage, maximumLength: number): OptionLayout {
  // Option 52 is DHCP's: a BOOTP client would not look for options in other fields (RFC 1534 section 2).
  const fields = message.options.has(OPTION.messageType) ? message : NO_FIELDS;
  return layoutOptions(message.options, maximumLength - OPTIONS_AT, fields);
}

const NO_FIELDS: HeaderFields = { file: new Uint8Array(0), sname: new Uint8Array(0) };

function exactly(field: Uint8Array, length: number): Uint8Array {
  if (field.length !== length)
    throw new WireError('too-long', `a field of ${length} octets has ${field.length}`);
  return field;
}

/**
 * Text for `sname` or `file`: UTF-8, zero-padded. RFC 2131 section 2 wants a NUL at the end, so there is room for
 * one octet less than the field has. Undefined when the text is too long or holds a NUL. The same text gets the same field,
 * which is not to be changed: a site has few boot files, and each reply names one.
 */
export function textField(text: string, field: 'sname' | 'file'): Uint8Array | undefined {
  const known = KNOWN_FIELDS[field].get(text);
  if (known !== undefined) return known;
  const bytes = new Uint8Array(field === 'sname' ? SNAME_LENGTH : FILE_LENGTH);
  const { read, written } = encoder.encodeInto(text, bytes.subarray(0, -1));
  if (read < text.length || bytes.subarray(0, written).includes(0)) return undefined;
  if (KNOWN_FIELDS[field].size >= KNOWN_FIELDS_MAX) KNOWN_FIELDS[field].clear();
  KNOWN_FIELDS[field].set(text, bytes);
  return bytes;
}

const KNOWN_FIELDS = { sname: new Map<string, Uint8Array>(), file: new Map<string, Uint8Array>() } as const;
const KNOWN_FIELDS_MAX = 256;

/** The text of `sname` or `file` up to its first NUL; empty when there is none. */
export function fieldText(field: Uint8Array): string {
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end));
}
