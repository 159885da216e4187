import { ipv4FromNumber, ipv4ToBytes, type Ipv4 } from '../addr/ipv4.ts';
import { ETHERNET } from '../dhcp/lease.ts';
import { OptionCatalogue } from '../dhcp/option-catalogue.ts';
import { showTokens, type Token } from './dhcpd-conf-lexer.ts';
import { isSign, keywordOf } from './dhcpd-conf-parser.ts';
import { hardwareNumber, readHardware, type Hardware } from './hardware.ts';
import { BINDING_STATES, type BindingState, type LeaseFileRecord } from './lease-file-records.ts';
import type { SourcePlace } from './source-place.ts';
import { StatementFault, TokenReader } from './token-reader.ts';

/** One statement of a declaration in a lease file. */
export interface LeaseStatement {
  readonly words: readonly Token[];
  readonly place: SourcePlace;
}

/** What a lease declaration says, while it is being read. */
interface LeaseFields {
  state: BindingState;
  startsAt: number | undefined;
  endsAt: number | 'never' | undefined;
  lastSeenAt: number | undefined;
  hardware: Hardware | undefined;
  uid: Uint8Array | undefined;
  hostname: string | undefined;
  vendorClass: string | undefined;
  bootp: boolean;
  reserved: boolean;
}

const AGENT_NAMES = new OptionCatalogue();

/**
 * Reads the statements of `lease ADDRESS { }`. What is about failover (`tstp`, `tsfp`, `atsfp`), about the next state, about DNS, and
 * whatever a later dhcpd may add, says nothing to bootd. Throws StatementFault.
 */
export function readLeaseRecord(
  address: Ipv4,
  place: SourcePlace,
  statements: readonly LeaseStatement[],
): LeaseFileRecord {
  const fields: LeaseFields = {
    state: 'active',
    startsAt: undefined,
    endsAt: undefined,
    lastSeenAt: undefined,
    hardware: undefined,
    uid: undefined,
    hostname: undefined,
    vendorClass: undefined,
    bootp: false,
    reserved: false,
  };
  const agentOptions = new Map<number, Uint8Array>();
  for (const statement of statements) readStatement(statement, fields, agentOptions);
  const { hardware, ...others } = fields;
  return {
    address,
    place,
    ...others,
    htype: hardware === undefined ? ETHERNET : hardwareNumber(hardware),
    hardwareAddress: hardware?.address,
    agentOptions,
  };
}

function readStatement(
  { words, place }: LeaseStatement,
  fields: LeaseFields,
  agentOptions: Map<number, Uint8Array>,
): void {
  const reader = new TokenReader(words.slice(1), place);
  switch (keywordOf(words[0])) {
    case 'starts':
      fields.startsAt = readMoment(reader);
      break;
    case 'ends':
      fields.endsAt = readTime(reader);
      break;
    case 'cltt':
      fields.lastSeenAt = readMoment(reader);
      break;
    case 'binding':
      fields.state = readState(reader);
      break;
    case 'hardware':
      fields.hardware = readHardware(reader);
      break;
    case 'uid':
      fields.uid = readOctets(reader);
      break;
    case 'client-hostname':
    case 'hostname':
      fields.hostname = readForgivingText(reader);
      break;
    case 'bootp':
    case 'dynamic-bootp':
      fields.bootp = true;
      break;
    case 'reserved':
      fields.reserved = true;
      break;
    // dhcpd 2 wrote this instead of a binding state.
    case 'abandoned':
      fields.state = 'abandoned';
      break;
    case 'option':
      readAgentOption(reader, agentOptions);
      break;
    case 'set':
      fields.vendorClass = readVendorClass(reader) ?? fields.vendorClass;
      break;
    default:
      break;
  }
}

function readState(reader: TokenReader): BindingState {
  if (reader.takeWord('state') === undefined) throw reader.expected("'state'");
  const state = reader.takeWord(...BINDING_STATES);
  if (state === undefined) throw reader.expected('a binding state');
  return state;
}

/** A point in time; undefined for `never`. */
function readMoment(reader: TokenReader): number | undefined {
  const time = readTime(reader);
  return time === 'never' ? undefined : time;
}

/** The last second that dhcpd's own form of a time can say. */
const LATEST_TIME_SECONDS = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

const DATE = /^\d (\d{4})\/(\d{1,2})\/(\d{1,2}) (\d{1,2}):(\d{2}):(\d{2})$/;

/** `WEEKDAY YYYY/MM/DD HH:MM:SS` in UTC, `epoch SECONDS`, or `never`. The weekday says nothing. */
function readTime(reader: TokenReader): number | 'never' {
  const { place } = reader;
  if (reader.takeWord('never') !== undefined) return 'never';
  if (reader.takeWord('epoch') !== undefined) {
    const seconds = reader.readDecimal('seconds since 1970');
    if (seconds <= LATEST_TIME_SECONDS) return seconds * 1000;
    throw new StatementFault(place, `${seconds} seconds after 1970 are no time`);
  }
  const text = showTokens(reader.readRest());
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (DATE.exec(text) ?? [])
    .slice(1)
    .map(Number);
  const time = Date.UTC(year, month - 1, day, hour, minute, second);
  const isDate =
    month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second < 61;
  if (isDate && year >= 1970) return time;
  throw new StatementFault(place, `'${text}' is no time`);
}

function readOctets(reader: TokenReader): Uint8Array {
  const token = reader.peek();
  if (token?.kind !== 'string') return reader.readOctets('octets');
  reader.step();
  return token.octets;
}

/** Text of whatever octets a client sent: a name that is no UTF-8 must not cost the lease. */
function readForgivingText(reader: TokenReader): string {
  return new TextDecoder().decode(readOctets(reader));
}

/** `option agent.NAME VALUE`; other options in leases are copies of what dhcpd sent. */
function readAgentOption(reader: TokenReader, agentOptions: Map<number, Uint8Array>): void {
  const name = reader.readDotted('the name of an option');
  if (!name.toLowerCase().startsWith('agent.')) return;
  const unnamed = /^agent\.(?:unknown|option)-(\d{1,3})$/i.exec(name)?.[1];
  const code = AGENT_NAMES.find(name)?.code ?? Number(unnamed ?? Number.NaN);
  if (code >= 1 && code <= 254) agentOptions.set(code, readAgentValue(code, reader));
}

/** dhcpd writes three of them by their type: a number, an address, nothing. */
function readAgentValue(code: number, reader: TokenReader): Uint8Array {
  if (reader.isAtEnd) return new Uint8Array(0);
  if (isSign(reader.peek(1), '.')) return ipv4ToBytes(reader.readAddress());
  if (code === 4 && reader.peek()?.kind === 'word') {
    return ipv4ToBytes(ipv4FromNumber(reader.readDecimal('a number')));
  }
  return readOctets(reader);
}

/** `set vendor-class-identifier = "…"`, which sites write to see what asks. */
function readVendorClass(reader: TokenReader): string | undefined {
  if (reader.takeWord('vendor-class-identifier') === undefined || !reader.takeSign('=')) return undefined;
  return reader.peek()?.kind === 'string' ? readForgivingText(reader) : undefined;
}
