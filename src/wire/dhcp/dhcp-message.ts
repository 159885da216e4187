import { UNSPECIFIED_IPV4, type Ipv4 } from '../../addr/ipv4.ts';
import { ByteReader, ByteWriter } from '../cursor.ts';
import { WireError } from '../wire-error.ts';
import {
  areaLength,
  decodeOptions,
  layoutOptions,
  overloads,
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

const HEADER_LENGTH = 236;
const COOKIE_LENGTH = 4;
const MAGIC_COOKIE = 0x63825363;
const CHADDR_LENGTH = 16;
const SNAME_LENGTH = 64;
const FILE_LENGTH = 128;

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
 * The message in a datagram. Its fields are views of one copy, so the datagram's memory may be used again; whoever keeps a
 * field beyond the message copies it. Throws WireError: `truncated`, `bad-hardware-address` (hlen over 16),
 * `broken-options`. A wrong `op`, htype or option value is for the reader to judge, not for the codec.
 */
export function decodeDhcpMessage(datagram: Uint8Array): DhcpMessage {
  const reader = new ByteReader(new Uint8Array(datagram));
  const op = reader.uint8();
  const htype = reader.uint8();
  const hlen = reader.uint8();
  if (hlen > CHADDR_LENGTH) throw new WireError('bad-hardware-address', `hlen is ${hlen}`);
  const hops = reader.uint8();
  const xid = reader.uint32();
  const secs = reader.uint16();
  const flags = reader.uint16();
  const ciaddr = reader.ipv4();
  const yiaddr = reader.ipv4();
  const siaddr = reader.ipv4();
  const giaddr = reader.ipv4();
  const chaddr = reader.bytes(CHADDR_LENGTH);
  const sname = reader.bytes(SNAME_LENGTH);
  const file = reader.bytes(FILE_LENGTH);
  const hasCookie = reader.remaining >= COOKIE_LENGTH && reader.uint32() === MAGIC_COOKIE;
  const { options, overload } = hasCookie ? decodeOptions(reader.rest(), file, sname) : NO_OPTIONS;
  return {
    op,
    htype,
    hlen,
    hops,
    xid,
    secs,
    flags,
    ciaddr,
    yiaddr,
    siaddr,
    giaddr,
    chaddr,
    sname: overloads(overload, 'sname') ? EMPTY_MESSAGE.sname : sname,
    file: overloads(overload, 'file') ? EMPTY_MESSAGE.file : file,
    hasCookie,
    options,
  };
}

const NO_OPTIONS = { options: new Map<number, Uint8Array>(), overload: 0 };

/**
 * The datagram of a message: at most `maximumLength` octets, at least 300. What does not fit is laid out as
 * layoutOptions says; `optionsThatDoNotFit` tells beforehand what would be left out. A message without
 * cookie has a vendor area of zeros. Throws WireError `too-long` for fields of a wrong length.
 */
export function encodeDhcpMessage(message: DhcpMessage, maximumLength = DEFAULT_MAXIMUM_LENGTH): Uint8Array {
  const layout = message.hasCookie ? layoutMessage(message, maximumLength) : undefined;
  const writer = new ByteWriter(undefined, DEFAULT_MAXIMUM_LENGTH);
  writer.uint8(message.op).uint8(message.htype).uint8(message.hlen).uint8(message.hops);
  writer.uint32(message.xid).uint16(message.secs).uint16(message.flags);
  writer.uint32(message.ciaddr).uint32(message.yiaddr).uint32(message.siaddr).uint32(message.giaddr);
  writer.bytes(exactly(message.chaddr, CHADDR_LENGTH));
  writer.bytes(exactly(layout?.sname ?? message.sname, SNAME_LENGTH));
  writer.bytes(exactly(layout?.file ?? message.file, FILE_LENGTH));
  if (layout !== undefined) writer.uint32(MAGIC_COOKIE).bytes(layout.options);
  if (writer.length < MINIMUM_LENGTH) writer.zeros(MINIMUM_LENGTH - writer.length);
  return writer.finish();
}

/** The codes that encodeDhcpMessage would leave out of a datagram of that length. */
export function optionsThatDoNotFit(message: DhcpMessage, maximumLength: number): readonly number[] {
  const fits = areaLength(message.options) <= maximumLength - HEADER_LENGTH - COOKIE_LENGTH;
  return fits || !message.hasCookie ? [] : layoutMessage(message, maximumLength).dropped;
}

function layoutMessage(message: DhcpMessage, maximumLength: number): OptionLayout {
  // Option 52 is DHCP's: a BOOTP client would not look for options in other fields (RFC 1534 section 2).
  const fields = message.options.has(OPTION.messageType) ? message : NO_FIELDS;
  return layoutOptions(message.options, maximumLength - HEADER_LENGTH - COOKIE_LENGTH, fields);
}

const NO_FIELDS: HeaderFields = { file: new Uint8Array(0), sname: new Uint8Array(0) };

function exactly(field: Uint8Array, length: number): Uint8Array {
  if (field.length !== length)
    throw new WireError('too-long', `a field of ${length} octets has ${field.length}`);
  return field;
}

/**
 * Text for `sname` or `file`: UTF-8, zero-padded. RFC 2131 section 2 wants a NUL at the end, so there is room for
 * one octet less than the field has. Undefined when the text is too long or holds a NUL.
 */
export function textField(text: string, field: 'sname' | 'file'): Uint8Array | undefined {
  const bytes = new Uint8Array(field === 'sname' ? SNAME_LENGTH : FILE_LENGTH);
  const { read, written } = encoder.encodeInto(text, bytes.subarray(0, -1));
  return read < text.length || bytes.subarray(0, written).includes(0) ? undefined : bytes;
}

/** The text of `sname` or `file` up to its first NUL; empty when there is none. */
export function fieldText(field: Uint8Array): string {
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end));
}
