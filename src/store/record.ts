import { crc32 } from 'node:zlib';
import { OctetSlab } from '../io/octet-slab.ts';

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
  // The key goes in front, so that one pass makes the checksum; a UTF-16 unit has three octets of UTF-8 at most.
  const memory = slab.take(3 * key.length + VERSION_SIZE + content.length + CHECKSUM_SIZE);
  const start = encoder.encodeInto(key, memory).written;
  memory[start] = version;
  memory.set(content, start + VERSION_SIZE);
  const end = start + VERSION_SIZE + content.length;
  const { buffer, byteOffset } = memory;
  new DataView(buffer, byteOffset).setUint32(end, crc32(memory.subarray(0, end)));
  return memory.subarray(start, end + CHECKSUM_SIZE);
}

const encoder = new TextEncoder();
const slab = new OctetSlab();

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
