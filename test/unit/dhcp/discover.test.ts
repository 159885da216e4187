import { describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../../src/addr/ipv4.ts';
import { conflictChanges } from '../../../src/dhcp/lease-making.ts';
import { standingOffer } from '../../../src/dhcp/lease-table-view.ts';
import {
  addressOption,
  alone,
  bytes,
  FakeClient,
  FakeServer,
  ip,
  lookup,
  mac,
  node,
  port,
  range,
  reservation,
  scope,
  seedSettings,
  subnet,
  withGlobals,
} from './fake-view.ts';

const small = (text: string): ReturnType<typeof seedSettings> =>
  seedSettings({ sharedNetworks: alone(subnet('192.168.0.0/24', [range(text, { dynamicBootp: true })])) });

const offered = (
  server: FakeServer,
  client: FakeClient,
  more = [] as Parameters<FakeClient['discover']>[0],
): string => formatIpv4(server.reply(client.discover(more)).message.yiaddr);

describe('the address in an offer', () => {
  it('is of the range, and stays the same for the same client', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    expect(offered(server, client)).toBe('192.168.0.128');
    expect(offered(server, client)).toBe('192.168.0.128');
    expect(offered(server, new FakeClient())).toBe('192.168.0.129');
  });

  it('is the lease that the client has, even with another wish', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    expect(offered(server, client, [addressOption(50, ip('192.168.0.200'))])).toBe(formatIpv4(address));
  });

  it('is the last lease while nobody took it', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    server.passSeconds(601);
    expect(offered(server, client)).toBe(formatIpv4(address));
    server.handle(client.select(address));
    server.handle(client.release(address));
    expect(offered(server, client)).toBe(formatIpv4(address));
  });

  it('is the latest of several leases', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const first = client.bind(server);
    server.handle(client.release(first));
    server.passSeconds(1);
    server.handle(client.select(ip('192.168.0.200')));
    server.passSeconds(601);
    expect(offered(server, client)).toBe('192.168.0.200');
  });

  it('is another one when the last lease went to somebody else', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    server.handle(client.release(address));
    expect(offered(server, new FakeClient(), [addressOption(50, address)])).toBe(formatIpv4(address));
    expect(offered(server, client)).not.toBe(formatIpv4(address));
  });

  it.each([
    ['free', '192.168.0.251', '192.168.0.251'],
    ['outside the range', '192.168.0.5', '192.168.0.128'],
    ['of another network', '10.11.12.13', '192.168.0.128'],
    ['the server’s own', '192.168.0.1', '192.168.0.128'],
  ])('with a wish that is %s', (_name, wish, given) => {
    expect(offered(new FakeServer(), new FakeClient(), [addressOption(50, ip(wish))])).toBe(given);
  });

  it('is not one that is bound, or on offer, to somebody else', () => {
    const server = new FakeServer();
    const bound = new FakeClient().bind(server);
    const pending = server.reply(new FakeClient().discover()).message.yiaddr;
    for (const taken of [bound, pending]) {
      expect(offered(server, new FakeClient(), [addressOption(50, taken)])).not.toBe(formatIpv4(taken));
    }
  });

  it('passes over the server, the relay, the ends of the net and what is reserved', () => {
    const server = new FakeServer({
      settings: seedSettings({
        sharedNetworks: alone(subnet('192.168.0.0/29', [range('192.168.0.0-192.168.0.7')])),
        reservations: [reservation({ mac: '52:54:00:00:00:01', fixedAddresses: [ip('192.168.0.3')] })],
      }),
      nodes: lookup(node({ ports: [port('52:54:00:00:00:02', { fixedAddress: ip('192.168.0.4') })] })),
    });
    const relayed = { giaddr: ip('192.168.0.5') };
    expect(formatIpv4(server.reply(new FakeClient().discover([], relayed)).message.yiaddr)).toBe(
      '192.168.0.2',
    );
    expect(formatIpv4(server.reply(new FakeClient().discover([], relayed)).message.yiaddr)).toBe(
      '192.168.0.6',
    );
    expect(server.silence(new FakeClient().discover([], relayed)).reason).toBe('no-free-address');
  });

  it('is none when there is none, and a bound lease is never taken away', () => {
    const server = new FakeServer({ settings: small('192.168.0.128-192.168.0.129') });
    const holder = new FakeClient();
    const address = holder.bind(server);
    new FakeClient().bind(server);
    expect(server.silence(new FakeClient().discover()).reason).toBe('no-free-address');
    expect(offered(server, holder)).toBe(formatIpv4(address));
    server.handle(holder.release(address));
    expect(offered(server, new FakeClient())).toBe(formatIpv4(address));
  });

  it('comes back when an offer was not taken up', () => {
    const server = new FakeServer({ settings: small('192.168.0.128-192.168.0.128') });
    server.reply(new FakeClient().discover());
    expect(server.silence(new FakeClient().discover()).reason).toBe('no-free-address');
    server.passSeconds(10);
    expect(offered(server, new FakeClient())).toBe('192.168.0.128');
  });
});

describe('identity', () => {
  it('is the client identifier, behind whatever card', () => {
    const server = new FakeServer();
    const clientId = bytes('00616263');
    const address = new FakeClient({ clientId }).bind(server);
    expect(offered(server, new FakeClient({ clientId }))).toBe(formatIpv4(address));
  });

  it('is two clients for two identifiers behind one card', () => {
    const server = new FakeServer();
    const first = new FakeClient({ clientId: bytes('0001') });
    first.bind(server);
    const second = new FakeClient({ mac: first.mac, clientId: bytes('0002') });
    expect(offered(server, second)).toBe('192.168.0.129');
  });

  it('is kept from a ROM without identifier to its system with one, and to no other card', () => {
    const server = new FakeServer();
    const rom = new FakeClient();
    const address = formatIpv4(rom.bind(server));
    const clientId = bytes('ff0001020304');
    expect(offered(server, new FakeClient({ clientId }))).not.toBe(address);
    const system = new FakeClient({ mac: rom.mac, clientId: bytes('ff0005060708') });
    expect(formatIpv4(system.bind(server))).toBe(address);
    expect(offered(server, rom)).not.toBe(address);
  });

  it('is two clients for a ROM with one identifier and a system with another', () => {
    const server = new FakeServer();
    const rom = new FakeClient({ mac: '52:54:00:aa:00:08', clientId: bytes('01525400aa0008') });
    const address = formatIpv4(rom.bind(server));
    expect(offered(server, new FakeClient({ mac: rom.mac, clientId: bytes('ff0001') }))).not.toBe(address);
  });

  it('is one client for a card with and without its own address as identifier, in either order', () => {
    const server = new FakeServer();
    const system = new FakeClient({ mac: '52:54:00:aa:00:07', clientId: bytes('01525400aa0007') });
    const address = formatIpv4(system.bind(server));
    const rom = new FakeClient({ mac: system.mac });
    expect(formatIpv4(rom.bind(server))).toBe(address);
    expect(offered(server, system)).toBe(address);
  });

  it('is the card alone with ignore-client-uids', () => {
    const server = new FakeServer({ settings: withGlobals({ ignoreClientUids: true }) });
    const first = new FakeClient({ clientId: bytes('0001') });
    const address = formatIpv4(first.bind(server));
    expect(offered(server, new FakeClient({ mac: first.mac, clientId: bytes('0002') }))).toBe(address);
  });
});

describe('reservations', () => {
  const reserved = (changes: Parameters<typeof reservation>[0]): FakeServer =>
    new FakeServer({ settings: seedSettings({ reservations: [reservation({ name: 'bm1', ...changes })] }) });

  it('give a machine its address and nothing else', () => {
    const server = reserved({ mac: '0c:c4:7a:0e:2b:6b', fixedAddresses: [ip('192.168.0.20')] });
    const client = new FakeClient({ mac: '0c:c4:7a:0e:2b:6b' });
    const reply = server.reply(client.discover([addressOption(50, ip('192.168.0.200'))]));
    expect(formatIpv4(reply.message.yiaddr)).toBe('192.168.0.20');
    expect(reply).toMatchObject({ conflictCheck: undefined, facts: { reservation: 'bm1' } });
  });

  it('cover ROM and system, whatever identifiers they send', () => {
    const server = reserved({ mac: '0c:c4:7a:0e:2b:6b', fixedAddresses: [ip('192.168.0.20')] });
    for (const clientId of [undefined, bytes('ff0001'), bytes('ff0002')]) {
      const client = new FakeClient({ mac: '0c:c4:7a:0e:2b:6b', ...(clientId && { clientId }) });
      expect(formatIpv4(client.bind(server))).toBe('192.168.0.20');
    }
  });

  it('are found by client identifier first, then by hardware', () => {
    const settings = seedSettings({
      reservations: [
        reservation({ mac: '0c:c4:7a:0e:2b:6b', fixedAddresses: [ip('192.168.0.20')] }),
        reservation({ clientId: bytes('006e6f6465'), fixedAddresses: [ip('192.168.0.21')] }),
      ],
    });
    const client = new FakeClient({ mac: '0c:c4:7a:0e:2b:6b', clientId: bytes('006e6f6465') });
    expect(offered(new FakeServer({ settings }), client)).toBe('192.168.0.21');
  });

  it('count with the address of the client’s wire, else the machine gets one of a range', () => {
    const client = new FakeClient({ mac: '0c:c4:7a:0e:2b:6b' });
    const onWire = reserved({ mac: client.mac, fixedAddresses: [ip('10.1.0.20'), ip('192.168.0.20')] });
    expect(offered(onWire, client)).toBe('192.168.0.20');
    const offWire = reserved({ mac: client.mac, fixedAddresses: [ip('10.1.0.20')] });
    expect(offered(offWire, client)).toBe('192.168.0.128');
  });

  it('wait until another machine has left the address', () => {
    const server = new FakeServer();
    const stranger = new FakeClient();
    const address = stranger.bind(server);
    const client = new FakeClient();
    server.settings = seedSettings({
      reservations: [reservation({ mac: client.mac, fixedAddresses: [address] })],
    });
    expect(server.silence(client.discover()).reason).toBe('reservation-in-use');
    expect(server.reply(stranger.renew(address)).facts.replyType).toBe('nak');
    server.handle(stranger.release(address));
    expect(offered(server, client)).toBe(formatIpv4(address));
  });

  it('of a node’s port cover ROM and system as well', () => {
    const server = new FakeServer();
    server.nodes = lookup(node({ ports: [port('0c:c4:7a:0e:2b:6b', { fixedAddress: ip('192.168.0.30') })] }));
    for (const clientId of [bytes('ff0001'), bytes('ff0002')]) {
      const client = new FakeClient({ mac: '0c:c4:7a:0e:2b:6b', clientId });
      expect(formatIpv4(client.bind(server))).toBe('192.168.0.30');
    }
  });

  it('win over a node whose port claims the same address', () => {
    const [holder, claimant] = [new FakeClient(), new FakeClient()];
    const settings = seedSettings({
      reservations: [reservation({ mac: holder.mac, fixedAddresses: [ip('192.168.0.20')] })],
    });
    const nodes = lookup(node({ ports: [port(claimant.mac, { fixedAddress: ip('192.168.0.20') })] }));
    const server = new FakeServer({ settings, nodes });
    // Whoever of the two comes first.
    expect(claimant.bind(server)).toBe(ip('192.168.0.128'));
    expect(holder.bind(server)).toBe(ip('192.168.0.20'));
    server.reply(claimant.discover([addressOption(50, ip('192.168.0.20'))]));
    expect(claimant.bind(server)).toBe(ip('192.168.0.128'));
  });

  it('of a node’s port come first', () => {
    const client = new FakeClient({ mac: '0c:c4:7a:0e:2b:6b' });
    const server = reserved({ mac: client.mac, fixedAddresses: [ip('192.168.0.20')] });
    server.nodes = lookup(node({ ports: [port(client.mac, { fixedAddress: ip('192.168.0.30') })] }));
    expect(offered(server, client)).toBe('192.168.0.30');
  });
});

describe('who is answered', () => {
  it('known machines alone, where it says so', () => {
    const settings = seedSettings({
      answer: 'known-machines',
      reservations: [reservation({ mac: '0c:c4:7a:0e:2b:6b' })],
    });
    const nodes = lookup(node({ ports: [port('0c:c4:7a:0e:2b:68')] }));
    const server = new FakeServer({ settings, nodes });
    expect(server.silence(new FakeClient().discover()).reason).toBe('unknown-machine');
    expect(offered(server, new FakeClient({ mac: '0c:c4:7a:0e:2b:6b' }))).toBe('192.168.0.128');
    expect(offered(server, new FakeClient({ mac: '0c:c4:7a:0e:2b:68' }))).toBe('192.168.0.129');
  });

  it('not a machine that whoever manages it wants ignored', () => {
    const server = new FakeServer();
    server.ignored.add(mac('0c:c4:7a:0e:2b:6b'));
    expect(server.silence(new FakeClient({ mac: '0c:c4:7a:0e:2b:6b' }).discover()).reason).toBe(
      'ignored-machine',
    );
    expect(offered(server, new FakeClient({ mac: '0c:c4:7a:0e:2b:6c' }))).toBe('192.168.0.128');
  });

  it('nobody, or not one machine, with allow-booting off', () => {
    expect(
      new FakeServer({ settings: withGlobals({ allowBooting: false }) }).silence(new FakeClient().discover())
        .reason,
    ).toBe('booting-not-allowed');
    const denied = reservation({ mac: '0c:c4:7a:0e:2b:6b', parameters: scope({ allowBooting: false }) });
    const server = new FakeServer({ settings: seedSettings({ reservations: [denied] }) });
    expect(server.silence(new FakeClient({ mac: '0c:c4:7a:0e:2b:6b' }).discover()).reason).toBe(
      'booting-not-allowed',
    );
    expect(offered(server, new FakeClient())).toBe('192.168.0.128');
  });

  it('with allow-booting off, leases are still given back', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    server.settings = withGlobals({ allowBooting: false });
    expect(server.silence(client.renew(address)).reason).toBe('booting-not-allowed');
    expect(server.silence(client.release(address)).reason).toBe('released');
  });

  it('nobody on a wire that is not configured', () => {
    const server = new FakeServer({ settings: small('192.168.0.128-192.168.0.129') });
    const link = { serverAddress: ip('10.0.0.1'), addresses: [ip('10.0.0.1')] };
    expect(server.silence(new FakeClient().discover(), link).reason).toBe('no-subnet');
  });
});

describe('permits of a range', () => {
  const mac = '0c:c4:7a:0e:2b:6b';
  const pxe = {
    name: 'pxe',
    match: { kind: 'exists', code: 93, carrier: undefined },
    parameters: scope(),
  } as const;

  it.each<[string, Parameters<typeof range>[1], Record<'stranger' | 'known' | 'pxe', boolean>]>([
    ['no list', {}, { stranger: true, known: true, pxe: true }],
    ['allow known', { allow: [{ kind: 'known-machines' }] }, { stranger: false, known: true, pxe: false }],
    ['allow unknown', { allow: [{ kind: 'unknown-machines' }] }, { stranger: true, known: false, pxe: true }],
    ['deny unknown', { deny: [{ kind: 'unknown-machines' }] }, { stranger: false, known: true, pxe: false }],
    [
      'allow a class',
      { allow: [{ kind: 'class', name: 'pxe' }] },
      { stranger: false, known: false, pxe: true },
    ],
    ['deny a class', { deny: [{ kind: 'class', name: 'pxe' }] }, { stranger: true, known: true, pxe: false }],
    [
      'deny wins over allow',
      { allow: [{ kind: 'unknown-machines' }], deny: [{ kind: 'class', name: 'pxe' }] },
      { stranger: true, known: false, pxe: false },
    ],
    ['allow bootp only', { allow: [{ kind: 'bootp' }] }, { stranger: false, known: false, pxe: false }],
  ])('%s', (_name, settings, answered) => {
    const server = new FakeServer({
      settings: seedSettings({
        classes: [pxe],
        reservations: [reservation({ mac })],
        sharedNetworks: alone(subnet('192.168.0.0/24', [range('192.168.0.128-192.168.0.254', settings)])),
      }),
    });
    const machines = {
      stranger: new FakeClient(),
      known: new FakeClient({ mac }),
      pxe: new FakeClient({ extra: [[93, bytes('0007')]] }),
    };
    for (const [name, client] of Object.entries(machines)) {
      expect([name, server.handle(client.discover()).kind === 'reply']).toEqual([
        name,
        answered[name as keyof typeof answered],
      ]);
    }
  });

  it('lead a machine to the range that is open to it, on any subnet of its wire', () => {
    const open = range('192.168.1.100-192.168.1.110', { allow: [{ kind: 'class', name: 'pxe' }] });
    const closed = range('192.168.0.100-192.168.0.110', { deny: [{ kind: 'class', name: 'pxe' }] });
    const subnets = [subnet('192.168.0.0/24', [closed]), subnet('192.168.1.0/24', [open])];
    const settings = seedSettings({
      classes: [pxe],
      sharedNetworks: [{ name: 'prov', subnets, parameters: scope() }],
    });
    const server = new FakeServer({ settings });
    expect(offered(server, new FakeClient({ extra: [[93, bytes('0007')]] }))).toBe('192.168.1.100');
    expect(offered(server, new FakeClient())).toBe('192.168.0.100');
  });

  it('take a lease away from a machine that may not have it any more', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    server.settings = seedSettings({
      sharedNetworks: alone(
        subnet('192.168.0.0/24', [
          range('192.168.0.128-192.168.0.254', { deny: [{ kind: 'unknown-machines' }] }),
        ]),
      ),
    });
    expect(server.reply(client.renew(address)).facts.replyType).toBe('nak');
  });
});

describe('the conflict check', () => {
  it('is for addresses that nobody of ours has', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const first = server.reply(client.discover());
    expect(first.conflictCheck).toBe(first.message.yiaddr);
    expect(server.reply(client.discover()).conflictCheck).toBeUndefined();
    server.handle(client.select(first.message.yiaddr));
    expect(server.reply(client.discover()).conflictCheck).toBeUndefined();
    server.passSeconds(601);
    expect(server.reply(client.discover()).conflictCheck).toBe(first.message.yiaddr);
  });

  it('is left out with ping-check off, and made all the same for a declined address', () => {
    const settings = { ...small('192.168.0.128-192.168.0.128'), parameters: scope({ pingCheck: false }) };
    const server = new FakeServer({ settings });
    expect(server.decide(new FakeClient().discover())).toMatchObject({ conflictCheck: undefined });
    server.apply(conflictChanges(ip('192.168.0.128'), settings, server.now));
    expect(server.decide(new FakeClient().discover())).toMatchObject({ conflictCheck: ip('192.168.0.128') });
  });

  it('that finds somebody leads to the next address at once, and to declined ones last, oldest first', () => {
    const settings = small('192.168.0.128-192.168.0.130');
    const server = new FakeServer({ settings });
    const client = new FakeClient();
    const tried: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { conflictCheck, message } = server.reply(client.discover());
      expect(conflictCheck).toBe(message.yiaddr);
      tried.push(formatIpv4(message.yiaddr));
      server.passSeconds(1);
      server.apply(conflictChanges(message.yiaddr, settings, server.now));
    }
    expect(tried.map((address) => address.slice(-3))).toEqual(['128', '129', '130', '128', '129']);
  });
});

describe('a flood of DISCOVERs from machines that never answer', () => {
  const flood = (server: FakeServer, machines: number): void => {
    for (let index = 0; index < machines; index += 1) server.handle(new FakeClient().discover());
  };

  it('fills its share of the ranges and no more; whoever has an address is served', () => {
    const server = new FakeServer();
    const holder = new FakeClient();
    const address = holder.bind(server);
    const former = new FakeClient();
    server.handle(former.release(former.bind(server)));
    flood(server, 400);
    expect(server.leases.offersVia('br-prov', server.now)).toBe(95);
    expect(server.silence(new FakeClient().discover()).reason).toBe('too-many-offers');
    expect(offered(server, holder)).toBe(formatIpv4(address));
    expect(server.reply(holder.renew(address)).facts.replyType).toBe('ack');
    expect(server.handle(former.discover()).kind).toBe('reply');
  });

  it('counts a machine once, however often it asks', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    for (let round = 0; round < 3; round += 1) {
      server.handle(client.discover());
      expect(server.leases.offersVia('br-prov', server.now)).toBe(1);
    }
  });

  it('leaves other relays their share', () => {
    const server = new FakeServer();
    flood(server, 400);
    expect(server.handle(new FakeClient().discover([], { giaddr: ip('192.168.0.2') })).kind).toBe('reply');
  });

  it('does not lock a range for long: the last offers are held shortly', () => {
    const server = new FakeServer({ settings: small('192.168.0.128-192.168.0.143') });
    flood(server, 400);
    expect(server.silence(new FakeClient().discover()).reason).toMatch(/no-free-address|too-many-offers/);
    server.passSeconds(10);
    expect(server.handle(new FakeClient().discover()).kind).toBe('reply');
  });

  it('does not make the table forget whose an address was', () => {
    const server = new FakeServer({ settings: small('192.168.0.128-192.168.0.131') });
    const former = new FakeClient();
    const address = former.bind(server);
    server.handle(former.release(address));
    flood(server, 10);
    expect(server.silence(former.discover()).reason).toBe('no-free-address');
    server.passSeconds(121);
    expect(offered(server, former)).toBe(formatIpv4(address));
  });

  it('is held the whole time while there is room', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const { yiaddr } = server.reply(client.discover()).message;
    expect(standingOffer(server.leases.at(yiaddr), server.now + 119_999)).toBeDefined();
    expect(standingOffer(server.leases.at(yiaddr), server.now + 120_000)).toBeUndefined();
  });

  it('lets a whole rack start at once', () => {
    const settings = seedSettings({
      sharedNetworks: alone(subnet('192.168.0.0/20', [range('192.168.4.0-192.168.11.207')])),
    });
    const server = new FakeServer({ settings });
    const rack = Array.from({ length: 1000 }, () => new FakeClient());
    const offers = rack.map((client) => server.reply(client.discover()).message.yiaddr);
    expect(new Set(offers).size).toBe(1000);
    for (const [index, client] of rack.entries()) {
      expect(server.reply(client.select(offers[index]!)).facts.replyType).toBe('ack');
    }
  });
});
