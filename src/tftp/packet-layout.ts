import { DATA_HEADER_LENGTH, writeDataHeader } from '../wire/tftp/tftp-packet.ts';
import { wireBlock } from './transfer.ts';

/** What the packets of a file look like; transfers that agree on it can send the same octets of memory. */
export interface PacketFormat {
  readonly blockSize: number;
  /** The number that follows block 65535. */
  readonly rollover: number;
}

/** Windows are powers of two, and seldom more than this: a whole number of them lies together. */
const USUAL_WINDOW = 16;

/** Octets of a DATA packet that carries a whole block. */
export function packetLengthOf(blockSize: number): number {
  return DATA_HEADER_LENGTH + blockSize;
}

/** How many blocks are kept together in so much memory: whole windows where one fits, and at least one block. */
export function blocksTogether(memoryLength: number, blockSize: number): number {
  const fitting = Math.floor(memoryLength / packetLengthOf(blockSize));
  return fitting < USUAL_WINDOW ? Math.max(fitting, 1) : fitting - (fitting % USUAL_WINDOW);
}

/**
 * Turns the first `length` octets of the memory into `count` DATA packets that lie one behind the other, as they go over
 * the wire: moves each block behind a header of its own. `first` is the first one's block; the last one may be short or empty.
 */
export function layoutPackets(
  memory: Uint8Array,
  length: number,
  first: number,
  count: number,
  { blockSize, rollover }: PacketFormat,
): void {
  const packetLength = packetLengthOf(blockSize);
  // From the last one backwards, since each block moves to where the next ones were.
  for (let index = count - 1; index >= 0; index--) {
    const start = index * blockSize;
    const packet = index * packetLength;
    memory.copyWithin(packet + DATA_HEADER_LENGTH, start, Math.min(start + blockSize, length));
    writeDataHeader(memory, packet, wireBlock(first + index, rollover));
  }
}
