import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, encodeRecord } from '../../../src/store/record.ts';

describe('the wrapping of records', () => {
  it('gives back what went in, whatever it was', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 255 }), fc.uint8Array(), (key, version, content) => {
        expect(decodeRecord(key, encodeRecord(key, version, content))).toEqual({
          kind: 'record',
          version,
          content,
        });
      }),
    );
  });

  it('notices every changed bit', () => {
    const bytes = encodeRecord('lease/c0a80001', 1, Uint8Array.of(1, 2, 3, 4));
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const damaged = Uint8Array.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeRecord('lease/c0a80001', damaged).kind).toBe('damaged');
    }
  });

  it('notices a record that is stored under another key', () => {
    const bytes = encodeRecord('lease/c0a80001', 1, Uint8Array.of(1, 2, 3));
    expect(decodeRecord('lease/c0a80002', bytes)).toEqual({
      kind: 'damaged',
      reason: 'its checksum is wrong',
    });
  });

  it('takes any octets without throwing, and nothing but its own for a record', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(decodeRecord('lease/c0a80001', bytes).kind).toBe('damaged');
      }),
    );
  });
});
