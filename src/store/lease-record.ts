import { formatIpv4Hex, ipv4FromNumber, type Ipv4 } from '../addr/ipv4.ts';
import { macFromBytes } from '../addr/mac.ts';
import type { ClientKey, Lease, LeaseState } from '../dhcp/lease.ts';
import { OctetSlab } from '../io/octet-slab.ts';
import type { RecordCodec } from './record-table.ts';

/** The octet that stands for each state. Numbers are never used again for something else. */
const STATE_NUMBERS: Readonly<Record<LeaseState, number>> = {
  offered: 1,
  bound: 2,
  released: 3,
  expired: 4,
  declined: 5,
};
const STATES = new Map(
  (Object.entries(STATE_NUMBERS) as [LeaseState, number][]).map(([state, number]) => [number, state]),
);

/** Bits of the second octet: what is true of the lease, and which of the optional fields follow. */
const BOOTP = 0x01;
const HAS_MAC = 0x02;
const HAS_END = 0x04;
const HAS_CLIENT = 0x08;
const HAS_CLIENT_ID = 0x10;
const HAS_HOSTNAME = 0x20;
const HAS_VENDOR_CLASS = 0x40;
const HAS_RELAY_INFO = 0x80;

const FIXED_SIZE = 20;
const TIME_SIZE = 8;
const LENGTH_SIZE = 4;
/** Milliseconds before and after 1970 that a date can hold; a lease with other times could not be shown. */
const TIME_MAX = 8.64e15;

const slab = new OctetSlab();
const utf8 = new TextEncoder();
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The name of an address's record: eight hex digits, so that records are in the order of addresses. */
export function leaseRecordName(address: Ipv4): string {
  return formatIpv4Hex(address).toLowerCase();
}

/**
 * Version 1, all numbers big endian: state (1 octet), flags (1), htype (1), length of chaddr (1), startsAt and
 * lastSeenAt (8 each, IEEE 754), chaddr, then what the flags announce: expiresAt (8), and client, clientId,
 * hostname, vendorClass, relayAgentInfo with a length of 4 octets each. The address is in the key.
 */
export const leaseCodec: RecordCodec<Lease> = {
  prefix: 'lease/',
  version: 1,

  encode(lease) {
    const fields = [
      encodeText(lease.client),
      lease.clientId,
      encodeText(lease.hostname),
      encodeText(lease.vendorClass),
      lease.relayAgentInfo,
    ];
    const { hardwareAddress, expiresAt } = lease;
    const fieldsSize = fields.reduce(
      (sum, field) => sum + (field === undefined ? 0 : LENGTH_SIZE + field.length),
      0,
    );
    const endSize = expiresAt === undefined ? 0 : TIME_SIZE;
    const bytes = slab.take(FIXED_SIZE + hardwareAddress.length + endSize + fieldsSize);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    view.setUint8(0, STATE_NUMBERS[lease.state]);
    view.setUint8(1, flagsOf(lease));
    view.setUint8(2, lease.htype);
    view.setUint8(3, hardwareAddress.length);
    view.setFloat64(4, lease.startsAt);
    view.setFloat64(12, lease.lastSeenAt);
    bytes.set(hardwareAddress, FIXED_SIZE);
    let offset = FIXED_SIZE + hardwareAddress.length;
    if (expiresAt !== undefined) {
      view.setFloat64(offset, expiresAt);
      offset += TIME_SIZE;
    }
    for (const field of fields) {
      if (field === undefined) continue;
      view.setUint32(offset, field.length);
      bytes.set(field, offset + LENGTH_SIZE);
      offset += LENGTH_SIZE + field.length;
    }
    return bytes;
  },

  decode(name, content) {
    if (!/^[0-9a-f]{8}$/.test(name)) throw new Error('its key is no address');
    const reader = new ContentReader(content);
    const stateNumber = reader.octet();
    const state = STATES.get(stateNumber);
    if (state === undefined) throw new Error(`state ${stateNumber} is unknown`);
    const flags = reader.octet();
    const htype = reader.octet();
    const hardwareAddressLength = reader.octet();
    const startsAt = reader.time();
    const lastSeenAt = reader.time();
    const hardwareAddress = reader.take(hardwareAddressLength);
    return {
      address: ipv4FromNumber(Number.parseInt(name, 16)),
      state,
      htype,
      hardwareAddress,
      mac: (flags & HAS_MAC) === 0 ? undefined : macFromBytes(hardwareAddress),
      startsAt,
      lastSeenAt,
      bootp: (flags & BOOTP) !== 0,
      expiresAt: (flags & HAS_END) === 0 ? undefined : reader.time(),
      // The order of the fields in the record: an object's values are computed in the order written.
      client: decodeText(reader.field(flags & HAS_CLIENT)) as ClientKey | undefined,
      clientId: reader.field(flags & HAS_CLIENT_ID),
      hostname: decodeText(reader.field(flags & HAS_HOSTNAME)),
      vendorClass: decodeText(reader.field(flags & HAS_VENDOR_CLASS)),
      relayAgentInfo: reader.field(flags & HAS_RELAY_INFO),
    };
  },
};

/** Reads content from front to back; throws RangeError past its end, which the table reports. */
class ContentReader {
  readonly #content: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(content: Uint8Array) {
    this.#content = content;
    this.#view = new DataView(content.buffer, content.byteOffset, content.length);
  }

  octet(): number {
    this.#offset += 1;
    return this.#view.getUint8(this.#offset - 1);
  }

  time(): number {
    this.#offset += TIME_SIZE;
    const time = this.#view.getFloat64(this.#offset - TIME_SIZE);
    if (!(Math.abs(time) <= TIME_MAX)) throw new RangeError(`${time} is no time`);
    return time;
  }

  /** A copy: the content is a view of a larger buffer, which would stay in memory with it. */
  take(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#content.length) throw new RangeError('it ends too early');
    const taken = this.#content.slice(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  /** A field with its length in front; undefined when its flag is not set. */
  field(flag: number): Uint8Array | undefined {
    if (flag === 0) return undefined;
    this.#offset += LENGTH_SIZE;
    return this.take(this.#view.getUint32(this.#offset - LENGTH_SIZE));
  }
}

function flagsOf(lease: Lease): number {
  return (
    (lease.bootp ? BOOTP : 0) |
    (lease.mac === undefined ? 0 : HAS_MAC) |
    (lease.expiresAt === undefined ? 0 : HAS_END) |
    (lease.client === undefined ? 0 : HAS_CLIENT) |
    (lease.clientId === undefined ? 0 : HAS_CLIENT_ID) |
    (lease.hostname === undefined ? 0 : HAS_HOSTNAME) |
    (lease.vendorClass === undefined ? 0 : HAS_VENDOR_CLASS) |
    (lease.relayAgentInfo === undefined ? 0 : HAS_RELAY_INFO)
  );
}

function encodeText(value: string | undefined): Uint8Array | undefined {
  return value === undefined ? undefined : utf8.encode(value);
}

function decodeText(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : text.decode(bytes);
}
