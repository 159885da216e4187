import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { maskedCrc32c } from './crc32c.ts';
import { decompressSnappy, fixed32, LevelOctets } from './level-octets.ts';
import { liveTables } from './live-tables.ts';

/**
 * LevelDB believes what stands in its tables: over some octets that a disk changed it ends the process without a word, at each start
 * anew. So every block of every table that it is going to read is held against its checksum first, which takes some milliseconds
 * for each megabyte. Formats: LevelDB's doc/table_format.md and doc/log_format.md.
 */

/** Two handles of up to 20 octets and the magic number. */
const FOOTER_SIZE = 48;
const HANDLES_SIZE = 40;
const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
/** The kind of compression and the checksum behind each block. */
const TRAILER_SIZE = 5;
const SNAPPY = 1;
/** Index blocks are a few kilobytes. */
const LONGEST_INDEX = 64 * 1024 * 1024;

/** The first damage in the tables that the database names; undefined: there is none, or LevelDB will say itself what is wrong. */
export async function findTableDamage(records: string): Promise<string | undefined> {
  const tables = await liveTables(records).catch(() => undefined);
  for (const number of tables ?? []) {
    const table = await readTable(records, number);
    // LevelDB names a file that is missing.
    if (table === undefined) continue;
    try {
      checkTable(table.octets);
    } catch (error) {
      return `${table.name}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return undefined;
}

async function readTable(
  records: string,
  number: number,
): Promise<{ readonly name: string; readonly octets: Uint8Array } | undefined> {
  const stem = String(number).padStart(6, '0');
  for (const name of [`${stem}.ldb`, `${stem}.sst`]) {
    const octets = await readFile(join(records, name)).catch(() => undefined);
    if (octets !== undefined) return { name, octets };
  }
  return undefined;
}

/** Throws where a block is not as it was written. */
function checkTable(table: Uint8Array): void {
  const magicAt = table.length - MAGIC.length;
  if (table.length < FOOTER_SIZE || !MAGIC.every((octet, index) => table[magicAt + index] === octet)) {
    throw new RangeError('its end is not that of a table');
  }
  const footerAt = table.length - FOOTER_SIZE;
  const footer = new LevelOctets(table.subarray(footerAt, footerAt + HANDLES_SIZE));
  // The index of filters, and that of the data.
  for (const index of [readBlock(table, footer), readBlock(table, footer)]) {
    for (const handle of handlesIn(index)) readBlock(table, new LevelOctets(handle));
  }
}

/** A block that is as it was written. */
interface Block {
  readonly content: Uint8Array;
  readonly isCompressed: boolean;
}

/** The block that a handle names. Throws where its checksum is another one. */
function readBlock(table: Uint8Array, handle: LevelOctets): Block {
  const offset = handle.varint();
  const end = offset + handle.varint();
  if (end + TRAILER_SIZE > table.length - FOOTER_SIZE) {
    throw new RangeError(`the block at ${offset} does not lie in it`);
  }
  if (fixed32(table, end + 1) !== maskedCrc32c(table.subarray(offset, end + 1))) {
    throw new RangeError(`the checksum of the block at ${offset} is wrong`);
  }
  return { content: table.subarray(offset, end), isCompressed: table[end] === SNAPPY };
}

/** The values of an index: where other blocks are. */
function* handlesIn({ content, isCompressed }: Block): Generator<Uint8Array> {
  const octets = isCompressed ? decompressSnappy(content, LONGEST_INDEX) : content;
  const restarts = fixed32(octets, octets.length - 4);
  const entries = new LevelOctets(octets.subarray(0, Math.max(0, octets.length - 4 * (restarts + 1))));
  while (!entries.isAtEnd) {
    entries.varint();
    const keyLength = entries.varint();
    const valueLength = entries.varint();
    entries.take(keyLength);
    yield entries.take(valueLength);
  }
}
