import { formatIpv4 } from '../../../src/addr/ipv4.ts';
import { subnetContains } from '../../../src/addr/subnet.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { describeRequest } from '../../../src/dhcp/dhcp-request.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { LeaseTable } from '../../../src/dhcp/lease-table.ts';
import { respond } from '../../../src/dhcp/responder.ts';
import { allRanges } from '../../../src/dhcp/subnet-selection.ts';
import { decodeDhcpMessage, encodeDhcpMessage } from '../../../src/wire/dhcp/dhcp-message.ts';
import { LINK, lookup, node, NOW, port, seedSettings } from '../../unit/dhcp/fake-view.ts';
import { capturedPayloads, keptOctets, projectText } from '../corpus.ts';
import {
  octetsTarget,
  mustHold,
  type FuzzTarget,
  type FuzzVerdict,
  type OpenTarget,
} from '../fuzz-target.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { concatOctets } from '../mutate-octets.ts';
import { decodedOrRefused, generateMessage } from './dhcp-wire.ts';

const NODES = lookup(
  node({ ports: [port('02:fa:00:00:00:01'), port('02:fa:00:00:00:02', { pxeEnabled: false })] }),
);

/** Datagrams one after another, each with its length in two octets before it; the first octet chooses the configuration. */
function packed(settings: number, datagrams: readonly Uint8Array[]): Uint8Array {
  return concatOctets(
    Uint8Array.of(settings),
    ...datagrams.flatMap((datagram) => [Uint8Array.of(datagram.length >>> 8, datagram.length), datagram]),
  );
}

function* unpacked(input: Uint8Array): Generator<Uint8Array> {
  for (let at = 1; at + 2 <= input.length;) {
    const length = ((input[at] ?? 0) << 8) | (input[at + 1] ?? 0);
    yield input.slice(at + 2, at + 2 + length);
    at += 2 + length;
  }
}

function openServer(): OpenTarget {
  const everything = loadConfig('bootd.yaml', () => projectText('test/data/config/everything.yaml')).settings
    .dhcp;
  const sites = [
    seedSettings(),
    ...(everything === undefined
      ? []
      : [everything, { ...everything, answer: 'all' as const, mode: 'proxy' as const }]),
  ];
  const captured = [
    ...capturedPayloads('golden/dhcp', [67, 4011]),
    ...capturedPayloads('golden/pxe', [67, 4011]),
  ];
  return octetsTarget({
    limitMs: 50,
    seeds: [
      ...captured.map((datagram, index) => packed(index, [datagram, datagram])),
      ...keptOctets('dhcp-server'),
    ],
    generate: (random: FuzzRandom) => {
      const datagrams = Array.from({ length: 1 + random.below(4) }, () =>
        random.chance(0.6) ? generateMessage(random) : random.pick(captured),
      );
      return packed(random.below(3), datagrams);
    },
    check: (input) => checkConversation(input, sites),
  });
}

function checkConversation(input: Uint8Array, sites: readonly DhcpSettings[]): FuzzVerdict {
  const settings = sites[(input[0] ?? 0) % sites.length] ?? seedSettings();
  const leases = new LeaseTable(allRanges(settings));
  const view = { now: NOW, settings, leases, nodes: NODES, isIgnored: () => false };
  let verdict: FuzzVerdict = 'refused';
  for (const datagram of unpacked(input)) {
    const message = decodedOrRefused(() => decodeDhcpMessage(datagram));
    if (message === undefined) continue;
    const outcome = respond(describeRequest(message, LINK), view);
    leases.apply(outcome.changes, view.now);
    view.now += 1000;
    if (outcome.kind === 'silent') continue;
    verdict = 'taken';
    const octets = encodeDhcpMessage(outcome.message, outcome.maximumLength);
    const reply = decodeDhcpMessage(octets);
    mustHold(reply.op === 2 && reply.xid === message.xid, () => 'the reply is to somebody else');
    mustHold(
      octets.length <= 4096 + datagram.length,
      () => `${datagram.length} octets are answered with ${octets.length}`,
    );
    const isKnown =
      reply.yiaddr === 0 ||
      settings.sharedNetworks.some(({ subnets }) =>
        subnets.some(({ subnet }) => subnetContains(subnet, reply.yiaddr)),
      );
    mustHold(isKnown, () => `${formatIpv4(reply.yiaddr)} is in no subnet`);
  }
  return verdict;
}

export const DHCP_SERVER_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'dhcp-server',
    reads: 'conversations of datagrams, each decoded, decided and answered under three configurations',
    open: openServer,
  },
];
