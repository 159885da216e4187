/** The table of CRC-32C (Castagnoli), reflected. */
const TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let value = octet;
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ ((value & 1) === 0 ? 0 : 0x82f6_3b78);
  return value >>> 0;
});

/** What LevelDB adds to a checksum that it stores, so that checksums of checksums are none. */
const MASK = 0xa282_ead8;

/** The CRC-32C of the octets, masked as LevelDB stores it. */
export function maskedCrc32c(octets: Uint8Array): number {
  let crc = 0xffff_ffff;
  // eslint-disable-next-line @typescript-eslint/prefer-for-of -- a large site's start waits for tens of megabytes; iterating takes four times as long
  for (let at = 0; at < octets.length; at += 1) {
    crc = (TABLE[(crc ^ (octets[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + MASK) >>> 0;
}
