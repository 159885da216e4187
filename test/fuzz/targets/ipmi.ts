import { parseSuiteRecords } from '../../../src/ipmi/cipher-suite.ts';
import { describeEvent } from '../../../src/ipmi/event-text.ts';
import { convertReading, parseSensorRecord } from '../../../src/ipmi/sensor-record.ts';
import { decodeIpmiResponse } from '../../../src/wire/rmcp/ipmi-message.ts';
import { decodeOpenSessionResponse, decodeRakp2, decodeRakp4 } from '../../../src/wire/rmcp/rakp-message.ts';
import { decodePresencePong } from '../../../src/wire/rmcp/presence.ts';
import { decodeRmcp, encodeRmcp } from '../../../src/wire/rmcp/rmcp-header.ts';
import {
  decodeSessionPacket,
  encodeIpmi15Packet,
  encodeRmcpPlusPacket,
} from '../../../src/wire/rmcp/session-packet.ts';
import { decodeSolPacket } from '../../../src/wire/rmcp/sol-payload.ts';
import { playHostileSession } from '../../lab/bmc/bmc-fuzz.ts';
import { keptOctets } from '../corpus.ts';
import { FuzzRandom } from '../fuzz-random.ts';
import {
  mustHold,
  octetsTarget,
  type FuzzTarget,
  type FuzzVerdict,
  type OpenTarget,
} from '../fuzz-target.ts';
import { concatOctets } from '../mutate-octets.ts';
import { amidst, decodedOrRefused, isSame } from './dhcp-wire.ts';

/** An answer with right checksums, so that what is behind them is reached. */
function ipmiResponse(random: FuzzRandom): Uint8Array {
  const head = Uint8Array.of(0x81, random.below(256));
  const body = concatOctets(
    Uint8Array.of(0x20, random.below(256), random.below(256)),
    random.octets(random.small(40)),
  );
  return concatOctets(head, Uint8Array.of(checksum(head)), body, Uint8Array.of(checksum(body)));
}

function checksum(octets: Uint8Array): number {
  return -octets.reduce((sum, octet) => sum + octet, 0) & 0xff;
}

function generateDatagram(random: FuzzRandom): Uint8Array {
  const payload = random.chance(0.6) ? ipmiResponse(random) : random.octets(random.small(80));
  if (random.chance(0.2)) return encodeRmcp('ipmi', encodeIpmi15Packet(payload));
  const signature = random.octets(12);
  const packet = encodeRmcpPlusPacket({
    payloadType: random.pick([0, 1, 2, 0x11, 0x13, 0x15]),
    payload,
    sessionId: random.below(3),
    sequence: random.below(5),
    encrypted: random.chance(0.3),
    sign: random.chance(0.3) ? () => signature : undefined,
  });
  return encodeRmcp('ipmi', packet);
}

function openPackets(): OpenTarget {
  return octetsTarget({
    limitMs: 20,
    seeds: [
      ...Array.from({ length: 40 }, (_, number) =>
        generateDatagram(new FuzzRandom(1, 'ipmi-packets', number)),
      ),
      ...keptOctets('ipmi-packets'),
    ],
    generate: generateDatagram,
    check: checkDatagram,
  });
}

function checkDatagram(input: Uint8Array): FuzzVerdict {
  const payload = payloadOf(amidst(input, 0x00));
  const elsewhere = payloadOf(amidst(input, 0x36));
  mustHold(
    (payload === undefined) === (elsewhere === undefined),
    () => 'what lies around a datagram is read',
  );
  mustHold(
    payload === undefined || elsewhere === undefined || isSame(payload, elsewhere),
    () => 'a payload reaches beyond its datagram',
  );
  // The same octets as what a controller sends inside of packets: replies of the handshake, serial data, records.
  for (const octets of [input, ...(payload === undefined ? [] : [payload])]) {
    for (const decode of [
      decodeIpmiResponse,
      decodeOpenSessionResponse,
      decodeRakp2,
      decodeRakp4,
      decodeSolPacket,
      decodePresencePong,
    ]) {
      decodedOrRefused(() => decode(octets));
    }
    mustHold(parseSuiteRecords(octets).length <= octets.length, () => 'more suites than octets');
    const sensor = parseSensorRecord(octets);
    if (sensor?.conversion !== undefined) convertReading(octets[0] ?? 0, sensor.conversion);
    describeEvent({ sensorType: octets[0] ?? 0, readingType: octets[1] ?? 0, data: octets.subarray(2, 5) });
  }
  return payload === undefined ? 'refused' : 'taken';
}

function payloadOf(datagram: Uint8Array): Uint8Array | undefined {
  return decodedOrRefused(() => decodeSessionPacket(decodeRmcp('ipmi', datagram)).payload);
}

/** Whole sessions with a controller that lies: the input is the seed of one. */
function openSessions(): OpenTarget {
  return octetsTarget({
    limitMs: 2000,
    seeds: [Uint8Array.of(0, 0, 0, 1)],
    generate: (random) => random.octets(4),
    check: (input) => {
      const [a = 0, b = 0, c = 0, d = 0] = input;
      const { opened } = playHostileSession(((a * 256 + b) * 256 + c) * 256 + d);
      return opened ? 'taken' : 'refused';
    },
  });
}

export const IPMI_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'ipmi-packets',
    reads: 'RMCP, RMCP+ and IPMI packets, the handshake, serial over LAN, sensor records and events',
    open: openPackets,
  },
  {
    name: 'ipmi-session',
    reads:
      'whole RMCP+ sessions, consoles among them, with controllers whose answers are spoiled inside and outside of their encryption',
    open: openSessions,
  },
];
