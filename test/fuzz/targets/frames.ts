import { decodeArpReply, encodeArpRequest } from '../../../src/io/arp-packet.ts';
import { encodeUdpFrame } from '../../../src/io/ethernet-frame.ts';
import { decodeEchoReply, encodeEchoRequest, ipv4Payload } from '../../../src/io/icmp-echo.ts';
import { decodeFrame } from '../../../src/io/overheard-datagrams.ts';
import { ip, mac } from '../../unit/dhcp/fake-view.ts';
import { keptOctets } from '../corpus.ts';
import {
  mustHold,
  octetsTarget,
  type FuzzTarget,
  type FuzzVerdict,
  type OpenTarget,
} from '../fuzz-target.ts';
import { concatOctets } from '../mutate-octets.ts';
import { amidst, isSame } from './dhcp-wire.ts';

const TOKEN = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const MACS = { sourceMac: mac('02:00:00:00:00:01'), destinationMac: mac('ff:ff:ff:ff:ff:ff') };

function openFrames(): OpenTarget {
  const frame = (payload: Uint8Array): Uint8Array =>
    encodeUdpFrame({
      ...MACS,
      sourceAddress: ip('192.168.0.9'),
      destinationAddress: ip('255.255.255.255'),
      sourcePort: 67,
      destinationPort: 68,
      identification: 1,
      payload,
    });
  const arp = encodeArpRequest({
    senderMac: MACS.sourceMac,
    senderAddress: ip('192.168.0.1'),
    target: ip('192.168.0.2'),
  });
  arp[21] = 2;
  const echo = encodeEchoRequest(7, TOKEN, ip('192.168.0.2'));
  echo[0] = 0;
  const header = Uint8Array.of(0x45, 0, 0, 48, 0, 0, 0, 0, 64, 1, 0, 0, 192, 168, 0, 2, 192, 168, 0, 1);
  return octetsTarget({
    limitMs: 20,
    seeds: [
      frame(new Uint8Array(300)),
      frame(new Uint8Array(0)),
      arp,
      echo,
      concatOctets(header, echo),
      ...keptOctets('frames'),
    ],
    check: checkFrame,
  });
}

function checkFrame(input: Uint8Array): FuzzVerdict {
  const found = readAll(amidst(input, 0x00));
  const elsewhere = readAll(amidst(input, 0x44));
  mustHold(
    JSON.stringify(found.facts) === JSON.stringify(elsewhere.facts),
    () => 'what lies around a frame is read',
  );
  mustHold(isSame(found.payload, elsewhere.payload), () => 'a payload reaches beyond its frame');
  mustHold(found.payload.length <= input.length, () => 'a payload is longer than its frame');
  return found.facts.some((fact) => fact !== undefined) ? 'taken' : 'refused';
}

function readAll(frame: Uint8Array): { readonly facts: readonly unknown[]; readonly payload: Uint8Array } {
  const datagram = decodeFrame(frame, 68);
  const echo = ipv4Payload(frame);
  return {
    facts: [
      datagram?.source,
      decodeArpReply(frame),
      decodeEchoReply(frame, TOKEN),
      echo && decodeEchoReply(echo, TOKEN),
    ],
    payload: datagram?.payload ?? echo ?? new Uint8Array(0),
  };
}

export const FRAME_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'frames',
    reads: 'Ethernet frames, IPv4 and UDP headers, ARP and ICMP echo replies',
    open: openFrames,
  },
];
