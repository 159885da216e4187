import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blocksTogether, layoutPackets, packetLengthOf } from '../../../src/tftp/packet-layout.ts';
import { wireBlock } from '../../../src/tftp/transfer.ts';
import { encodeTftpData } from '../../../src/wire/tftp/tftp-packet.ts';

describe('blocks that are kept together', () => {
  it.each([
    // Whole windows of 16, where one fits.
    [73_728, 1408, 48],
    [73_728, 1468, 48],
    [73_728, 512, 128],
    [73_728, 8, 6144],
    [73_728, 4604, 16],
    [73_728, 4605, 15],
    [73_728, 8192, 8],
    [73_728, 65_464, 1],
    [65_468, 65_464, 1],
    // One block always, so that a transfer never stands still; the caller has memory for it.
    [65_467, 65_464, 1],
  ])('of %d octets of memory in blocks of %d are %d', (memory, blockSize, count) => {
    expect(blocksTogether(memory, blockSize)).toBe(count);
  });
});

describe('packets in memory', () => {
  const octets = (length: number): Uint8Array =>
    Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) % 256);

  it.each([
    ['one short block', 5, 1, 1, 8, 0],
    ['an empty block', 0, 3, 1, 8, 0],
    ['whole blocks only', 32, 49, 4, 8, 0],
    ['whole blocks and an empty one', 32, 1, 5, 8, 0],
    ['a short block at the end', 33, 1, 5, 8, 0],
    ['blocks shorter than a header', 7, 1, 4, 2, 0],
    ['numbers that start again with 0', 40, 65_533, 5, 8, 0],
    ['numbers that start again with 1', 40, 65_533, 5, 8, 1],
    ['numbers that start again with 65535', 40, 65_533, 5, 8, 65_535],
    ['numbers far beyond', 40, 196_605, 5, 8, 1],
    ['the longest block', 65_464, 1, 1, 65_464, 0],
  ])('%s', (_title, length, first, count, blockSize, rollover) => {
    const data = octets(length);
    const memory = new Uint8Array(73_728);
    memory.set(data);
    layoutPackets(memory, length, first, count, { blockSize, rollover });
    for (let index = 0; index < count; index++) {
      const block = data.subarray(index * blockSize, (index + 1) * blockSize);
      const start = index * packetLengthOf(blockSize);
      expect(memory.slice(start, start + 4 + block.length)).toEqual(
        encodeTftpData(wireBlock(first + index, rollover), block),
      );
    }
  });

  it('are the packets that would be made one by one, for any length', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.integer({ min: 8, max: 64 }),
        fc.integer({ min: 1, max: 140_000 }),
        fc.constantFrom(0, 1, 7, 65_535),
        (data, blockSize, first, rollover) => {
          const count = Math.floor(data.length / blockSize) + 1;
          const memory = new Uint8Array(data.length + 4 * count);
          memory.set(data);
          layoutPackets(memory, data.length, first, count, { blockSize, rollover });
          const packets = Array.from({ length: count }, (_, index) => [
            ...encodeTftpData(
              wireBlock(first + index, rollover),
              data.subarray(index * blockSize, (index + 1) * blockSize),
            ),
          ]);
          expect([...memory]).toEqual(packets.flat());
        },
      ),
    );
  });
});
