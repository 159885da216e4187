import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../../../src/wire/cursor.ts';
import { WireError } from '../../../src/wire/wire-error.ts';

function reasonOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof WireError) return error.reason;
    throw error;
  }
  return 'none';
}

describe('ByteReader', () => {
  it('reads numbers of every width, both ways round', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3, 0xff, 0, 0, 1, 0x34, 0x12, 4, 3, 2, 1));
    expect(reader.uint8()).toBe(1);
    expect(reader.uint16()).toBe(0x0203);
    expect(reader.uint32()).toBe(0xff000001);
    expect(reader.uint16le()).toBe(0x1234);
    expect(reader.uint32le()).toBe(0x01020304);
    expect(reader.remaining).toBe(0);
  });

  it('reads inside a view, not in the memory around it', () => {
    const memory = Uint8Array.of(9, 9, 1, 2, 9, 9);
    const reader = new ByteReader(memory.subarray(2, 4));
    expect(reader.uint16()).toBe(0x0102);
    expect(reasonOf(() => reader.uint8())).toBe('truncated');
  });

  it.each([
    ['uint8', (reader: ByteReader) => reader.uint8()],
    ['uint16', (reader: ByteReader) => reader.uint16()],
    ['uint32', (reader: ByteReader) => reader.uint32()],
    ['bytes', (reader: ByteReader) => reader.bytes(1)],
    ['skip', (reader: ByteReader) => reader.skip(1)],
    ['a negative length', (reader: ByteReader) => reader.bytes(-1)],
  ])('%s past the end is a WireError and does not move', (_name, read) => {
    const reader = new ByteReader(Uint8Array.of(7));
    reader.skip(1);
    expect(reasonOf(() => read(reader))).toBe('truncated');
    expect(reader.offset).toBe(1);
  });

  it('reads text up to its NUL', () => {
    const reader = new ByteReader(Uint8Array.of(97, 98, 0, 99));
    expect([...reader.untilNul()]).toEqual([97, 98]);
    expect(reader.offset).toBe(3);
    expect(reasonOf(() => reader.untilNul())).toBe('bad-text');
  });
});

describe('ByteWriter', () => {
  it('writes what ByteReader reads', () => {
    const octets = new ByteWriter(64, 1)
      .uint8(1)
      .uint16(0x0203)
      .uint32(0xff000001)
      .uint16le(0x1234)
      .uint32le(0x01020304)
      .bytes(Uint8Array.of(5, 6))
      .zeros(2)
      .finish();
    expect([...octets]).toEqual([1, 2, 3, 0xff, 0, 0, 1, 0x34, 0x12, 4, 3, 2, 1, 5, 6, 0, 0]);
  });

  it('keeps its limit', () => {
    const writer = new ByteWriter(3);
    writer.uint16(1);
    expect(writer.room).toBe(1);
    expect(reasonOf(() => writer.uint16(2))).toBe('too-long');
    expect([...writer.uint8(9).finish()]).toEqual([0, 1, 9]);
  });

  it('gives a copy that later writes do not change', () => {
    const writer = new ByteWriter().uint8(1);
    const first = writer.finish();
    writer.uint8(2);
    expect([...first]).toEqual([1]);
  });
});
