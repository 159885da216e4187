import type { TftpOption } from './tftp-options.ts';
import { decodeTftpOptions, encodeTftpOptions } from './tftp-options.ts';

/** Opcodes of RFC 1350 section 5 and, for OACK, RFC 2347. */
export const OPCODE = { rrq: 1, wrq: 2, data: 3, ack: 4, error: 5, oack: 6 } as const;

/** Octets before the data of a DATA packet: opcode and block number. */
export const DATA_HEADER_LENGTH = 4;

/** A read (RRQ) or write request (WRQ). Text is Latin-1: one code unit an octet, no character set is known. */
export interface TftpRequest {
  readonly kind: 'request';
  readonly direction: 'read' | 'write';
  readonly name: string;
  /** As written; RFC 1350 lets any mix of cases stand. */
  readonly mode: string;
  readonly options: readonly TftpOption[];
  /**
   * False when the datagram ended inside an option. in.tftpd looks at the strings one by one, so it refuses such a
   * request only after the file's name was mapped and found.
   */
  readonly terminated: boolean;
}

export type TftpPacket =
  | TftpRequest
  | { readonly kind: 'data'; readonly block: number; readonly data: Uint8Array }
  | { readonly kind: 'ack'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  | { readonly kind: 'oack'; readonly options: readonly TftpOption[] }
  /** A request that is to be answered with ERROR 4; the reasons are those of tftp/tftp-errors.ts. */
  | { readonly kind: 'bad-request'; readonly reason: 'missing-mode' | 'not-terminated' }
  /** Not TFTP, or cut short: no answer is due. */
  | { readonly kind: 'malformed'; readonly reason: 'truncated' | 'unknown-opcode' };

/** Reads any datagram; never throws. `data` is a view of the datagram, not a copy. */
export function decodeTftpPacket(bytes: Uint8Array): TftpPacket {
  if (bytes.length < 2) return { kind: 'malformed', reason: 'truncated' };
  const opcode = uint16(bytes, 0);
  switch (opcode) {
    case OPCODE.rrq:
      return decodeRequest('read', bytes);
    case OPCODE.wrq:
      return decodeRequest('write', bytes);
    case OPCODE.oack:
      return { kind: 'oack', options: decodeTftpOptions(bytes, 2).options };
    case OPCODE.data:
    case OPCODE.ack:
    case OPCODE.error:
      break;
    default:
      return { kind: 'malformed', reason: 'unknown-opcode' };
  }
  if (bytes.length < 4) return { kind: 'malformed', reason: 'truncated' };
  const number = uint16(bytes, 2);
  if (opcode === OPCODE.ack) return { kind: 'ack', block: number };
  if (opcode === OPCODE.data) return { kind: 'data', block: number, data: bytes.subarray(4) };
  // Some clients leave out the final NUL of the text.
  return { kind: 'error', code: number, message: readString(bytes, 4).text };
}

function decodeRequest(direction: 'read' | 'write', bytes: Uint8Array): TftpPacket {
  const name = readString(bytes, 2);
  if (name.text !== '' && !name.terminated) return { kind: 'bad-request', reason: 'not-terminated' };
  if (name.text === '') return { kind: 'bad-request', reason: 'missing-mode' };
  const mode = readString(bytes, name.next);
  if (mode.text === '') return { kind: 'bad-request', reason: 'missing-mode' };
  if (!mode.terminated) return { kind: 'bad-request', reason: 'not-terminated' };
  const { options, terminated } = decodeTftpOptions(bytes, mode.next);
  return { kind: 'request', direction, name: name.text, mode: mode.text, options, terminated };
}

/** An RRQ or WRQ, as a client sends it. */
export function encodeTftpRequest(request: {
  readonly direction: 'read' | 'write';
  readonly name: string;
  readonly mode: string;
  readonly options: readonly TftpOption[];
}): Uint8Array {
  const opcode = request.direction === 'read' ? OPCODE.rrq : OPCODE.wrq;
  const head = `\0${String.fromCharCode(opcode)}${request.name}\0${request.mode}\0`;
  return latin1Bytes(head, encodeTftpOptions(request.options));
}

/** A DATA packet; the data is copied. */
export function encodeTftpData(block: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(DATA_HEADER_LENGTH + data.length);
  writeDataHeader(bytes, 0, block);
  bytes.set(data, DATA_HEADER_LENGTH);
  return bytes;
}

/** What stands before the data of a DATA packet; `block` as 16 bits hold it. */
export function writeDataHeader(bytes: Uint8Array, offset: number, block: number): void {
  writeNumbers(bytes, offset, OPCODE.data, block);
}

/** An ACK packet. */
export function encodeTftpAck(block: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeNumbers(bytes, 0, OPCODE.ack, block);
  return bytes;
}

/** An ERROR packet; code units of the message above 255 are cut to an octet, and it ends at a NUL. */
export function encodeTftpError(code: number, message: string): Uint8Array {
  const bytes = new Uint8Array(5 + message.length);
  writeNumbers(bytes, 0, OPCODE.error, code);
  bytes.set(latin1Bytes(message), 4);
  return bytes;
}

/** An OACK packet (RFC 2347), options in the order given. */
export function encodeTftpOack(options: readonly TftpOption[]): Uint8Array {
  return latin1Bytes(`\0${String.fromCharCode(OPCODE.oack)}`, encodeTftpOptions(options));
}

/** Text up to the next NUL, or to the end of the datagram. */
function readString(bytes: Uint8Array, from: number): { text: string; next: number; terminated: boolean } {
  const nul = bytes.indexOf(0, from);
  const end = nul < 0 ? bytes.length : nul;
  return { text: latin1Text(bytes.subarray(from, end)), next: end + 1, terminated: nul >= 0 };
}

function latin1Text(bytes: Uint8Array): string {
  let text = '';
  for (const octet of bytes) text += String.fromCharCode(octet);
  return text;
}

function latin1Bytes(...parts: readonly string[]): Uint8Array {
  const text = parts.join('');
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

function uint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function writeNumbers(bytes: Uint8Array, offset: number, opcode: number, number: number): void {
  bytes[offset] = 0;
  bytes[offset + 1] = opcode;
  bytes[offset + 2] = number >>> 8;
  bytes[offset + 3] = number;
}
