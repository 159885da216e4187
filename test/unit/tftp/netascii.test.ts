import { describe, expect, it } from 'vitest';
import { encodeNetascii, toNetascii } from '../../../src/tftp/netascii.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const text = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1');

describe('netascii', () => {
  it.each([
    ['one\ntwo\rthree\r\nfour\n', 'one\r\ntwo\r\0three\r\0\r\nfour\r\n'],
    ['', ''],
    ['\n', '\r\n'],
    ['\r', '\r\0'],
    ['\0\xff', '\0\xff'],
  ])('%j becomes %j', (plain, converted) => {
    expect(text(toNetascii(bytes(plain)))).toBe(converted);
  });

  it.each([1, 2, 3, 5, 8])('gives the same stream in blocks of %d, whatever they tear apart', (size) => {
    const plain = bytes('a\nb\r\n\n\r\rxyz\n');
    const blocks: string[] = [];
    let position = 0;
    let pending: number | undefined;
    do {
      const target = new Uint8Array(size);
      const progress = encodeNetascii(plain.subarray(position), target, pending);
      blocks.push(text(target.subarray(0, progress.written)));
      position += progress.consumed;
      pending = progress.pending;
    } while (position < plain.length || pending !== undefined);
    expect(blocks.slice(0, -1).every((block) => block.length === size)).toBe(true);
    expect(blocks.join('')).toBe(text(toNetascii(plain)));
  });
});
