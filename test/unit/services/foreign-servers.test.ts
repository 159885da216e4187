import { describe, expect, it } from 'vitest';
import { formatIpv4, ipv4ToBytes, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { macToBytes } from '../../../src/addr/mac.ts';
import { encodeUdpFrame } from '../../../src/io/ethernet-frame.ts';
import { decodeFrame } from '../../../src/io/overheard-datagrams.ts';
import { describeForeignReply } from '../../../src/services/foreign-server-watch.ts';
import { BOOTREPLY, EMPTY_MESSAGE, encodeDhcpMessage } from '../../../src/wire/dhcp/dhcp-message.ts';
import { OPTION } from '../../../src/wire/dhcp/option-codes.ts';
import { parseSubnet } from '../../../src/addr/subnet.ts';
import { ipv4, mac, MAC } from '../boot/samples.ts';

const ROGUE = ipv4('192.168.0.7');
const OWN = ipv4('192.168.0.1');
const INTERFACE = { name: 'prov0', addresses: [{ address: OWN, subnet: parseSubnet('192.168.0.0/24')! }] };

function reply(type: number, server: Ipv4 | undefined, op = BOOTREPLY): Uint8Array {
  const chaddr = new Uint8Array(16);
  chaddr.set(macToBytes(MAC));
  return encodeDhcpMessage({
    ...EMPTY_MESSAGE,
    op,
    yiaddr: ipv4('192.168.0.99'),
    chaddr,
    options: new Map([
      [OPTION.messageType, Uint8Array.of(type)],
      ...(server === undefined ? [] : [[OPTION.serverIdentifier, ipv4ToBytes(server)] as const]),
    ]),
  });
}

function frame(payload: Uint8Array, destinationPort = 68): Uint8Array {
  return encodeUdpFrame({
    sourceMac: mac('02:00:00:00:00:07'),
    destinationMac: mac('ff:ff:ff:ff:ff:ff'),
    sourceAddress: ROGUE,
    destinationAddress: ipv4('255.255.255.255'),
    sourcePort: 67,
    destinationPort,
    identification: 1,
    payload,
  });
}

describe('an overheard frame', () => {
  it('is taken apart', () => {
    const payload = Uint8Array.of(1, 2, 3);
    const padded = new Uint8Array(60);
    padded.set(frame(payload));
    expect(decodeFrame(padded, 68)).toEqual({ source: ROGUE, payload });
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['to another port', () => frame(Uint8Array.of(1), 67)],
    ['that is cut off in a header', (bytes) => bytes.slice(0, 40)],
    ['that is cut off in its payload', (bytes) => bytes.slice(0, -1)],
    ['of another protocol', (bytes) => bytes.with(12, 0x86)],
    ['of TCP', (bytes) => bytes.with(14 + 9, 6)],
    ['that is a fragment', (bytes) => bytes.with(14 + 6, 0x20)],
    ['with an impossible header', (bytes) => bytes.with(14, 0x41)],
  ])('%s is passed over', (_, change) => {
    expect(decodeFrame(change(frame(Uint8Array.of(1, 2, 3))), 68)).toBeUndefined();
  });
});

describe('describeForeignReply', () => {
  const heard = (payload: Uint8Array, own: readonly Ipv4[] = []) =>
    describeForeignReply({ source: ROGUE, payload }, INTERFACE, own);

  it('names the server, by option 54 or by where it came from', () => {
    const expected = {
      mac: MAC,
      server: ROGUE,
      message: 'offer',
      address: ipv4('192.168.0.99'),
      interfaceName: 'prov0',
    };
    expect(heard(reply(2, ROGUE))).toEqual(expected);
    expect(heard(reply(2, undefined))).toEqual(expected);
    expect(heard(reply(6, ROGUE))).toMatchObject({ message: 'nak', address: undefined });
  });

  it('passes over its own answers, requests and what is no DHCP', () => {
    expect(heard(reply(2, OWN))).toBeUndefined();
    expect(heard(reply(2, ROGUE), [ROGUE])).toBeUndefined();
    expect(heard(reply(2, ROGUE, 1))).toBeUndefined();
    expect(heard(reply(1, ROGUE))).toBeUndefined();
    expect(heard(Uint8Array.of(1, 2, 3))).toBeUndefined();
    expect(formatIpv4(ROGUE)).toBe('192.168.0.7');
  });
});
