import { mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ReadAhead, type ReadFailure } from '../../../src/io/read-ahead.ts';
import type { PacketRun } from '../../../src/io/transfer-socket.ts';
import {
  FileBlocks,
  MemoryBlocks,
  NetasciiBlocks,
  packetLayout,
  PLAIN_LAYOUT,
  type BlockSource,
} from '../../../src/services/tftp-blocks.ts';
import { toNetascii } from '../../../src/tftp/netascii.ts';
import type { PacketFormat } from '../../../src/tftp/packet-layout.ts';
import { lastBlockOf, wireBlock } from '../../../src/tftp/transfer.ts';
import { encodeTftpData } from '../../../src/wire/tftp/tftp-packet.ts';

const CONTENT = Uint8Array.from({ length: 1_200_000 }, (_, index) => (index * 31 + (index >> 8)) % 256);
let folder = '';
let path = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tftp-blocks-'));
  path = join(folder, 'file');
  writeFileSync(path, CONTENT);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function readAhead(): ReadAhead {
  return new ReadAhead({ memoryBytes: 1024 * 1024, readsMax: 2, beforeReuse: () => undefined });
}

function openBlocks(size: number, format: PacketFormat, pool = readAhead()): FileBlocks {
  const file = pool.open(openSync(path, 'r'), size, `file/${size}`, packetLayout(size, format));
  return new FileBlocks(file, format.blockSize);
}

async function readyRun(source: BlockSource, first: number, last: number): Promise<PacketRun> {
  const run = source.ready(first, last);
  if (run !== undefined) return run;
  const failure = await new Promise<ReadFailure | undefined>((resolve) => source.wait(first, resolve));
  if (failure !== undefined) throw new Error(failure.kind);
  return readyRun(source, first, last);
}

function packetsOf({ memory, offset, count, packetLength, lastLength }: PacketRun): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const start = offset + index * packetLength;
    return memory.bytes.slice(start, start + (index === count - 1 ? lastLength : packetLength));
  });
}

/** Asks for the blocks in windows, and compares each packet with one that was made by itself. */
async function expectPackets(
  source: BlockSource,
  content: Uint8Array,
  { blockSize, rollover }: PacketFormat,
  window: number,
  first = 1,
): Promise<void> {
  const lastBlock = lastBlockOf(content.length, blockSize);
  for (let next = first; next <= Math.min(lastBlock, source.lastBlock);) {
    const packets = packetsOf(await readyRun(source, next, Math.min(next + window - 1, lastBlock)));
    expect(packets.length).toBeGreaterThan(0);
    for (const packet of packets) {
      const data = content.subarray((next - 1) * blockSize, next * blockSize);
      const expected = encodeTftpData(wireBlock(next, rollover), data);
      // Compared as a whole first: a matcher for each of many packets takes long.
      if (Buffer.compare(packet, expected) !== 0) expect([next, packet]).toEqual([next, expected]);
      next += 1;
    }
  }
  expect(source.lastBlock).toBe(lastBlock);
}

/** Block sizes, and files that end at, before and behind the ends of their blocks and chunks. */
const SIZES: [number, number][] = [512, 1408, 4605, 65_464].flatMap((blockSize) => {
  const { chunkLength } = packetLayout(1e9, { blockSize, rollover: 0 });
  return [0, 1, blockSize - 1, blockSize, blockSize + 1, chunkLength - 1, chunkLength, chunkLength + 1]
    .concat([2 * chunkLength, 2 * chunkLength + 3 * blockSize, 3 * chunkLength - 1])
    .map((size): [number, number] => [blockSize, size]);
});

describe('the packets of a file', () => {
  it.each(SIZES)('in blocks of %d, %d octets long, in windows of any length', async (blockSize, size) => {
    for (const window of [1, 5, 16, 64]) {
      const format = { blockSize, rollover: 0 };
      const source = openBlocks(size, format);
      await expectPackets(source, CONTENT.subarray(0, size), format, window);
      expect(source.octetsOf(1)).toBe(Math.min(size, blockSize));
      expect(source.octetsOf(source.lastBlock)).toBe(size);
      source.close();
    }
  });

  it.each([16, 4, 2])('lie together in windows of %d', async (window) => {
    const source = openBlocks(CONTENT.length, { blockSize: 1408, rollover: 0 });
    for (let first = 1; first + window < source.lastBlock; first += window) {
      expect((await readyRun(source, first, first + window - 1)).count).toBe(window);
    }
    source.close();
  });

  it.each([0, 1, 65_535])('have numbers that start again with %d', async (rollover) => {
    const format = { blockSize: 8, rollover };
    const source = openBlocks(CONTENT.length, format);
    await expectPackets(source, CONTENT, format, 64, 65_000);
    source.close();
  });

  it('have the numbers of their own transfer, where two count differently', async () => {
    const pool = readAhead();
    const formats = [0, 1].map((rollover) => ({ blockSize: 8, rollover }));
    const sources = formats.map((format) => openBlocks(CONTENT.length, format, pool));
    for (let first = 65_472; first < 65_600; first += 16) {
      for (const [index, format] of formats.entries()) {
        const source = sources[index];
        if (source === undefined) throw new Error('no source');
        for (const packet of packetsOf(await readyRun(source, first, first)))
          expect((packet[2] ?? 0) * 256 + (packet[3] ?? 0)).toBe(wireBlock(first, format.rollover));
      }
    }
    for (const source of sources) source.close();
  });

  it('are shared by transfers that would only count differently in a longer file', async () => {
    const pool = readAhead();
    const [one, two] = [0, 1].map((rollover) => openBlocks(100_000, { blockSize: 512, rollover }, pool));
    if (one === undefined || two === undefined) throw new Error('no source');
    expect((await readyRun(one, 1, 1)).memory).toBe((await readyRun(two, 1, 1)).memory);
    one.close();
    two.close();
  });

  it('end where the file became shorter', async () => {
    const cut = join(folder, 'cut');
    writeFileSync(cut, CONTENT);
    const format = { blockSize: 1408, rollover: 0 };
    const file = readAhead().open(
      openSync(cut, 'r'),
      CONTENT.length,
      'cut',
      packetLayout(CONTENT.length, format),
    );
    const source = new FileBlocks(file, format.blockSize);
    expect((await readyRun(source, 1, 4)).count).toBe(4);
    truncateSync(cut, 100_000);
    await expect(readyRun(source, 200, 200)).rejects.toThrow('truncated');
    source.close();
  });
});

describe('the packets of rendered octets', () => {
  it.each(SIZES.filter(([, size]) => size < 200_000))(
    'in blocks of %d, %d octets long',
    async (blockSize, size) => {
      const format = { blockSize, rollover: 0 };
      const source = new MemoryBlocks(CONTENT.slice(0, size), format);
      await expectPackets(source, CONTENT.subarray(0, size), format, 16);
      expect(source.octetsOf(source.lastBlock)).toBe(size);
    },
  );

  it.each([0, 1])('have numbers that start again with %d', async (rollover) => {
    const format = { blockSize: 8, rollover };
    await expectPackets(new MemoryBlocks(CONTENT, format), CONTENT, format, 64, 65_000);
  });
});

describe('the packets of a text in netascii', () => {
  it.each([8, 512, 1408])('in blocks of %d', async (blockSize) => {
    const text = CONTENT.slice(0, 150_000);
    const file = readAhead().open(openSync(path, 'r'), text.length, 'text', PLAIN_LAYOUT);
    const format = { blockSize, rollover: 1 };
    const source = new NetasciiBlocks(file, format);
    await expectPackets(source, toNetascii(text), format, 1);
    source.close();
  });

  it('are the same when they are sent again', async () => {
    const file = readAhead().open(openSync(path, 'r'), 5000, 'text', PLAIN_LAYOUT);
    const source = new NetasciiBlocks(file, { blockSize: 512, rollover: 0 });
    for (const block of [1, 2]) {
      const once = packetsOf(await readyRun(source, block, block));
      expect(packetsOf(await readyRun(source, block, block))).toEqual(once);
    }
    source.close();
  });
});
