/** DHCP messages as a client writes them, octet by octet, apart from the code under test. */

/** What a message of a client says besides its type. */
export interface ClientMessage {
  readonly type: 'discover' | 'request' | 'release';
  readonly mac: string;
  readonly xid: number;
  /** Only a broadcast reaches a plain UDP socket whose interface has no address. */
  readonly broadcast: boolean;
  readonly clientAddress?: string;
  /** Of the relay that passes it on. */
  readonly relayAddress?: string;
  readonly options?: readonly { readonly code: number; readonly value: Uint8Array }[];
}

const TYPE_CODES = { discover: 1, request: 3, release: 7 } as const;
const MAGIC_COOKIE = [0x63, 0x82, 0x53, 0x63];
/** RFC 951 section 3: shorter messages are dropped by old relays. */
const SHORTEST_MESSAGE = 300;

/** The octets of a client's message (RFC 2131 section 2). */
export function encodeClientMessage(message: ClientMessage): Buffer {
  const header = Buffer.alloc(236);
  header[0] = 1; // op: BOOTREQUEST
  header[1] = 1; // htype: Ethernet
  header[2] = 6; // hlen
  header.writeUInt32BE(message.xid, 4);
  header.writeUInt16BE(message.broadcast ? 0x8000 : 0, 10);
  if (message.clientAddress !== undefined) Buffer.from(addressOctets(message.clientAddress)).copy(header, 12);
  if (message.relayAddress !== undefined) Buffer.from(addressOctets(message.relayAddress)).copy(header, 24);
  Buffer.from(message.mac.split(':').map((octet) => parseInt(octet, 16))).copy(header, 28);
  const options = [{ code: 53, value: Uint8Array.of(TYPE_CODES[message.type]) }, ...(message.options ?? [])];
  const encoded = options.flatMap(({ code, value }) => [code, value.length, ...value]);
  const bytes = Buffer.concat([header, Buffer.from([...MAGIC_COOKIE, ...encoded, 255])]);
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, SHORTEST_MESSAGE - bytes.length))]);
}

/** The four octets of a dotted quad. */
export function addressOctets(address: string): Uint8Array {
  return Uint8Array.from(address.split('.').map(Number));
}
