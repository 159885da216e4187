import { describe, expect, it } from 'vitest';
import { formatIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { boundLease, standingOffer } from '../../../src/dhcp/lease-table-view.ts';
import type { Outcome } from '../../../src/dhcp/outcome.ts';
import { fieldText } from '../../../src/wire/dhcp/dhcp-message.ts';
import {
  addressOption,
  alone,
  bytes,
  FakeClient,
  FakeServer,
  ip,
  LINK,
  lookup,
  node,
  port,
  range,
  reservation,
  scope,
  seedSettings,
  subnet,
  withGlobals,
} from './fake-view.ts';

const FREE = ip('192.168.0.250');
const ELSEWHERE = ip('10.1.2.3');
const OUTSIDE = ip('192.168.0.5');
const OTHER_SERVER = ip('192.168.0.77');

/** `ack 192.168.0.128`, `nak`, or the reason for silence. */
function said(outcome: Outcome): string {
  if (outcome.kind === 'silent') return outcome.reason;
  const { replyType } = outcome.facts;
  return replyType === 'ack' ? `ack ${formatIpv4(outcome.message.yiaddr)}` : (replyType ?? '');
}

const modest = (): FakeServer => new FakeServer({ settings: withGlobals({ authoritative: false }) });

describe('SELECTING', () => {
  it('binds what was offered, durably and for the time of the offer', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const offer = server.reply(client.discover());
    const { message, changes } = server.reply(client.select(offer.message.yiaddr));
    expect(message.yiaddr).toBe(offer.message.yiaddr);
    expect(message.options.get(51)).toEqual(offer.message.options.get(51));
    expect(changes).toMatchObject([
      { lease: { state: 'bound', mac: client.mac, startsAt: server.now, expiresAt: server.now + 600_000 } },
    ]);
  });

  it('is answered alike when it comes again', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    expect(said(server.handle(client.select(address)))).toBe(`ack ${formatIpv4(address)}`);
  });

  it('of another server is left to it, and our offer is free again', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const { yiaddr } = server.reply(client.discover()).message;
    expect(said(server.handle(client.select(yiaddr, OTHER_SERVER)))).toBe('other-server');
    expect(standingOffer(server.leases.at(yiaddr), server.now)).toBeUndefined();
  });

  it('of another server does not end a lease that the client has here', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    server.handle(client.select(FREE, OTHER_SERVER));
    expect(boundLease(server.leases.at(address), server.now)).toBeDefined();
  });

  it.each([
    ['of another network', ELSEWHERE, /not on this network/],
    ['outside the ranges', OUTSIDE, /not available/],
    ['the server’s own', LINK.serverAddress, /not available/],
  ])('an address that is %s is refused, with authority or without', (_name, address, words) => {
    for (const server of [new FakeServer(), modest()]) {
      const client = new FakeClient();
      server.handle(client.discover());
      const reply = server.reply(client.select(address));
      expect(reply.facts).toMatchObject({ replyType: 'nak', address });
      expect(reply.facts.objection).toMatch(words);
    }
  });

  it.each(['bound', 'offered'])('an address that is %s to another machine is refused', (state) => {
    const server = new FakeServer();
    const other = new FakeClient();
    const { yiaddr } = server.reply(other.discover()).message;
    if (state === 'bound') server.handle(other.select(yiaddr));
    const client = new FakeClient();
    server.handle(client.discover());
    expect(said(server.handle(client.select(yiaddr)))).toBe('nak');
    expect(said(server.handle(other.select(yiaddr)))).toBe(`ack ${formatIpv4(yiaddr)}`);
  });

  it('a free address is given though nobody remembers the offer: the server may have been restarted', () => {
    expect(said(modest().handle(new FakeClient().select(FREE)))).toBe(`ack ${formatIpv4(FREE)}`);
  });

  it('knows every address of its own', () => {
    const link = { addresses: [...LINK.addresses, ip('192.168.0.2')] };
    const server = new FakeServer();
    expect(said(server.handle(new FakeClient().select(FREE, ip('192.168.0.2')), link))).toMatch(/^ack/);
    const renamed = new FakeServer({ settings: withGlobals({ serverIdentifier: ip('192.168.0.3') }) });
    expect(said(renamed.handle(new FakeClient().select(FREE, ip('192.168.0.3'))))).toMatch(/^ack/);
  });

  it('of an offer that a reservation overtook is honoured: what was offered is never refused', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const { yiaddr } = server.reply(client.discover()).message;
    server.nodes = lookup(node({ ports: [port(client.mac, { fixedAddress: ip('192.168.0.30') })] }));
    expect(said(server.handle(client.select(yiaddr)))).toBe(`ack ${formatIpv4(yiaddr)}`);
    expect(said(server.handle(client.renew(yiaddr)))).toBe('nak');
    expect(formatIpv4(server.reply(client.discover()).message.yiaddr)).toBe('192.168.0.30');
  });

  it('of the reserved address is given, of any other refused', () => {
    const client = new FakeClient();
    const reservations = [reservation({ mac: client.mac, fixedAddresses: [ip('192.168.0.20')] })];
    const server = new FakeServer({ settings: seedSettings({ reservations }) });
    expect(said(server.handle(client.select(FREE)))).toBe('nak');
    expect(said(server.handle(client.select(ip('192.168.0.20'))))).toBe('ack 192.168.0.20');
    expect(said(server.handle(new FakeClient().select(ip('192.168.0.20'))))).toBe('nak');
  });
});

describe('INIT-REBOOT and RENEWING', () => {
  interface Case {
    readonly name: string;
    /** What the client did before; returns the address that it asks for. */
    readonly before: (server: FakeServer, client: FakeClient) => Ipv4;
    readonly authoritative: string | RegExp;
    readonly modest: string | RegExp;
  }
  const cases: readonly Case[] = [
    {
      name: 'its lease',
      before: (server, client) => client.bind(server),
      authoritative: 'ack',
      modest: 'ack',
    },
    {
      name: 'its last lease, still free',
      before: (server, client) => {
        const address = client.bind(server);
        server.passSeconds(601);
        return address;
      },
      authoritative: 'ack',
      modest: 'ack',
    },
    {
      name: 'an address on offer to it',
      before: (server, client) => server.reply(client.discover()).message.yiaddr,
      authoritative: 'ack',
      modest: 'ack',
    },
    {
      name: 'another address than its own',
      before: (server, client) => {
        client.bind(server);
        return FREE;
      },
      authoritative: 'nak',
      modest: 'nak',
    },
    {
      name: 'the address of another machine',
      before: (server) => new FakeClient().bind(server),
      authoritative: 'nak',
      modest: 'not-authoritative',
    },
    {
      name: 'an address on offer to another machine',
      before: (server) => server.reply(new FakeClient().discover()).message.yiaddr,
      authoritative: 'nak',
      modest: 'not-authoritative',
    },
    {
      name: 'a free address, unknown here',
      before: () => FREE,
      authoritative: 'ack',
      modest: 'unknown-lease',
    },
    {
      name: 'an address outside the ranges',
      before: () => OUTSIDE,
      authoritative: 'nak',
      modest: 'not-authoritative',
    },
    {
      name: 'an address of another network',
      before: () => ELSEWHERE,
      authoritative: 'nak',
      modest: 'not-authoritative',
    },
    {
      name: 'an address that somebody was found on',
      before: (server) => {
        const other = new FakeClient();
        const address = other.bind(server);
        server.handle(other.decline(address));
        return address;
      },
      authoritative: 'nak',
      modest: 'not-authoritative',
    },
  ];

  it.each(
    cases.flatMap((each) => [
      { ...each, how: 'reboot' as const },
      { ...each, how: 'renew' as const },
    ]),
  )('$how: $name', ({ before, how, ...expected }) => {
    for (const [server, outcome] of [
      [new FakeServer(), expected.authoritative],
      [modest(), expected.modest],
    ] as const) {
      const client = new FakeClient();
      const address = before(server, client);
      const wanted = outcome === 'ack' ? `ack ${formatIpv4(address)}` : outcome;
      expect(said(server.handle(client[how](address)))).toBe(wanted);
    }
  });

  it('a renewal restarts the lease', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    server.passSeconds(300);
    server.handle(client.renew(address));
    server.passSeconds(599);
    expect(boundLease(server.leases.at(address), server.now)?.mac).toBe(client.mac);
  });

  it('a system takes over the lease of its ROM when it renews', () => {
    const server = new FakeServer();
    const rom = new FakeClient();
    const address = rom.bind(server);
    const system = new FakeClient({ mac: rom.mac, clientId: bytes('ff0005060708') });
    expect(said(server.handle(system.renew(address)))).toBe(`ack ${formatIpv4(address)}`);
    expect(server.leases.at(address)?.lease?.client).toBe('id:ff0005060708');
  });

  it('a renewal through routers is recognised by its address', () => {
    const remote = subnet('10.7.0.0/24', [range('10.7.0.10-10.7.0.90')]);
    const [local] = seedSettings().sharedNetworks;
    const settings = seedSettings({ sharedNetworks: [local!, ...alone(remote)] });
    const server = new FakeServer({ settings });
    const client = new FakeClient();
    const relayed = { giaddr: ip('10.7.0.1') };
    const address = client.bind(server, [], relayed);
    expect(formatIpv4(address)).toBe('10.7.0.10');
    expect(said(server.handle(client.renew(address)))).toBe('ack 10.7.0.10');
  });

  it('keeps what the relay said at the beginning', () => {
    const server = new FakeServer();
    const relayInformation = bytes('010465746837');
    const client = new FakeClient();
    const relayed = { giaddr: ip('192.168.0.2') };
    const offer = server.reply(client.discover([[82, relayInformation]], relayed));
    const select = client.message(
      3,
      [
        addressOption(54, LINK.serverAddress),
        addressOption(50, offer.message.yiaddr),
        [82, relayInformation],
      ],
      relayed,
    );
    server.reply(select);
    server.reply(client.renew(offer.message.yiaddr));
    expect(server.leases.at(offer.message.yiaddr)?.lease?.relayAgentInfo).toEqual(relayInformation);
  });
});

describe('a class of machines behind one switch port', () => {
  const circuit = (name: string) => [82, bytes(`0104${Buffer.from(name).toString('hex')}`)] as const;
  const relayed = { giaddr: ip('192.168.0.2') };
  const server = (): FakeServer =>
    new FakeServer({
      settings: seedSettings({
        classes: [
          {
            name: 'eth7',
            match: {
              kind: 'equals',
              left: { kind: 'sub-option', carrier: 82, code: 1 },
              right: { kind: 'octets', value: bytes('65746837') },
            },
            parameters: scope({ filename: 'eth7.0' }),
          },
        ],
        sharedNetworks: alone(
          subnet('192.168.0.0/24', [
            range('192.168.0.128-192.168.0.199', { allow: [{ kind: 'class', name: 'eth7' }] }),
          ]),
        ),
      }),
    });
  const bind = (of: FakeServer, client: FakeClient): Ipv4 => {
    const { yiaddr } = of.reply(client.discover([circuit('eth7')], relayed)).message;
    const wish = [addressOption(54, LINK.serverAddress), addressOption(50, yiaddr)];
    return of.reply(client.message(3, [...wish, circuit('eth7')], relayed)).message.yiaddr;
  };

  it('is the same when a machine renews without its relay (dhcpd’s stash-agent-options)', () => {
    const [switched, client] = [server(), new FakeClient()];
    const address = bind(switched, client);
    const { message, facts } = switched.reply(client.renew(address));
    expect([said(switched.decide(client.renew(address))), fieldText(message.file)]).toEqual([
      `ack ${formatIpv4(address)}`,
      'eth7.0',
    ]);
    expect(facts.classes).toEqual(['eth7']);
    expect(message.options.has(82)).toBe(false);
  });

  it('is not that of another machine, nor of one that the relay puts elsewhere', () => {
    const [switched, client] = [server(), new FakeClient()];
    const address = bind(switched, client);
    const stranger = switched.reply(new FakeClient().renew(address));
    expect([stranger.facts.replyType, stranger.facts.classes]).toEqual(['nak', []]);
    const moved = client.message(3, [circuit('eth9')], { ...relayed, ciaddr: address });
    expect(switched.reply(moved).facts).toMatchObject({ replyType: 'nak', classes: [] });
  });
});

describe('RELEASE', () => {
  it('frees the address, remembers whose it was, and is not answered', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    server.passSeconds(100);
    const outcome = server.silence(client.release(address));
    expect(outcome).toMatchObject({ reason: 'released', facts: { address, mac: client.mac } });
    expect(server.leases.at(address)?.lease).toMatchObject({
      state: 'released',
      mac: client.mac,
      expiresAt: server.now,
      lastSeenAt: server.now,
    });
  });

  it.each([
    ['of somebody else’s address', new FakeClient(), 'not-the-holder'],
    ['by another identifier behind the same card', undefined, 'not-the-holder'],
  ])('%s changes nothing', (_name, thief, reason) => {
    const server = new FakeServer();
    const client = new FakeClient({ clientId: bytes('0001') });
    const address = client.bind(server);
    const other = thief ?? new FakeClient({ mac: client.mac, clientId: bytes('0002') });
    expect(server.silence(other.release(address))).toMatchObject({ reason, changes: [] });
    expect(boundLease(server.leases.at(address), server.now)).toBeDefined();
  });

  it('to another server changes nothing', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    expect(server.silence(client.release(address, OTHER_SERVER))).toMatchObject({
      reason: 'other-server',
      changes: [],
    });
  });

  it('of an address that is not leased changes nothing', () => {
    expect(new FakeServer().silence(new FakeClient().release(FREE))).toMatchObject({
      reason: 'not-the-holder',
      changes: [],
    });
  });
});

describe('DECLINE', () => {
  it.each(['bound', 'offered'])('of an address that is %s to the client puts it aside for a day', (state) => {
    const server = new FakeServer();
    const client = new FakeClient();
    const { yiaddr } = server.reply(client.discover()).message;
    if (state === 'bound') server.handle(client.select(yiaddr));
    expect(server.silence(client.decline(yiaddr))).toMatchObject({
      reason: 'declined',
      facts: { address: yiaddr },
    });
    expect(server.leases.at(yiaddr)?.lease).toMatchObject({
      state: 'declined',
      client: undefined,
      expiresAt: server.now + 86_400_000,
    });
    const next = server.reply(client.discover([addressOption(50, yiaddr)])).message.yiaddr;
    expect(next).not.toBe(yiaddr);
    expect(server.reply(new FakeClient().discover([addressOption(50, yiaddr)])).message.yiaddr).not.toBe(
      yiaddr,
    );
  });

  it('of somebody else’s address changes nothing: it would be a way to empty a range', () => {
    const server = new FakeServer();
    const address = new FakeClient().bind(server);
    expect(server.silence(new FakeClient().decline(address))).toMatchObject({
      reason: 'not-the-holder',
      changes: [],
    });
    expect(server.silence(new FakeClient().decline(FREE))).toMatchObject({
      reason: 'not-the-holder',
      changes: [],
    });
  });

  it('to another server changes nothing', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    expect(server.silence(client.decline(address, OTHER_SERVER))).toMatchObject({
      reason: 'other-server',
      changes: [],
    });
  });

  it('of a reserved address is noted, and the address stays that of its machine', () => {
    const client = new FakeClient();
    const reservations = [reservation({ mac: client.mac, fixedAddresses: [ip('192.168.0.20')] })];
    const server = new FakeServer({ settings: seedSettings({ reservations }) });
    client.bind(server);
    expect(server.silence(client.decline(ip('192.168.0.20')))).toMatchObject({
      reason: 'declined',
      changes: [],
    });
    expect(formatIpv4(server.reply(client.discover()).message.yiaddr)).toBe('192.168.0.20');
  });
});

describe('INFORM', () => {
  it('gets parameters and no lease, and leaves no trace', () => {
    const server = new FakeServer();
    const { message, changes, facts } = server.reply(new FakeClient().inform(ip('192.168.0.9')));
    expect(message).toMatchObject({ yiaddr: 0, ciaddr: ip('192.168.0.9') });
    expect([...message.options.keys()]).toEqual([53, 54, 1, 28, 128, 129]);
    expect(changes).toEqual([]);
    expect(facts).toMatchObject({ replyType: 'ack', address: ip('192.168.0.9'), leaseSeconds: undefined });
  });

  it('without an address is answered on the wire', () => {
    const { route } = new FakeServer().reply(new FakeClient().message(8));
    expect(route.kind).toBe('broadcast');
  });
});
