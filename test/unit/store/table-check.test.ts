import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maskedCrc32c } from '../../../src/store/crc32c.ts';
import { decompressSnappy } from '../../../src/store/level-octets.ts';
import { openLevelStore } from '../../../src/store/level-store.ts';
import { liveTables } from '../../../src/store/live-tables.ts';
import { findTableDamage } from '../../../src/store/table-check.ts';

let scratch: string;
let folder: string;
let records: string;

/** A database with a table of many blocks, whose index is compressed. */
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'bootd-tables-'));
  folder = join(scratch, 'store');
  records = join(folder, 'records');
  for (let round = 0; round < 2; round += 1) {
    const { store } = await openLevelStore(folder);
    const changes = Array.from({ length: 3000 }, (_, number) => ({
      kind: 'put' as const,
      key: `lease/${String(number).padStart(6, '0')}`,
      value: new TextEncoder().encode(`value ${number * (round + 1)} `.repeat(6)),
    }));
    await store.commit(changes);
    await store.close();
  }
  // What was in the log becomes a table at the next opening.
  await (await openLevelStore(folder)).store.close();
});

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

function tables(): readonly string[] {
  return readdirSync(records)
    .filter((name) => name.endsWith('.ldb'))
    .map((name) => join(records, name));
}

/** Lets something be done while the file is another one. */
async function withContent<Result>(
  file: string,
  content: Uint8Array,
  act: () => Promise<Result>,
): Promise<Result> {
  const whole = readFileSync(file);
  writeFileSync(file, content);
  try {
    return await act();
  } finally {
    writeFileSync(file, whole);
  }
}

describe('the tables of a database', () => {
  it('are those that lie there, and are whole', async () => {
    expect(tables().length).toBeGreaterThan(0);
    expect((await liveTables(records)).size).toBe(tables().length);
    expect(await findTableDamage(records)).toBeUndefined();
  });

  it('are found damaged wherever an octet of them changed', async () => {
    const [file = ''] = tables();
    const whole = readFileSync(file);
    // Between the two handles and the magic number, the end of a table has octets that nobody reads.
    const handlesAt = whole.length - 48;
    const places = Array.from({ length: 300 }, (_, index) => Math.floor((index * handlesAt) / 300));
    for (const at of [...places, handlesAt, whole.length - 8, whole.length - 1]) {
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(await withContent(file, changed, () => findTableDamage(records)), `octet ${at}`).toMatch(
        /\.ldb: /,
      );
    }
  });

  it('are found damaged when they end too early, and a store over them is refused in words', async () => {
    const [file = ''] = tables();
    const whole = readFileSync(file);
    for (const length of [0, 7, 47, 48, 5000, whole.length - 1]) {
      expect(await withContent(file, whole.subarray(0, length), () => findTableDamage(records))).toMatch(
        /\.ldb: /,
      );
    }
    const changed = Uint8Array.from(whole);
    changed[100] = (changed[100] ?? 0) ^ 1;
    await withContent(file, changed, async () => {
      await expect(openLevelStore(folder)).rejects.toMatchObject({ name: 'StoreError', code: 'damaged' });
    });
    await (await openLevelStore(folder)).store.close();
  });

  it('are not looked for where a crash left a torn one, which the database does not name', async () => {
    writeFileSync(join(records, '999999.ldb'), 'torn');
    expect(await findTableDamage(records)).toBeUndefined();
    rmSync(join(records, '999999.ldb'));
  });
});

describe('the checksum', () => {
  it("is LevelDB's: the one of RFC 3720 appendix B.4, masked", () => {
    const crc = 0x8a91_36aa;
    expect(maskedCrc32c(new Uint8Array(32))).toBe((((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0);
  });
});

describe('Snappy', () => {
  it.each([
    ['a literal', [3, 0x08, 97, 98, 99], 'abc'],
    ['a copy that overlaps itself', [8, 0x00, 97, 0x0d, 1], 'aaaaaaaa'],
    ['a copy with an offset of two octets', [6, 0x08, 97, 98, 99, 0x0a, 3, 0], 'abcabc'],
  ])('%s', (_, compressed, text) => {
    expect(Buffer.from(decompressSnappy(Uint8Array.from(compressed), 100)).toString()).toBe(text);
  });

  it.each([
    ['nothing', []],
    ['a copy from before the beginning', [4, 0x01, 1]],
    ['a literal that is not there', [9, 0x20, 97]],
    ['more than it says', [1, 0x08, 97, 98, 99]],
    ['less than it says', [9, 0x08, 97, 98, 99]],
    ['a length beyond all', [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])('%s is none', (_, compressed) => {
    expect(() => decompressSnappy(Uint8Array.from(compressed), 100)).toThrow(RangeError);
  });
});
