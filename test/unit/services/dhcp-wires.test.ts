import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ipv4FromNumber, parseIpv4, UNSPECIFIED_IPV4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import type { InterfaceChange, watchInterfaces } from '../../../src/io/interface-watch.ts';
import { IoError } from '../../../src/io/io-error.ts';
import type { NetworkInterface } from '../../../src/io/network-interfaces.ts';
import type { UdpPeer } from '../../../src/io/udp-port.ts';
import type { DhcpWireOptions, OpenDhcpWire } from '../../../src/services/dhcp-wire.ts';
import { DhcpWires } from '../../../src/services/dhcp-wires.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { seedSettings } from '../dhcp/fake-view.ts';

const PEER: UdpPeer = { address: UNSPECIFIED_IPV4, port: 68 };

function facts(name: string, index: number, ...addresses: string[]): NetworkInterface {
  const subnet = { network: ipv4FromNumber(0xc0a8_0000), prefixLength: 24 };
  return {
    name,
    index,
    mac: undefined,
    addresses: addresses.map((text) => ({ address: parseIpv4(text) ?? UNSPECIFIED_IPV4, subnet })),
    mtu: 1500,
    link: 'up',
    loopback: false,
    ethernet: true,
  };
}

/** Interfaces of a host that the test arranges. */
class FakeHost {
  readonly #present = new Map<string, NetworkInterface>();
  #tell: (change: InterfaceChange) => void = () => undefined;

  readonly watch: typeof watchInterfaces = (_names, listener) => {
    this.#tell = listener;
    return { current: (name) => this.#present.get(name), stop: () => (this.#tell = () => undefined) };
  };

  put(after: NetworkInterface): void {
    this.#present.set(after.name, after);
    this.#tell({ kind: 'appeared', after });
  }

  remove(before: NetworkInterface): void {
    this.#present.delete(before.name);
    this.#tell({ kind: 'gone', before });
  }
}

/** A wire that remembers what became of it. */
class FakeOpenWire implements OpenDhcpWire {
  readonly kind: DhcpWireOptions['portKind'];
  readonly index: number;
  readonly adapted: (readonly Ipv4[])[] = [];
  closed = false;
  link: OpenDhcpWire['link'];
  hear: (bytes: Uint8Array, peer: UdpPeer) => void = () => undefined;
  readonly frames = undefined;
  readonly conflicts = undefined;
  readonly limitations = [];
  readonly strangerOn = () => undefined;
  readonly port = {
    send: () => Promise.resolve(),
    onDatagram: (listener: (bytes: Uint8Array, peer: UdpPeer) => void) => (this.hear = listener),
    onError: () => undefined,
    close: () => Promise.resolve(),
  };

  constructor({ networkInterface, portKind }: DhcpWireOptions) {
    this.kind = portKind;
    this.index = networkInterface.index;
    this.link = {
      name: networkInterface.name,
      serverAddress: networkInterface.addresses[0]?.address ?? UNSPECIFIED_IPV4,
      addresses: networkInterface.addresses.map(({ address }) => address),
      mtu: networkInterface.mtu,
      isLoopback: false,
      port: portKind,
    };
  }

  adapt({ addresses }: NetworkInterface): void {
    this.adapted.push(addresses.map(({ address }) => address));
  }

  stopHearing(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

const open: DhcpWires[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(open.splice(0).map((wires) => wires.close()));
});

function setUp(interfaces: readonly string[], settings = seedSettings()) {
  const host = new FakeHost();
  const opened: FakeOpenWire[] = [];
  const received: string[] = [];
  const log: { event: string; level: number; interface: string }[] = [];
  const metrics = createMetrics();
  const refusals: IoError[] = [];
  const forgotten: string[] = [];
  const wires = new DhcpWires({
    settings,
    interfaces,
    inherited: [],
    keeper: { keep: () => undefined, forget: (name) => forgotten.push(name) },
    logger: pino({}, { write: (line: string) => log.push(JSON.parse(line) as (typeof log)[number]) }),
    metrics,
    watch: host.watch,
    openWire: (options) => {
      const refusal = refusals.pop();
      if (refusal !== undefined) return Promise.reject(refusal);
      const wire = new FakeOpenWire(options);
      opened.push(wire);
      return Promise.resolve(wire);
    },
  });
  open.push(wires);
  const start = (): Promise<void> => wires.open(({ link }) => received.push(link.name));
  const events = (): string[] => log.map(({ event, interface: name }) => `${event} ${name}`);
  return { host, wires, opened, received, events, metrics, refusals, forgotten, start };
}

describe('wires of interfaces', () => {
  it('are no longer kept for the next process when their interface is gone, and stay kept when the service stops', async () => {
    const { host, wires, forgotten, start } = setUp(['br-prov']);
    const before = facts('br-prov', 3, '192.168.0.1');
    host.put(before);
    await start();
    host.remove(before);
    await vi.waitFor(() => expect(forgotten).toEqual(['dhcp-br-prov']));
    host.put(facts('br-prov', 4, '192.168.0.1'));
    await vi.waitFor(() => expect(wires.problems).toEqual([]));
    await wires.stopHearing();
    await wires.close();
    expect(forgotten).toEqual(['dhcp-br-prov']);
  });

  it('are opened at once where the interface is there, and later where it comes later', async () => {
    const { host, wires, opened, received, events, start } = setUp(['br-prov', 'bond0.7']);
    host.put(facts('br-prov', 3, '192.168.0.1'));
    await start();
    expect(opened.map(({ link }) => link.name)).toEqual(['br-prov']);
    expect(wires.problems).toEqual([
      expect.stringMatching(/^there is no interface bond0\.7 yet; this host has .*lo/) as string,
    ]);

    host.put(facts('bond0.7', 9));
    await vi.waitFor(() => expect(wires.problems).toEqual(['interface bond0.7 has no IPv4 address yet']));
    host.put(facts('bond0.7', 9, '192.168.0.2'));
    await vi.waitFor(() => expect(opened).toHaveLength(2));
    expect(wires.problems).toEqual([]);
    opened[1]?.hear(new Uint8Array(1), PEER);
    expect(received).toEqual(['bond0.7']);
    expect(events()).toEqual([
      'dhcp.socket.opened br-prov',
      'dhcp.socket.awaited bond0.7',
      'dhcp.socket.awaited bond0.7',
      'dhcp.socket.opened bond0.7',
    ]);
  });

  it('are opened anew when the interface was made anew, whether or not it was missing in between', async () => {
    const { host, wires, opened, events, start } = setUp(['br-prov']);
    const first = facts('br-prov', 3, '192.168.0.1');
    host.put(first);
    await start();
    host.put(facts('br-prov', 4, '192.168.0.1'));
    await vi.waitFor(() => expect(opened.map(({ closed }) => closed)).toEqual([true, false]));
    host.remove(facts('br-prov', 4));
    await vi.waitFor(() => expect(wires.problems).toHaveLength(1));
    expect(opened.map(({ closed }) => closed)).toEqual([true, true]);
    host.put(facts('br-prov', 5, '192.168.0.1'));
    await vi.waitFor(() => expect(opened.map(({ index }) => index)).toEqual([3, 4, 5]));
    expect(wires.problems).toEqual([]);
    expect(events().filter((event) => event.startsWith('dhcp.socket.closed'))).toHaveLength(2);
  });

  it('keep their sockets when addresses change, and are deaf while there is none', async () => {
    const { host, wires, opened, received, metrics, start } = setUp(['br-prov']);
    host.put(facts('br-prov', 3, '192.168.0.1'));
    await start();
    const [wire] = opened;
    host.put({ ...facts('br-prov', 3, '192.168.0.1'), link: 'down' });
    host.put(facts('br-prov', 3, '192.168.0.1', '192.168.0.5'));
    await vi.waitFor(() =>
      expect(wire?.adapted).toEqual([[parseIpv4('192.168.0.1'), parseIpv4('192.168.0.5')]]),
    );

    host.put(facts('br-prov', 3));
    await vi.waitFor(() => expect(wires.problems).toEqual(['interface br-prov has no IPv4 address yet']));
    wire?.hear(new Uint8Array(1), PEER);
    expect(received).toEqual([]);
    const { values } = await metrics.dhcpPacketsDropped.get();
    expect(values).toMatchObject([{ value: 1, labels: { reason: 'no-server-address' } }]);

    host.put(facts('br-prov', 3, '192.168.0.1', '192.168.0.5'));
    await vi.waitFor(() => expect(wires.problems).toEqual([]));
    wire?.hear(new Uint8Array(1), PEER);
    expect([received, opened.length, wire?.closed]).toEqual([['br-prov'], 1, false]);
  });

  it('keep their sockets while their interface is down, and say so until it is up', async () => {
    const { host, wires, opened, received, events, start } = setUp(['br-prov']);
    const up = facts('br-prov', 3, '192.168.0.1');
    const down = { ...up, link: 'down' } as const;
    host.put(down);
    await start();
    expect(wires.problems).toEqual(['interface br-prov is down']);
    host.put(up);
    await vi.waitFor(() => expect(wires.problems).toEqual([]));
    host.put(down);
    await vi.waitFor(() => expect(wires.problems).toEqual(['interface br-prov is down']));
    const [wire] = opened;
    wire?.hear(new Uint8Array(1), PEER);
    host.put(up);
    await vi.waitFor(() => expect(wires.problems).toEqual([]));
    expect([received, opened.length, wire?.closed]).toEqual([['br-prov'], 1, false]);
    expect(events().map((event) => event.split(' ')[0])).toEqual([
      ...['dhcp.socket.opened', 'dhcp.socket.awaited'],
      ...['dhcp.socket.opened', 'dhcp.socket.awaited', 'dhcp.socket.opened'],
    ]);
  });

  it('are all closed again when one cannot be had at the start', async () => {
    const { host, opened, refusals, start } = setUp(['br-prov'], { ...seedSettings(), mode: 'proxy' });
    host.put(facts('br-prov', 3, '192.168.0.1'));
    refusals.push(new IoError('address-in-use', 'held by dhcpd, pid 7'));
    await expect(start()).rejects.toThrow('held by dhcpd, pid 7');
    expect(opened).toEqual([]);
  });

  it('are tried again when one cannot be had later, and told of once', async () => {
    vi.useFakeTimers();
    const { host, wires, opened, refusals, events, start } = setUp(['br-prov']);
    await start();
    const refusal = new IoError('address-in-use', 'held by dhcpd, pid 7');
    refusals.push(refusal, refusal);
    host.put(facts('br-prov', 3, '192.168.0.1'));
    await vi.advanceTimersByTimeAsync(1);
    expect(wires.problems).toEqual(['held by dhcpd, pid 7']);
    expect(events().at(-1)).toBe('dhcp.socket.closed br-prov');
    await vi.advanceTimersByTimeAsync(2000);
    expect(wires.problems).toEqual(['held by dhcpd, pid 7']);
    await vi.advanceTimersByTimeAsync(2000);
    expect(events().filter((event) => event.startsWith('dhcp.socket.closed'))).toHaveLength(1);
    expect([opened.length, wires.problems]).toEqual([1, []]);
  });

  it('are two for a proxy: the server’s port and the boot server’s', async () => {
    const { host, opened, start } = setUp(['br-prov'], { ...seedSettings(), mode: 'proxy' });
    host.put(facts('br-prov', 3, '192.168.0.1'));
    await start();
    expect(opened.map(({ kind }) => kind)).toEqual(['dhcp', 'boot-server']);
  });

  it('are two where there is a PXE menu, whose items ROMs ask the boot server for', async () => {
    const settings = seedSettings({ spaceCarriers: new Map([['pxe', 43]]) });
    const { host, opened, start } = setUp(['br-prov'], settings);
    host.put(facts('br-prov', 3, '192.168.0.1'));
    await start();
    expect(opened.map(({ kind }) => kind)).toEqual(['dhcp', 'boot-server']);
  });
});
