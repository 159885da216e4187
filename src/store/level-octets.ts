/** Reads the numbers and texts of LevelDB's files from front to back. Throws RangeError past the end. */
export class LevelOctets {
  readonly octets: Uint8Array;
  at: number;

  constructor(octets: Uint8Array, at = 0) {
    this.octets = octets;
    this.at = at;
  }

  get isAtEnd(): boolean {
    return this.at >= this.octets.length;
  }

  /** Seven bits an octet, the lowest first. */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const octet = this.octets[this.at];
      if (octet === undefined || scale > 2 ** 49) throw new RangeError('it ends within a number');
      this.at += 1;
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) return value;
    }
  }

  take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.octets.length) throw new RangeError('it ends too early');
    const taken = this.octets.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  /** With its length in front. */
  field(): Uint8Array {
    return this.take(this.varint());
  }
}

/** A number of 32 bits, little endian. */
export function fixed32(octets: Uint8Array, at: number): number {
  if (at < 0 || at + 4 > octets.length) throw new RangeError('it ends too early');
  return new DataView(octets.buffer, octets.byteOffset, octets.length).getUint32(at, true);
}

/**
 * Undoes Snappy's compression, of which LevelDB's blocks may be. Throws RangeError for what is none; nothing becomes longer than
 * `longest`.
 */
export function decompressSnappy(compressed: Uint8Array, longest: number): Uint8Array {
  const reader = new LevelOctets(compressed);
  const length = reader.varint();
  if (length > longest) throw new RangeError(`a block of ${length} octets`);
  const result = new Uint8Array(length);
  let at = 0;
  while (!reader.isAtEnd) {
    const tag = reader.take(1)[0] ?? 0;
    if ((tag & 3) === 0) {
      const literal = reader.take(literalLength(reader, tag >>> 2));
      if (at + literal.length > length) throw new RangeError('a block is longer than it says');
      result.set(literal, at);
      at += literal.length;
      continue;
    }
    const { count, offset } = copyOf(reader, tag);
    if (offset === 0 || offset > at || at + count > length) throw new RangeError('a copy from outside');
    for (const end = at + count; at < end; at += 1) result[at] = result[at - offset] ?? 0;
  }
  if (at !== length) throw new RangeError('a block is shorter than it says');
  return result;
}

function literalLength(reader: LevelOctets, upper: number): number {
  if (upper < 60) return upper + 1;
  return 1 + littleEndian(reader.take(upper - 59));
}

function copyOf(reader: LevelOctets, tag: number): { readonly count: number; readonly offset: number } {
  if ((tag & 3) === 1) {
    return { count: 4 + ((tag >>> 2) & 7), offset: ((tag >>> 5) << 8) | littleEndian(reader.take(1)) };
  }
  return { count: (tag >>> 2) + 1, offset: littleEndian(reader.take((tag & 3) === 2 ? 2 : 4)) };
}

function littleEndian(octets: Uint8Array): number {
  return octets.reduceRight((sum, octet) => sum * 256 + octet, 0);
}
