import { crc32 } from 'node:zlib';

/**
 * How every value in the store is wrapped: a version, the content, and a checksum over both and the key, so that a
 * record is either what was written under this key or known to be damaged. The wrapping is the same in all
 * versions, so that a newer record is told from a damaged one.
 *
 *     version (1 octet) | content | CRC-32 (4 octets, big endian)
 */
export type DecodedRecord =
  | { readonly kind: 'record'; readonly version: number; readonly content: Uint8Array }
  | { readonly kind: 'damaged'; readonly reason: string };

const VERSION_SIZE = 1;
const CHECKSUM_SIZE = 4;

/** Wraps content of the given version, 1 to 255. */
export function encodeRecord(key: string, version: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(VERSION_SIZE + content.length + CHECKSUM_SIZE);
  bytes[0] = version;
  bytes.set(content, VERSION_SIZE);
  const end = bytes.length - CHECKSUM_SIZE;
  new DataView(bytes.buffer).setUint32(end, checksum(key, bytes.subarray(0, end)));
  return bytes;
}

/** Unwraps what encodeRecord made. Never throws. */
export function decodeRecord(key: string, bytes: Uint8Array): DecodedRecord {
  const end = bytes.length - CHECKSUM_SIZE;
  const version = bytes[0];
  if (end < VERSION_SIZE || version === undefined) return { kind: 'damaged', reason: 'it is too short' };
  const stored = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(end);
  if (stored !== checksum(key, bytes.subarray(0, end))) {
    return { kind: 'damaged', reason: 'its checksum is wrong' };
  }
  return { kind: 'record', version, content: bytes.subarray(VERSION_SIZE, end) };
}

function checksum(key: string, bytes: Uint8Array): number {
  return crc32(bytes, crc32(key));
}
