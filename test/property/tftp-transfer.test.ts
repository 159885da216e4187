import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeNetascii, toNetascii } from '../../src/tftp/netascii.ts';
import { negotiate } from '../../src/tftp/negotiation.ts';
import {
  acknowledge,
  createTransfer,
  expire,
  repeatStart,
  startTransfer,
  wireBlock,
  type TransferAction,
} from '../../src/tftp/transfer.ts';
import { decodeTftpPacket } from '../../src/wire/tftp/tftp-packet.ts';

/** Anything that may happen to a transfer. `ack` is relative to what was acknowledged, so that many hit. */
const event = fc.oneof(
  fc.record({ kind: fc.constant('ack' as const), ahead: fc.integer({ min: -3, max: 20 }) }),
  fc.record({ kind: fc.constant('number' as const), number: fc.integer({ min: 0, max: 65_535 }) }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 0, max: 5000 }) }),
  fc.record({ kind: fc.constant('request' as const) }),
);

const agreed = fc.record({
  blockSize: fc.constant(512),
  windowSize: fc.integer({ min: 1, max: 17 }),
  retransmitMs: fc.integer({ min: 10, max: 3000 }),
  rollover: fc.constantFrom(0, 1, 5),
});

describe('a transfer, whatever happens to it', () => {
  it('sends only blocks of the window behind what was acknowledged, and ends for good', () => {
    fc.assert(
      fc.property(
        agreed,
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        fc.array(event, { maxLength: 200 }),
        (options, lastBlock, oack, events) => {
          const transfer = createTransfer(options, lastBlock, oack);
          let now = 0;
          const state = { ended: false };
          let before = -1;
          const check = (action: TransferAction): void => {
            expect(transfer.acknowledged).toBeGreaterThanOrEqual(before);
            before = transfer.acknowledged;
            if (action.kind === 'send-data') {
              expect(action.first).toBe(transfer.acknowledged + 1);
              expect(action.last).toBe(transfer.sent);
              expect(action.last - action.first).toBeLessThan(options.windowSize);
              expect(action.last).toBeLessThanOrEqual(lastBlock);
              expect(action.first).toBeLessThanOrEqual(action.last);
            }
            if (action.kind === 'send-oack') expect(transfer.acknowledged).toBe(-1);
            if (action.kind === 'finish') expect(transfer.acknowledged).toBe(lastBlock);
            state.ended ||= action.kind === 'finish' || action.kind === 'give-up';
            if (state.ended) expect(transfer.deadline).toBe(Infinity);
            else expect(transfer.deadline).toBeGreaterThan(now);
          };
          check(startTransfer(transfer, now));
          for (const happening of events) {
            if (state.ended) break;
            if (happening.kind === 'time') {
              now += happening.ms;
              check(expire(transfer, now));
              continue;
            }
            if (happening.kind === 'request') check(repeatStart(transfer));
            else {
              const number =
                happening.kind === 'number'
                  ? happening.number
                  : wireBlock(Math.max(0, transfer.acknowledged + happening.ahead), options.rollover);
              check(acknowledge(transfer, number, now));
            }
            if (transfer.deadline <= now) check(expire(transfer, now));
          }
        },
      ),
    );
  });

  it('is given up 63 intervals after the last progress at the latest', () => {
    fc.assert(
      fc.property(
        agreed,
        fc.array(fc.integer({ min: 0, max: 65_535 }), { maxLength: 50 }),
        (options, noise) => {
          // The client acknowledges nothing that was sent; what else it says does not keep the transfer alive.
          const transfer = createTransfer(options, 1000, true);
          startTransfer(transfer, 0);
          const useless = noise.filter((number) => number !== 0);
          let now = 0;
          for (let step = 0; transfer.deadline !== Infinity; step++) {
            now = transfer.deadline;
            acknowledge(transfer, useless[step % Math.max(useless.length, 1)] ?? 7, now);
            expire(transfer, now);
          }
          expect(now).toBeCloseTo(63 * options.retransmitMs, 5);
        },
      ),
    );
  });
});

describe('netascii', () => {
  it('is the same stream however source and target are cut', () => {
    const source = fc
      .uint8Array({ maxLength: 200 })
      .map((octets) => octets.map((octet) => [10, 13, 0, 65, octet][octet % 5] ?? 0));
    fc.assert(
      fc.property(
        source,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (octets, cut, size) => {
          const output: number[] = [];
          let pending: number | undefined;
          for (let position = 0; position < octets.length || pending !== undefined;) {
            const target = new Uint8Array(size);
            const progress = encodeNetascii(octets.subarray(position, position + cut), target, pending);
            position += progress.consumed;
            pending = progress.pending;
            output.push(...target.subarray(0, progress.written));
          }
          expect(Uint8Array.from(output)).toEqual(toNetascii(octets));
        },
      ),
    );
  });
});

describe('negotiation', () => {
  it('never agrees on more than was asked for or allowed, and says what it agreed on', () => {
    const name = fc.constantFrom(
      'blksize',
      'BLKSIZE2',
      'tsize',
      'timeout',
      'utimeout',
      'Rollover',
      'windowsize',
      'x',
    );
    const value = fc.oneof(fc.integer({ min: -5, max: 70_000 }).map(String), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(
        fc.array(fc.record({ name, value }), { maxLength: 8 }),
        fc.integer({ min: 512, max: 65_464 }),
        fc.nat({ max: 1e9 }),
        (options, blockSizeMax, size) => {
          const limits = {
            mode: 'octet',
            size,
            blockSizeMax,
            windowSizeMax: 64,
            retransmitMs: 1000,
          } as const;
          const outcome = negotiate(options, limits);
          if (outcome.kind === 'refused') return;
          const { agreed: result, oack } = outcome;
          expect(result.blockSize).toBeGreaterThanOrEqual(8);
          expect(result.blockSize).toBeLessThanOrEqual(blockSizeMax);
          expect(result.windowSize).toBeLessThanOrEqual(64);
          const packet = oack === undefined ? undefined : decodeTftpPacket(oack);
          const answered = packet?.kind === 'oack' ? packet.options : [];
          const last = (wanted: string): string | undefined =>
            answered.findLast((option) => option.name.toLowerCase().startsWith(wanted))?.value;
          expect(last('blksize') ?? '512').toBe(String(result.blockSize));
          expect(last('windowsize') ?? '1').toBe(String(result.windowSize));
          // In the client's order.
          const names: string[] = options.map((option) => option.name);
          let position = 0;
          for (const option of answered) {
            position = names.indexOf(option.name, position) + 1;
            expect(position).toBeGreaterThan(0);
          }
        },
      ),
    );
  });
});
