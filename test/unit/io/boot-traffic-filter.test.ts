import { describe, expect, it } from 'vitest';
import { ipv4FromNumber } from '../../../src/addr/ipv4.ts';
import { macFromBytes } from '../../../src/addr/mac.ts';
import { bootTrafficFilter } from '../../../src/io/boot-traffic-filter.ts';
import { encodeUdpFrame } from '../../../src/io/ethernet-frame.ts';
import type { FilterInstruction } from '../../../src/io/packet-filter.ts';

const PORTS = { to: [67, 68, 69], from: [67], fileAnswers: true };

/** What the kernel does with such a program (Documentation/networking/filter.rst), as far as it uses its instructions. */
function isKept(program: readonly FilterInstruction[], frame: Uint8Array, vlanTag = 0): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let accumulator = 0;
  let index = 0;
  for (let at = 0; ; at += 1) {
    const [code, ifTrue, ifFalse, operand] = program[at]!;
    const beyond = operand < 0xffff_f000 && operand + (code === 0x48 ? index : 0) + 2 > frame.length;
    switch (code) {
      case 0x30:
        accumulator = operand === 0xffff_f000 + 48 ? vlanTag : view.getUint8(operand);
        break;
      case 0x28:
      case 0x48:
        if (beyond) return false;
        accumulator = view.getUint16(operand + (code === 0x48 ? index : 0));
        break;
      case 0xb1:
        index = (view.getUint8(operand) & 0xf) * 4;
        break;
      case 0x15:
        at += accumulator === operand ? ifTrue : ifFalse;
        break;
      case 0x45:
        at += (accumulator & operand) !== 0 ? ifTrue : ifFalse;
        break;
      case 0x06:
        return operand > 0;
      default:
        throw new Error(`unknown instruction ${code}`);
    }
  }
}

function frame(sourcePort: number, destinationPort: number, ...payload: number[]): Uint8Array {
  const mac = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 1))!;
  return encodeUdpFrame({
    sourceMac: mac,
    destinationMac: mac,
    sourceAddress: ipv4FromNumber(0x0a000001),
    destinationAddress: ipv4FromNumber(0x0a000002),
    sourcePort,
    destinationPort,
    identification: 1,
    payload: Uint8Array.from(payload),
  });
}

function changed(bytes: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  change(copy);
  return copy;
}

/** The same datagram behind an IP header with four octets of options. */
function withIpOptions(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(bytes.length + 4);
  longer.set(bytes.subarray(0, 34));
  longer.set(bytes.subarray(34), 38);
  longer[14] = 0x46;
  return longer;
}

describe('bootTrafficFilter', () => {
  const program = bootTrafficFilter(PORTS);

  it.each<[name: string, frame: Uint8Array, isKept: boolean]>([
    ['a DISCOVER', frame(68, 67, 1), true],
    ['an OFFER', frame(67, 68, 2), true],
    ['an answer to a relay at a port of its own', frame(67, 5000, 2), true],
    ['a read request', frame(2070, 69, 0, 1), true],
    ['an OACK', frame(40_000, 2070, 0, 6, 116), true],
    ['an ERROR', frame(40_000, 2070, 0, 5, 0, 1), true],
    ['the first block', frame(40_000, 2070, 0, 3, 0, 1, 9), true],
    ['another block', frame(40_000, 2070, 0, 3, 0, 2, 9), false],
    ['an ACK', frame(2070, 40_000, 0, 4, 0, 1), false],
    ['a datagram without anything in it', frame(2070, 40_000), false],
    ['a DNS question', frame(40_000, 53, 0xab, 0xcd, 1, 0), false],
    ['behind a longer IP header', withIpOptions(frame(68, 67, 1)), true],
    ['TCP', changed(frame(68, 67, 1), (bytes) => (bytes[23] = 6)), false],
    ['a fragment', changed(frame(68, 67, 1), (bytes) => (bytes[20] = 0x20)), false],
    ['IPv6', changed(frame(68, 67, 1), (bytes) => (bytes[12] = 0x86)), false],
  ])('%s', (_name, bytes, expected) => {
    expect(isKept(program, bytes)).toBe(expected);
  });

  it('leaves the frames of a VLAN to its own interface', () => {
    expect(isKept(program, frame(68, 67, 1), 1)).toBe(false);
  });

  it('passes TFTP over where it is not asked for', () => {
    const dhcpOnly = bootTrafficFilter({ to: [67, 68], from: [67], fileAnswers: false });
    expect(isKept(dhcpOnly, frame(40_000, 2070, 0, 6, 116))).toBe(false);
    expect(isKept(dhcpOnly, frame(68, 67, 1))).toBe(true);
  });
});
