import { describe, expect, it } from 'vitest';
import type { AgreedOptions } from '../../../src/tftp/negotiation.ts';
import {
  acknowledge,
  createTransfer,
  expire,
  foundEnd,
  isRepeatedRequest,
  lastBlockOf,
  repeatStart,
  startTransfer,
  wireBlock,
  type Transfer,
  type TransferAction,
} from '../../../src/tftp/transfer.ts';

const AGREED: AgreedOptions = { blockSize: 512, windowSize: 1, retransmitMs: 1000, rollover: 0 };
const WAIT = { kind: 'wait' };
const OACK = { kind: 'send-oack' };
const FINISH = { kind: 'finish' };
const data = (first: number, last = first): TransferAction => ({ kind: 'send-data', first, last });

/** A transfer that was started at 0. */
function started(blocks: number, agreed: Partial<AgreedOptions> = {}, oack = false): Transfer {
  const transfer = createTransfer({ ...AGREED, ...agreed }, blocks, oack);
  startTransfer(transfer, 0);
  return transfer;
}

describe('lock step', () => {
  it('sends DATA 1 at once without options, and ends with the ACK of the last block', () => {
    const transfer = createTransfer(AGREED, 3, false);
    expect(startTransfer(transfer, 0)).toEqual(data(1));
    expect(acknowledge(transfer, 1, 1)).toEqual(data(2));
    expect(acknowledge(transfer, 2, 2)).toEqual(data(3));
    expect(acknowledge(transfer, 3, 3)).toEqual(FINISH);
    expect(transfer).toMatchObject({ acknowledged: 3, deadline: Infinity, retransmissions: 0 });
  });

  it('sends the OACK first, and data only after ACK 0', () => {
    const transfer = createTransfer(AGREED, 2, true);
    expect(startTransfer(transfer, 0)).toEqual(OACK);
    expect(acknowledge(transfer, 1, 1)).toEqual(WAIT);
    expect(acknowledge(transfer, 0, 2)).toEqual(data(1));
  });

  it.each([
    ['the ACK before, as the Sorcerer sends it', 1],
    ['an older one', 0],
    ['one of the future', 3],
    ['one from far away', 40_000],
  ])('answers %s with nothing, and its timer does not start anew', (_title, block) => {
    const transfer = started(9);
    acknowledge(transfer, 1, 100);
    expect(acknowledge(transfer, block, 500)).toEqual(WAIT);
    expect(transfer.deadline).toBe(1100);
  });

  it.each([
    [0, 512, 1],
    [511, 512, 1],
    [512, 512, 2],
    [1024, 512, 3],
    [1025, 512, 3],
  ])('%d octets in blocks of %d end with block %d', (size, blockSize, last) => {
    expect(lastBlockOf(size, blockSize)).toBe(last);
  });
});

describe('silence', () => {
  it.each([
    ['the OACK', true, OACK],
    ['DATA', false, data(1)],
  ])('is met by %s at 1, 3, 7, 15 and 31 seconds, and given up at 63', (_title, oack, packet) => {
    const transfer = started(9, {}, oack);
    const seen: [number, string][] = [];
    for (let now = 0; now <= 70_000; now += 500) {
      const action = expire(transfer, now);
      if (action.kind === 'wait') continue;
      seen.push([now, action.kind]);
    }
    expect(seen).toEqual([
      ...[1000, 3000, 7000, 15_000, 31_000].map((at) => [at, packet.kind]),
      [63_000, 'give-up'],
    ]);
    expect(transfer.retransmissions).toBe(5);
  });

  it('starts again at the first interval with each new block', () => {
    const transfer = started(9);
    expire(transfer, 1000);
    expire(transfer, 3000);
    acknowledge(transfer, 1, 3500);
    expect(transfer.deadline).toBe(4500);
    expect(expire(transfer, 4500)).toEqual(data(2));
    expect(transfer.deadline).toBe(6500);
  });

  it('takes the interval that the client asked for', () => {
    const transfer = started(9, { retransmitMs: 10 });
    expect(expire(transfer, 9)).toEqual(WAIT);
    expect(expire(transfer, 10)).toEqual(data(1));
  });
});

describe('windows (RFC 7440)', () => {
  it('sends a window for each ACK of its end, and a short one at the end of the file', () => {
    const transfer = createTransfer({ ...AGREED, windowSize: 4 }, 10, true);
    startTransfer(transfer, 0);
    expect(acknowledge(transfer, 0, 1)).toEqual(data(1, 4));
    expect(acknowledge(transfer, 4, 2)).toEqual(data(5, 8));
    expect(acknowledge(transfer, 8, 3)).toEqual(data(9, 10));
    expect(acknowledge(transfer, 10, 4)).toEqual(FINISH);
  });

  it('goes on behind the block that an ACK inside the window names', () => {
    const transfer = started(20, { windowSize: 4 });
    expect(acknowledge(transfer, 2, 1)).toEqual(data(3, 6));
    expect(transfer.retransmissions).toBe(2);
  });

  it('moves back once when the first block of a window was lost', () => {
    const transfer = started(20, { windowSize: 4 });
    acknowledge(transfer, 4, 1);
    expect(acknowledge(transfer, 4, 2)).toEqual(data(5, 8));
    expect(acknowledge(transfer, 4, 3)).toEqual(WAIT);
  });

  it('breaks the chain of a client that answers doubled blocks with doubled ACKs', () => {
    const transfer = started(1000, { windowSize: 4 });
    acknowledge(transfer, 4, 1);
    let windows = 0;
    // Each window that is sent comes back as one ACK, and once more for each time it was sent again.
    let replies = [4];
    for (let round = 0; round < 20; round++) {
      const next: number[] = [];
      for (const block of replies) {
        const action = acknowledge(transfer, block, 2);
        if (action.kind !== 'send-data') continue;
        windows += 1;
        next.push(action.last);
      }
      if (next.length === 0) next.push(transfer.sent);
      replies = next;
    }
    expect(transfer.retransmissions).toBeLessThanOrEqual(4);
    expect(windows).toBeLessThanOrEqual(22);
  });

  it('may move back again after a window that came through', () => {
    const transfer = started(100, { windowSize: 4 });
    acknowledge(transfer, 4, 1);
    acknowledge(transfer, 4, 1);
    acknowledge(transfer, 8, 2);
    expect(acknowledge(transfer, 8, 3)).toEqual(WAIT);
    acknowledge(transfer, 12, 4);
    expect(acknowledge(transfer, 12, 5)).toEqual(data(13, 16));
  });

  it('repeats the whole window after silence', () => {
    const transfer = started(20, { windowSize: 4 });
    expect(expire(transfer, 1000)).toEqual(data(1, 4));
  });
});

describe('block numbers', () => {
  it.each([
    [0, 65_535, 65_535],
    [0, 65_536, 0],
    [0, 65_537, 1],
    [0, 131_072, 0],
    [1, 65_536, 1],
    [1, 131_070, 65_535],
    [1, 131_071, 1],
    [65_535, 65_536, 65_535],
    [65_535, 99_999, 65_535],
  ])('with rollover %d block %d is number %d', (rollover, block, number) => {
    expect(wireBlock(block, rollover)).toBe(number);
  });

  it.each([
    [0, 1],
    [1, 1],
    [0, 16],
    [1, 16],
  ])('goes beyond 65535 with rollover %d and windows of %d', (rollover, windowSize) => {
    const transfer = started(140_000, { rollover, windowSize });
    let action: TransferAction = data(1, transfer.sent);
    for (let block = 0; action.kind === 'send-data';) {
      expect(action.first).toBe(block + 1);
      block = action.last;
      action = acknowledge(transfer, wireBlock(block, rollover), 1);
    }
    expect(action).toEqual(FINISH);
    expect(transfer.acknowledged).toBe(140_000);
  });
});

describe('a repeated request', () => {
  it('gets the first packet again as long as nothing was acknowledged', () => {
    expect(repeatStart(started(9, {}, true))).toEqual(OACK);
    expect(repeatStart(started(9, { windowSize: 4 }))).toEqual(data(1, 4));
  });

  it('gets nothing once the client went on: it was overtaken by its own ACKs', () => {
    const withOack = started(9, {}, true);
    acknowledge(withOack, 0, 1);
    expect(repeatStart(withOack)).toEqual(WAIT);
    const without = started(9);
    acknowledge(without, 1, 1);
    expect(repeatStart(without)).toEqual(WAIT);
  });

  it('belongs to the transfer for two seconds after progress', () => {
    const transfer = started(9);
    acknowledge(transfer, 1, 5000);
    expect(isRepeatedRequest(transfer, 6999)).toBe(true);
    expect(isRepeatedRequest(transfer, 7000)).toBe(false);
  });
});

describe('a file of unknown length', () => {
  it('ends where the end is found', () => {
    const transfer = started(Infinity);
    expect(acknowledge(transfer, 1, 1)).toEqual(data(2));
    foundEnd(transfer, 2);
    expect(acknowledge(transfer, 2, 2)).toEqual(FINISH);
  });
});
