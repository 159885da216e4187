import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeTftpPacket,
  encodeTftpAck,
  encodeTftpData,
  encodeTftpError,
  encodeTftpOack,
  encodeTftpRequest,
} from '../../src/wire/tftp/tftp-packet.ts';

/** Text as the wire has it: any octet but NUL, and not empty. */
const text = fc
  .uint8Array({ min: 1, minLength: 1, maxLength: 40 })
  .map((octets) => Buffer.from(octets).toString('latin1'));
const options = fc.array(fc.record({ name: text, value: text }), { maxLength: 6 });
const uint16 = fc.integer({ min: 0, max: 65_535 });

describe('what is encoded', () => {
  it('is decoded as it was: requests', () => {
    fc.assert(
      fc.property(fc.constantFrom('read', 'write'), text, text, options, (direction, name, mode, list) => {
        const request = { direction, name, mode, options: list };
        expect(decodeTftpPacket(encodeTftpRequest(request))).toEqual({
          kind: 'request',
          ...request,
          terminated: true,
        });
      }),
    );
  });

  it('is decoded as it was: the rest', () => {
    fc.assert(
      fc.property(uint16, fc.uint8Array(), text, options, (number, data, message, list) => {
        expect(decodeTftpPacket(encodeTftpAck(number))).toEqual({ kind: 'ack', block: number });
        expect(decodeTftpPacket(encodeTftpData(number, data))).toEqual({ kind: 'data', block: number, data });
        expect(decodeTftpPacket(encodeTftpError(number, message))).toEqual({
          kind: 'error',
          code: number,
          message,
        });
        expect(decodeTftpPacket(encodeTftpOack(list))).toEqual({ kind: 'oack', options: list });
      }),
    );
  });
});

describe('any octets', () => {
  it('are a packet or a reason, never an exception', () => {
    const likely = fc
      .tuple(fc.integer({ min: 0, max: 8 }), fc.uint8Array({ maxLength: 60 }))
      .map(([opcode, rest]) => Uint8Array.of(0, opcode, ...rest));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), likely), (bytes) => {
        expect(decodeTftpPacket(bytes)).toHaveProperty('kind');
      }),
      { numRuns: 2000 },
    );
  });

  it('cut off anywhere, are still one', () => {
    fc.assert(
      fc.property(text, options, fc.nat(), (name, list, cut) => {
        const whole = encodeTftpRequest({ direction: 'read', name, mode: 'octet', options: list });
        const packet = decodeTftpPacket(whole.subarray(0, cut % whole.length));
        expect(['bad-request', 'malformed', 'request']).toContain(packet.kind);
        if (packet.kind === 'request') expect(packet.name).toBe(name);
      }),
    );
  });
});
