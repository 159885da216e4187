import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { negotiate } from '../../src/tftp/negotiation.ts';
import {
  createTransfer,
  expire,
  lastBlockOf,
  startTransfer,
  type TransferAction,
} from '../../src/tftp/transfer.ts';
import { encodeTftpRequest } from '../../src/wire/tftp/tftp-packet.ts';

const ATTEMPTS = 6;
/** Opcode, block number and what a block without options holds. */
const PLAIN_BLOCK_OCTETS = 4 + 512;

const option = fc.oneof(
  fc.record({
    name: fc.constantFrom('blksize', 'windowsize', 'tsize', 'timeout', 'utimeout', 'rollover', 'multicast'),
    value: fc.oneof(fc.nat(70_000).map(String), fc.constantFrom('0', '1', '65464', '65535', '255')),
  }),
);

describe('to a request whose sender never answers', () => {
  it('at most six packets are sent, each one block of 512 octets or an OACK no longer than the request', () => {
    fc.assert(
      fc.property(fc.array(option, { maxLength: 6 }), fc.nat(2 ** 31), (options, size) => {
        const negotiation = negotiate(options, {
          mode: 'octet',
          size,
          blockSizeMax: 1468,
          windowSizeMax: 64,
          retransmitMs: 1000,
        });
        if (negotiation.kind === 'refused') return;
        const { agreed, oack } = negotiation;
        const oackOctets = oack?.length ?? 0;
        const request = encodeTftpRequest({ direction: 'read', name: 'x', mode: 'octet', options });
        const transfer = createTransfer(agreed, lastBlockOf(size, agreed.blockSize), oackOctets > 0);
        let packets = 0;
        let octets = 0;
        const count = (action: TransferAction): void => {
          if (action.kind === 'send-oack') {
            packets += 1;
            octets += oackOctets;
          } else if (action.kind === 'send-data') {
            packets += action.last - action.first + 1;
            octets += (action.last - action.first + 1) * (4 + agreed.blockSize);
          }
        };
        let now = 0;
        count(startTransfer(transfer, now));
        for (let turn = 0; turn < 100; turn += 1) {
          now = transfer.deadline;
          if (!Number.isFinite(now)) break;
          count(expire(transfer, now));
        }
        expect(transfer.deadline).toBe(Infinity);
        expect(packets).toBeLessThanOrEqual(ATTEMPTS);
        // `tsize=0` is answered with the size, which may take a few digits more.
        const perPacket = oackOctets > 0 ? request.length + 10 : PLAIN_BLOCK_OCTETS;
        expect(octets).toBeLessThanOrEqual(ATTEMPTS * perPacket);
      }),
    );
  });
});
