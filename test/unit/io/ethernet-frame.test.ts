import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4FromNumber, parseIpv4 } from '../../../src/addr/ipv4.ts';
import { macFromBytes, parseMac } from '../../../src/addr/mac.ts';
import { decodeArpReply, encodeArpRequest } from '../../../src/io/arp-packet.ts';
import { encodeUdpFrame, internetChecksum, type UdpFrame } from '../../../src/io/ethernet-frame.ts';
import { decodeEchoReply, encodeEchoRequest, ipv4Payload } from '../../../src/io/icmp-echo.ts';

const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => macFromBytes(bytes)!);
const address = fc.integer({ min: 0, max: 0xffffffff }).map(ipv4FromNumber);
const port = fc.integer({ min: 0, max: 0xffff });
const anyFrame: fc.Arbitrary<UdpFrame> = fc.record({
  sourceMac: mac,
  destinationMac: mac,
  sourceAddress: address,
  destinationAddress: address,
  sourcePort: port,
  destinationPort: port,
  identification: port,
  payload: fc.uint8Array({ maxLength: 1500 }),
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The sum that a receiver makes: 0xffff when all is well (RFC 1071 section 1). */
function receiverSum(words: Uint8Array): number {
  let sum = 0;
  for (let offset = 0; offset < words.length; offset += 2) {
    sum += ((words[offset] ?? 0) << 8) | (words[offset + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

describe('internetChecksum', () => {
  it.each([
    // RFC 1071 section 3: the words sum up to ddf2.
    ['0001f203f4f5f6f7', 0xddf2 ^ 0xffff],
    ['', 0xffff],
    ['01', 0xfeff],
    ['ffff', 0],
  ])('of %s is %i', (octets, checksum) => {
    expect(internetChecksum(Buffer.from(octets, 'hex'))).toBe(checksum);
  });
});

describe('encodeUdpFrame', () => {
  it('makes the frame that tshark calls correct', () => {
    const frame = encodeUdpFrame({
      sourceMac: parseMac('52:54:00:00:00:01')!,
      destinationMac: parseMac('0c:c4:7a:0e:2b:6b')!,
      sourceAddress: parseIpv4('192.168.0.1')!,
      destinationAddress: parseIpv4('192.168.0.140')!,
      sourcePort: 67,
      destinationPort: 68,
      identification: 1,
      payload: Buffer.from('bootp'),
    });
    expect(hex(frame)).toBe(
      '0cc47a0e2b6b' +
        '525400000001' +
        '0800' +
        '45000021000100004011f8ed' +
        'c0a80001' +
        'c0a8008c' +
        '00430044000d3b8b' +
        '626f6f7470',
    );
  });

  it('has checksums that hold, and all it was given, whatever that is', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const bytes = encodeUdpFrame(frame);
        const view = new DataView(bytes.buffer);
        expect(receiverSum(bytes.subarray(14, 34))).toBe(0xffff);
        const udp = bytes.subarray(34);
        const pseudo = Uint8Array.of(...bytes.subarray(26, 34), 0, 17, udp.length >> 8, udp.length & 0xff);
        expect(receiverSum(Uint8Array.of(...pseudo, ...udp))).toBe(0xffff);
        expect(view.getUint16(40)).not.toBe(0);
        expect(macFromBytes(bytes.subarray(0, 6))).toBe(frame.destinationMac);
        expect(macFromBytes(bytes.subarray(6, 12))).toBe(frame.sourceMac);
        expect([view.getUint32(26), view.getUint32(30)]).toEqual([
          frame.sourceAddress,
          frame.destinationAddress,
        ]);
        expect([view.getUint16(34), view.getUint16(36)]).toEqual([frame.sourcePort, frame.destinationPort]);
        expect([view.getUint16(16), view.getUint16(38)]).toEqual([
          28 + frame.payload.length,
          8 + frame.payload.length,
        ]);
        expect(bytes.subarray(42)).toEqual(frame.payload);
      }),
    );
  });
});

describe('ARP', () => {
  const REQUEST = encodeArpRequest({
    senderMac: parseMac('52:54:00:00:00:01')!,
    senderAddress: parseIpv4('192.168.0.1')!,
    target: parseIpv4('192.168.0.140')!,
  });
  /** What 0c:c4:7a:0e:2b:6b answers, padded to the shortest Ethernet frame. */
  const REPLY = Buffer.from(
    '525400000001' +
      '0cc47a0e2b6b' +
      '0806' +
      '0001080006040002' +
      '0cc47a0e2b6b' +
      'c0a8008c' +
      '525400000001' +
      'c0a80001' +
      '00'.repeat(18),
    'hex',
  );

  it('asks everybody', () => {
    expect(hex(REQUEST)).toBe(
      'ffffffffffff' +
        '525400000001' +
        '0806' +
        '0001080006040001' +
        '525400000001' +
        'c0a80001' +
        '000000000000' +
        'c0a8008c',
    );
  });

  it('reads an answer', () => {
    expect(decodeArpReply(REPLY)).toEqual({
      mac: parseMac('0c:c4:7a:0e:2b:6b'),
      address: parseIpv4('192.168.0.140'),
    });
  });

  it('takes nothing else for an answer', () => {
    expect(decodeArpReply(REQUEST)).toBeUndefined();
    for (let length = 0; length < 42; length += 1)
      expect(decodeArpReply(REPLY.subarray(0, length))).toBeUndefined();
    for (const offset of [12, 15, 16, 18, 19, 21]) {
      const other = Uint8Array.from(REPLY);
      other[offset] = 0x77;
      expect(decodeArpReply(other)).toBeUndefined();
    }
  });

  it('takes any octets without throwing', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void decodeArpReply(bytes)));
  });
});

describe('ICMP echo', () => {
  const TOKEN = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const TARGET = parseIpv4('10.1.2.3')!;

  function reply(): Uint8Array {
    const bytes = encodeEchoRequest(0x1234, TOKEN, TARGET);
    bytes[0] = 0;
    return bytes;
  }

  it('asks with a good checksum, and the address inside', () => {
    const request = encodeEchoRequest(0x1234, TOKEN, TARGET);
    expect(receiverSum(request)).toBe(0xffff);
    expect(hex(request)).toMatch(/^0800....12340000010203040506070\d0a010203$/);
  });

  it('knows its own answers only', () => {
    expect(decodeEchoReply(reply(), TOKEN)).toBe(TARGET);
    expect(decodeEchoReply(reply(), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9))).toBeUndefined();
    expect(decodeEchoReply(encodeEchoRequest(0x1234, TOKEN, TARGET), TOKEN)).toBeUndefined();
    expect(decodeEchoReply(reply().subarray(0, 19), TOKEN)).toBeUndefined();
    expect(decodeEchoReply(new Uint8Array(), TOKEN)).toBeUndefined();
  });

  it.each([
    ['45', 20],
    ['46', 24],
    ['4f', 60],
  ])('is found behind an IP header that begins with %s', (first, size) => {
    const datagram = Buffer.concat([
      Buffer.from(first, 'hex'),
      Buffer.alloc(size - 1),
      Buffer.from('payload'),
    ]);
    expect(Buffer.from(ipv4Payload(datagram)!).toString()).toBe('payload');
  });

  it.each(['', '65', '44', '45'])('is not found behind "%s"', (octets) => {
    expect(ipv4Payload(Buffer.from(octets, 'hex'))).toBeUndefined();
  });
});
