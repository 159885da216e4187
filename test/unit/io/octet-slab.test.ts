import { describe, expect, it } from 'vitest';
import { OctetSlab } from '../../../src/io/octet-slab.ts';

describe('OctetSlab', () => {
  it('gives zeroed memory of the wanted length, no octet of it twice', () => {
    const slab = new OctetSlab();
    const lengths = Array.from({ length: 2000 }, (_, index) => (index * 37) % 1500);
    const pieces = lengths.map((length, index) => {
      const piece = slab.take(length);
      expect([piece.length, piece.every((octet) => octet === 0)]).toEqual([length, true]);
      return piece.fill((index % 255) + 1);
    });
    for (const [index, piece] of pieces.entries()) {
      expect(piece.every((octet) => octet === (index % 255) + 1)).toBe(true);
    }
  });

  it('gives pieces that are larger than its own', () => {
    const slab = new OctetSlab();
    slab.take(1);
    expect(slab.take(100_000)).toHaveLength(100_000);
    expect(slab.take(8)).toEqual(new Uint8Array(8));
  });

  it('shares memory among small pieces', () => {
    const slab = new OctetSlab();
    expect(slab.take(300).buffer).toBe(slab.take(300).buffer);
  });
});
