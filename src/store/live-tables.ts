import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LevelOctets } from './level-octets.ts';

/** Of the blocks of a log, which records do not cross without being divided. */
const BLOCK_SIZE = 32_768;
/** Checksum, length and kind. */
const HEADER_SIZE = 7;
const FULL = 1;
const LAST = 4;

/** What an edit of the database's state begins its parts with (LevelDB's db/version_edit.cc). */
const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
} as const;

/**
 * The numbers of the tables that a database consists of. Others may lie beside them, torn ones too: a crash leaves what was being
 * made, and LevelDB removes it. Rejects where the file that says so cannot be read.
 */
export async function liveTables(records: string): Promise<ReadonlySet<number>> {
  const manifest = (await readFile(join(records, 'CURRENT'), 'utf8')).trim();
  if (!/^MANIFEST-\d+$/.test(manifest)) throw new RangeError('CURRENT names no manifest');
  const tables = new Set<number>();
  for (const edit of logRecords(await readFile(join(records, manifest)))) applyEdit(edit, tables);
  return tables;
}

/** The records of a log; the last one may be torn, and is left out then. */
function* logRecords(log: Uint8Array): Generator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  for (let at = 0; at + HEADER_SIZE <= log.length;) {
    const leftInBlock = BLOCK_SIZE - (at % BLOCK_SIZE);
    if (leftInBlock < HEADER_SIZE) {
      at += leftInBlock;
      continue;
    }
    const length = (log[at + 4] ?? 0) | ((log[at + 5] ?? 0) << 8);
    const kind = log[at + 6] ?? 0;
    at += HEADER_SIZE;
    if (kind === 0 || at + length > log.length) return;
    if (kind === FULL) pieces = [];
    pieces.push(log.subarray(at, at + length));
    at += length;
    if (kind !== FULL && kind !== LAST) continue;
    yield Uint8Array.from(Buffer.concat(pieces));
    pieces = [];
  }
}

function applyEdit(octets: Uint8Array, tables: Set<number>): void {
  const edit = new LevelOctets(octets);
  while (!edit.isAtEnd) {
    const tag = edit.varint();
    switch (tag) {
      case TAG.comparator:
        edit.field();
        break;
      case TAG.logNumber:
      case TAG.nextFile:
      case TAG.lastSequence:
      case TAG.previousLog:
        edit.varint();
        break;
      case TAG.compactPointer:
        edit.varint();
        edit.field();
        break;
      case TAG.deletedFile:
        edit.varint();
        tables.delete(edit.varint());
        break;
      case TAG.newFile:
        edit.varint();
        tables.add(edit.varint());
        edit.varint();
        edit.field();
        edit.field();
        break;
      default:
        throw new RangeError(`an edit of kind ${tag} is not known`);
    }
  }
}
