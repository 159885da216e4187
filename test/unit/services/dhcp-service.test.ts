import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BROADCAST_IPV4, formatIpv4, parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { parseSubnet } from '../../../src/addr/subnet.ts';
import type { NodeLookup } from '../../../src/boot/node.ts';
import { DHCP_DEFAULTS, type DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { LeaseTable } from '../../../src/dhcp/lease-table.ts';
import type { LeaseChange } from '../../../src/dhcp/lease.ts';
import { createSettableClock } from '../../../src/io/clock.ts';
import type { ConflictFinding } from '../../../src/io/conflict-probe.ts';
import type { LinkDatagram } from '../../../src/io/link-frame.ts';
import type { UdpPeer } from '../../../src/io/udp-port.ts';
import { DhcpService } from '../../../src/services/dhcp-service.ts';
import type { DhcpWire } from '../../../src/services/dhcp-wire.ts';
import type { LeaseStore } from '../../../src/store/lease-store.ts';
import { StoreError } from '../../../src/store/store.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import {
  BROADCAST_FLAG,
  decodeDhcpMessage,
  EMPTY_MESSAGE,
  encodeDhcpMessage,
  type DhcpMessage,
} from '../../../src/wire/dhcp/dhcp-message.ts';
import { OPTION } from '../../../src/wire/dhcp/option-codes.ts';

const address = (text: string): Ipv4 => {
  const parsed = parseIpv4(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

const NOTHING = { options: new Map(), encapsulated: new Map() };
const SERVER = address('192.168.0.1');

function settings(overrides: Partial<DhcpSettings> = {}): DhcpSettings {
  const subnet = parseSubnet('192.168.0.0/24');
  if (subnet === undefined) throw new Error('subnet');
  const range = { first: address('192.168.0.128'), last: address('192.168.0.254') };
  return {
    mode: 'server',
    answer: 'all',
    serverPort: 67,
    clientPort: 68,
    parameters: { ...NOTHING, authoritative: true, nextServer: SERVER, filename: '/pxelinux.0' },
    sharedNetworks: [
      {
        name: undefined,
        parameters: NOTHING,
        subnets: [
          {
            subnet,
            parameters: NOTHING,
            ranges: [{ range, dynamicBootp: true, allow: [], deny: [], parameters: NOTHING }],
          },
        ],
      },
    ],
    classes: [],
    reservations: [],
    spaceCarriers: new Map(),
    offerHoldSeconds: DHCP_DEFAULTS.offerHoldSeconds,
    declineHoldSeconds: DHCP_DEFAULTS.declineHoldSeconds,
    ...overrides,
  };
}

interface Sent {
  readonly message: DhcpMessage;
  readonly to: string;
}

/** A wire whose far end is the test. */
class FakeWire implements DhcpWire {
  readonly sent: Sent[] = [];
  readonly checked: string[] = [];
  findings: ((address: Ipv4) => Promise<ConflictFinding>) | undefined;
  #listener: (bytes: Uint8Array, peer: UdpPeer) => void = () => undefined;

  readonly limitations = [];
  readonly strangerOn = () => undefined;
  readonly link = {
    name: 'prov0',
    serverAddress: SERVER,
    addresses: [SERVER],
    mtu: 1500,
    isLoopback: false,
    port: 'dhcp',
  } as const;
  readonly port = {
    send: (bytes: Uint8Array, to: Ipv4, port: number) => {
      this.sent.push({ message: decodeDhcpMessage(bytes), to: `${formatIpv4(to)}:${port}` });
      return Promise.resolve();
    },
    onDatagram: (listener: (bytes: Uint8Array, peer: UdpPeer) => void) => {
      this.#listener = listener;
    },
    onError: () => undefined,
    close: () => Promise.resolve(),
  };
  readonly frames = {
    send: (datagram: LinkDatagram) => {
      this.sent.push({
        message: decodeDhcpMessage(datagram.payload),
        to: `${formatIpv4(datagram.destinationAddress)}:${datagram.destinationPort}@${datagram.destinationMac}`,
      });
    },
    close: () => undefined,
  };
  readonly conflicts = {
    check: (candidate: Ipv4) => {
      this.checked.push(formatIpv4(candidate));
      return this.findings?.(candidate) ?? Promise.resolve<ConflictFinding>('free');
    },
    close: () => undefined,
  };

  receive(bytes: Uint8Array): void {
    this.#listener(bytes, { address: address('0.0.0.0'), port: 68 });
  }
}

/** A store that keeps when it is told to. */
class FakeStore implements LeaseStore {
  readonly kept: LeaseChange[] = [];
  outcome: () => Promise<void> = () => Promise.resolve();

  load() {
    return Promise.resolve({ leases: [], report: [] });
  }

  async commit(changes: readonly LeaseChange[]) {
    await this.outcome();
    this.kept.push(...changes);
  }
}

const NO_NODES: NodeLookup = {
  portByMac: () => undefined,
  portByFixedAddress: () => undefined,
  nodeByUuid: () => undefined,
};

const running: DhcpService[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
});

async function start(given: Partial<DhcpSettings> = {}) {
  const wire = new FakeWire();
  const store = new FakeStore();
  const metrics = createMetrics();
  const leases = new LeaseTable([{ first: address('192.168.0.128'), last: address('192.168.0.254') }]);
  const service = new DhcpService({
    settings: settings(given),
    wires: {
      open: (receive) => {
        wire.port.onDatagram((bytes, peer) => receive(wire, bytes, peer.port));
        return Promise.resolve();
      },
      stopHearing: () => Promise.resolve(),
      close: () => Promise.resolve(),
      problems: [],
    },
    leases,
    store,
    nodes: NO_NODES,
    clock: createSettableClock(1_700_000_000_000),
    logger: pino({ level: 'silent' }),
    metrics,
  });
  running.push(service);
  await service.start();
  return { wire, store, metrics, leases };
}

function request(
  type: number,
  more: Partial<DhcpMessage> = {},
  options: [number, Uint8Array][] = [],
): Uint8Array {
  const chaddr = new Uint8Array(16);
  chaddr.set([0x0c, 0xc4, 0x7a, 0x0e, 0x2b, 0x6b]);
  return encodeDhcpMessage({
    ...EMPTY_MESSAGE,
    xid: 0x1234,
    flags: BROADCAST_FLAG,
    chaddr,
    options: new Map([[OPTION.messageType, Uint8Array.of(type)], ...options]),
    ...more,
  });
}

const octets = (value: Ipv4): Uint8Array =>
  Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);

const selecting = (offered: Ipv4): Uint8Array =>
  request(3, {}, [
    [OPTION.serverIdentifier, octets(SERVER)],
    [OPTION.requestedAddress, octets(offered)],
  ]);

const typeOf = ({ message }: Sent): number | undefined => message.options.get(OPTION.messageType)?.[0];

async function countOf(metrics: ReturnType<typeof createMetrics>, reason: string): Promise<number> {
  const { values } = await metrics.dhcpPacketsDropped.get();
  return values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
}

describe('DhcpService', () => {
  it('answers a DISCOVER with an offer, and a REQUEST with an ACK that is kept first', async () => {
    const { wire, store } = await start();
    wire.receive(request(1));
    await vi.waitFor(() => expect(wire.sent).toHaveLength(1));
    const offer = wire.sent[0]!;
    expect([typeOf(offer), offer.to]).toEqual([2, `${formatIpv4(BROADCAST_IPV4)}:68`]);
    expect(store.kept).toEqual([]);

    let keep: () => void = () => undefined;
    store.outcome = () => new Promise((resolve) => (keep = resolve));
    wire.receive(selecting(offer.message.yiaddr));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(wire.sent).toHaveLength(1);
    keep();
    await vi.waitFor(() => expect(wire.sent).toHaveLength(2));
    expect(typeOf(wire.sent[1]!)).toBe(5);
    expect(store.kept).toMatchObject([
      { kind: 'put', lease: { address: offer.message.yiaddr, state: 'bound' } },
    ]);
  });

  it('says nothing while the store cannot keep a lease, and answers again when it can', async () => {
    const { wire, store, metrics } = await start();
    wire.receive(request(1));
    await vi.waitFor(() => expect(wire.sent).toHaveLength(1));
    const { yiaddr } = wire.sent[0]!.message;
    store.outcome = () => Promise.reject(new StoreError('failing', 'the disk is full'));
    wire.receive(selecting(yiaddr));
    await vi.waitFor(async () => expect(await countOf(metrics, 'not-kept')).toBe(1));
    expect(wire.sent).toHaveLength(1);
    store.outcome = () => Promise.resolve();
    wire.receive(selecting(yiaddr));
    await vi.waitFor(() => expect(wire.sent).toHaveLength(2));
    expect(typeOf(wire.sent[1]!)).toBe(5);
    expect(store.kept).toHaveLength(1);
  });

  it('reaches a machine without an address by a frame to its card', async () => {
    const { wire } = await start();
    wire.receive(request(1, { flags: 0 }));
    await vi.waitFor(() => expect(wire.sent).toHaveLength(1));
    const { message, to } = wire.sent[0]!;
    expect(to).toBe(`${formatIpv4(message.yiaddr)}:68@0c:c4:7a:0e:2b:6b`);
  });

  it('offers another address at once when somebody answers on the first one', async () => {
    const { wire, store, leases } = await start();
    let first: Ipv4 | undefined;
    wire.findings = (candidate) => {
      first ??= candidate;
      return Promise.resolve(candidate === first ? 'in-use' : 'free');
    };
    wire.receive(request(1));
    await vi.waitFor(() => expect(wire.sent).toHaveLength(1));
    expect(wire.checked).toHaveLength(2);
    expect(wire.sent[0]!.message.yiaddr).not.toBe(first);
    expect(leases.at(first!)?.lease?.state).toBe('declined');
    expect(store.kept).toMatchObject([{ kind: 'put', lease: { address: first, state: 'declined' } }]);
  });

  it('lets a machine that repeats its DISCOVER wait for the check that is under way', async () => {
    const { wire, metrics } = await start();
    let finish: (finding: ConflictFinding) => void = () => undefined;
    wire.findings = () => new Promise((resolve) => (finish = resolve));
    wire.receive(request(1));
    wire.receive(request(1));
    await vi.waitFor(async () => expect(await countOf(metrics, 'conflict-check-under-way')).toBe(1));
    expect(wire.sent).toHaveLength(0);
    finish('free');
    await vi.waitFor(() => expect(wire.sent).toHaveLength(1));
  });

  it('counts what is no DHCP packet, and goes on', async () => {
    const { wire, metrics } = await start();
    wire.receive(new Uint8Array(10));
    wire.receive(request(1, { op: 2 }));
    wire.receive(request(1));
    await vi.waitFor(() => expect(wire.sent).toHaveLength(1));
    expect([await countOf(metrics, 'truncated'), await countOf(metrics, 'not-a-request')]).toEqual([1, 1]);
  });
});
