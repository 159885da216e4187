import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeIpmiResponse, encodeIpmiRequest } from '../../../../src/wire/rmcp/ipmi-message.ts';
import {
  decodeOpenSessionResponse,
  decodeRakp2,
  decodeRakp4,
  encodeOpenSessionRequest,
  encodeRakp1,
  encodeRakp3,
} from '../../../../src/wire/rmcp/rakp-message.ts';
import { decodePresencePong, encodePresencePing } from '../../../../src/wire/rmcp/presence.ts';
import { decodeRmcp, encodeRmcp } from '../../../../src/wire/rmcp/rmcp-header.ts';
import {
  decodeSessionPacket,
  encodeIpmi15Packet,
  encodeRmcpPlusPacket,
} from '../../../../src/wire/rmcp/session-packet.ts';
import { decodeSolPacket, encodeSolPacket } from '../../../../src/wire/rmcp/sol-payload.ts';
import { WireError } from '../../../../src/wire/wire-error.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const octets = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

// The octets below were recorded between ipmitool, OpenIPMI's ipmi_sim and this client.

describe('RMCP', () => {
  it.each([
    ['nothing', ''],
    ['another version', '0500ff07'],
    ['another class', '0600ff08'],
    ['a presence pong that nobody asked for', '0600ff06000011be402a0010000011be000000008100000000000000'],
  ])('refuses %s', (_what, text) => {
    expect(() => decodeRmcp('ipmi', octets(text))).toThrow(WireError);
  });
});

describe('IPMI messages', () => {
  it('writes Get Channel Authentication Capabilities as ipmitool does', () => {
    const request = { netFn: 6, command: 0x38, data: Uint8Array.of(0x8e, 4) };
    expect(hex(encodeRmcp('ipmi', encodeIpmi15Packet(encodeIpmiRequest(request, 0))))).toBe(
      '0600ff07000000000000000000092018c88100388e04b5',
    );
  });

  it('reads an answer', () => {
    expect(decodeIpmiResponse(octets('811c6320003800019705030000000008'))).toEqual({
      netFn: 7,
      command: 0x38,
      sequence: 0,
      completionCode: 0,
      data: octets('0197050300000000'),
    });
  });

  it.each([
    ['a wrong checksum of the header', '811c6420003800019705030000000008', 'bad-checksum'],
    ['a wrong checksum of the body', '811c6320003800019705030000000009', 'bad-checksum'],
    ['a request', '2018c88100388e04b5', 'wrong-direction'],
    ['too few octets', '811c6320c020', 'truncated'],
    ['nothing', '', 'truncated'],
  ])('refuses %s', (_what, text, reason) => {
    expect(() => decodeIpmiResponse(octets(text))).toThrow(expect.objectContaining({ reason }));
  });
});

describe('session packets', () => {
  it('pads what is signed to four octets', () => {
    for (let length = 0; length < 9; length += 1) {
      let signed = 0;
      encodeRmcpPlusPacket({
        payloadType: 0,
        payload: new Uint8Array(length),
        sessionId: 1,
        sequence: 1,
        encrypted: true,
        sign(bytes) {
          signed = bytes.length;
          return new Uint8Array(12);
        },
      });
      expect(signed % 4).toBe(0);
    }
  });

  it('reads what it wrote', () => {
    const payload = fc.uint8Array({ maxLength: 300 });
    const number = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(
        payload,
        number,
        number,
        fc.boolean(),
        fc.boolean(),
        (data, id, sequence, encrypted, signed) => {
          const written = encodeRmcpPlusPacket({
            payloadType: 1,
            payload: data,
            sessionId: id,
            sequence,
            encrypted,
            sign: signed ? () => new Uint8Array(12).fill(7) : undefined,
          });
          expect(decodeSessionPacket(written)).toEqual({
            format: 'rmcp-plus',
            payloadType: 1,
            encrypted,
            authenticated: signed,
            sessionId: id,
            sequence,
            payload: data,
            octets: written,
          });
        },
      ),
    );
  });

  it.each([
    ['another authentication type', '02000000000000000000'],
    ['a length beyond the end', '0600000000000000000000ff'],
    ['an OEM payload', '060200000000000000000000'],
  ])('refuses %s', (_what, text) => {
    expect(() => decodeSessionPacket(octets(text))).toThrow(WireError);
  });
});

describe('the key exchange', () => {
  it('writes an open session request as ipmitool does', () => {
    const request = {
      tag: 0,
      privilege: 0,
      consoleSessionId: 0xa2a3a1a0,
      authentication: 1,
      integrity: 1,
      confidentiality: 1,
    };
    expect(hex(encodeOpenSessionRequest(request))).toBe(
      '00000000a0a1a3a2000000080100000001000008010000000200000801000000',
    );
  });

  it('reads what ipmi_sim grants, and how it refuses in two octets', () => {
    const granted = '2500000400504f4f2902000000000000080100000001000008010000000200000801000000';
    expect(decodeOpenSessionResponse(octets(granted.replace('2500000400', '25000400')))).toMatchObject({
      tag: 0x25,
      status: 0,
      content: { bmcSessionId: 2, authentication: 1, integrity: 1, confidentiality: 1 },
    });
    expect(decodeOpenSessionResponse(octets('0c04'))).toEqual({ tag: 0x0c, status: 4, content: undefined });
  });

  it('writes RAKP 1 and 3, and reads 2 and 4', () => {
    const consoleRandom = new Uint8Array(16).fill(0x11);
    const username = Uint8Array.from(Buffer.from('admin'));
    expect(hex(encodeRakp1({ tag: 1, bmcSessionId: 2, consoleRandom, privilege: 0x14, username }))).toBe(
      `0100000002000000${'11'.repeat(16)}1400000561646d696e`,
    );
    expect(hex(encodeRakp3({ tag: 2, status: 0, bmcSessionId: 2, authCode: Uint8Array.of(9) }))).toBe(
      '020000000200000009',
    );
    const rakp2 = `01000000a0a1a3a2${'22'.repeat(16)}${'33'.repeat(16)}${'44'.repeat(20)}`;
    expect(decodeRakp2(octets(rakp2))).toMatchObject({
      tag: 1,
      content: { consoleSessionId: 0xa2a3a1a0, authCode: new Uint8Array(20).fill(0x44) },
    });
    expect(decodeRakp4(octets('02000000a0a1a3a2aabb')).content?.integrityCheck).toEqual(octets('aabb'));
    expect(decodeRakp4(octets('020f0000')).status).toBe(0x0f);
  });

  it('refuses what stops short', () => {
    for (const decode of [decodeOpenSessionResponse, decodeRakp2, decodeRakp4]) {
      expect(() => decode(octets('01000000a0a1'))).toThrow(WireError);
    }
  });
});

describe('serial over LAN', () => {
  it('writes and reads characters with their numbers', () => {
    const characters = Uint8Array.from(Buffer.from('ls\r'));
    expect(
      hex(encodeSolPacket({ sequence: 3, acknowledged: 2, acceptedCount: 9, sendBreak: true, characters })),
    ).toBe('030209106c730d');
    expect(decodeSolPacket(octets('0503027c6c73'))).toEqual({
      sequence: 5,
      acknowledged: 3,
      acceptedCount: 2,
      refused: true,
      unavailable: true,
      deactivated: true,
      overrun: true,
      breakDetected: true,
      characters: octets('6c73'),
    });
    expect(() => decodeSolPacket(octets('0102'))).toThrow(WireError);
  });
});

describe('presence', () => {
  const PONG = '0600ff06000011be402a0010000011be000000008100000000000000';

  it('is asked for', () => {
    expect(hex(encodePresencePing(0x2a))).toBe('0600ff06000011be802a0000');
  });

  it.each([
    ['of an IPMI controller', PONG, { ipmi: true, asfVersion: 1, enterprise: 4542, oemDefined: 0 }],
    [
      'of one that speaks DASH, RMCP security and no IPMI, with a value of its maker',
      '0600ff06000011be402a0010000001570000000901a0000000000000',
      { ipmi: false, asfVersion: 1, dash: true, securityExtensions: true, enterprise: 343, oemDefined: 9 },
    ],
    [
      'with more data than there is in ASF 2.0',
      `${PONG.replace('2a0010', '2a0014')}00000000`,
      { ipmi: true },
    ],
  ])('is read from the pong %s', (_what, text, expected) => {
    const base = { tag: 0x2a, dash: false, securityExtensions: false };
    expect(decodePresencePong(octets(text))).toMatchObject({ ...base, ...expected });
  });

  it.each([
    ['a ping', '0600ff06000011be802a0000'],
    ['a pong without data', '0600ff06000011be402a0000'],
    ['a pong that says it has more than it has', PONG.slice(0, -2)],
    ['a pong of somebody else', PONG.replace('000011be40', '000011bf40')],
    ['IPMI', '0600ff0700000000000000000000'],
  ])('is not read from %s', (_what, text) => {
    expect(() => decodePresencePong(octets(text))).toThrow(WireError);
  });
});

describe('any octets', () => {
  it('are a message or a reason', () => {
    const decoders = [
      (bytes: Uint8Array) => decodeRmcp('ipmi', bytes),
      decodePresencePong,
      decodeSessionPacket,
      decodeIpmiResponse,
      decodeOpenSessionResponse,
      decodeRakp2,
      decodeRakp4,
      decodeSolPacket,
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        for (const decode of decoders) {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
