import { describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../../src/addr/ipv4.ts';
import { describeRequest } from '../../../src/dhcp/dhcp-request.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import type { Reply } from '../../../src/dhcp/outcome.ts';
import { respond } from '../../../src/dhcp/responder.ts';
import { encodeDhcpMessage, fieldText, type DhcpMessage } from '../../../src/wire/dhcp/dhcp-message.ts';
import {
  addressOption,
  alone,
  ascii,
  bytes,
  FakeClient,
  FakeServer,
  ip,
  LINK,
  range,
  reservation,
  scope,
  seedSettings,
  subnet,
  withGlobals,
  type Options,
} from './fake-view.ts';

const RELAY = { giaddr: ip('192.168.0.2'), hops: 1 };
const CIRCUIT = bytes('010465746837020602aabbccddee');

function hex(value: Uint8Array | undefined): string | undefined {
  return value && Buffer.from(value).toString('hex');
}

function codes({ message }: Reply): number[] {
  return [...message.options.keys()];
}

function discover(
  settings: DhcpSettings,
  client: FakeClient,
  more: Options = [],
  header: Partial<DhcpMessage> = {},
): Reply {
  return new FakeServer({ settings }).reply(client.discover(more, header));
}

describe('fixed fields', () => {
  const odd = { xid: 0xdeadbeef, secs: 7, hops: 3, flags: 0x8001 };

  it('of an OFFER are those of RFC 2131 table 3', () => {
    const client = new FakeClient();
    const { message } = discover(seedSettings(), client, [], odd);
    expect(message).toMatchObject({
      op: 2,
      htype: 1,
      hlen: 6,
      hops: 0,
      xid: 0xdeadbeef,
      secs: 0,
      flags: 0x8001,
      ciaddr: 0,
      giaddr: 0,
    });
    expect(message.chaddr).toEqual(client.discover().chaddr);
    expect([formatIpv4(message.siaddr), fieldText(message.file), fieldText(message.sname)]).toEqual([
      '192.168.0.1',
      '/pxelinux.0',
      '',
    ]);
  });

  it('of an ACK have ciaddr only for a client that has one', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const address = client.bind(server);
    expect(server.reply(client.reboot(address)).message.ciaddr).toBe(0);
    expect(server.reply(client.renew(address)).message.ciaddr).toBe(address);
  });

  it('of a NAK are empty', () => {
    const server = new FakeServer();
    const { message } = server.reply(new FakeClient({ clientId: bytes('006e616b') }).reboot(ip('10.1.2.3')));
    expect(message).toMatchObject({ yiaddr: 0, ciaddr: 0, siaddr: 0 });
    expect(message.file.every((octet) => octet === 0)).toBe(true);
    expect([...message.options.keys()]).toEqual([53, 54, 56, 61]);
  });

  it('carry the server name', () => {
    const { message } = discover(withGlobals({ serverName: 'boot1' }), new FakeClient());
    expect(fieldText(message.sname)).toBe('boot1');
  });

  it('name this server where no next server is configured, but only with a boot file', () => {
    const without = { nextServer: undefined };
    expect(formatIpv4(discover(withGlobals(without), new FakeClient()).message.siaddr)).toBe('192.168.0.1');
    expect(discover(withGlobals({ ...without, filename: undefined }), new FakeClient()).message.siaddr).toBe(
      0,
    );
    expect(
      discover(withGlobals({ ...without, filename: 'http://a/b' }), new FakeClient()).message.siaddr,
    ).toBe(0);
  });
});

describe('options', () => {
  it('begin with type, server and time, then follow the client’s list', () => {
    const client = new FakeClient({ parameterList: Uint8Array.of(129, 28, 1, 54, 3, 128) });
    expect(codes(discover(seedSettings(), client))).toEqual([53, 54, 51, 129, 28, 1, 128]);
  });

  it('stand there once, however often the list names them', () => {
    const client = new FakeClient({ parameterList: Uint8Array.of(28, 1, 28, 1, 28) });
    expect(codes(discover(seedSettings(), client))).toEqual([53, 54, 51, 28, 1]);
  });

  it('are all there are for a client without a list', () => {
    const client = new FakeClient({ parameterList: undefined });
    expect(codes(discover(seedSettings(), client))).toEqual([53, 54, 51, 1, 28, 128, 129]);
  });

  it('hold the mask of the subnet, unless another is configured', () => {
    expect(hex(discover(seedSettings(), new FakeClient()).message.options.get(1))).toBe('ffffff00');
    const options = new Map([[1, bytes('fffffe00')]]);
    expect(hex(discover(withGlobals({ options }), new FakeClient()).message.options.get(1))).toBe('fffffe00');
  });

  it('hold T1 and T2 only when asked for', () => {
    const asks = new FakeClient({ parameterList: Uint8Array.of(58, 59) });
    const { message } = discover(seedSettings(), asks);
    expect([hex(message.options.get(58)), hex(message.options.get(59))]).toEqual(['0000012c', '0000020d']);
    expect(codes(discover(seedSettings(), new FakeClient({ parameterList: Uint8Array.of(1) })))).toEqual([
      53, 54, 51, 1,
    ]);
  });

  it.each([
    ['no wish', undefined, 600],
    ['a wish', 3600, 3600],
    ['too much', 100_000, 7200],
    ['infinity', 0xffffffff, 7200],
    ['too little', 10, 300],
    ['nothing', 0, 300],
  ])('lease time with %s', (_name, wish, seconds) => {
    const more: Options = wish === undefined ? [] : [[51, bytes(wish.toString(16).padStart(8, '0'))]];
    const reply = discover(seedSettings(), new FakeClient(), more);
    expect(hex(reply.message.options.get(51))).toBe(seconds.toString(16).padStart(8, '0'));
    expect(reply.facts.leaseSeconds).toBe(seconds);
  });

  it.each([
    ['dhcpd’s defaults', { defaultLeaseSeconds: undefined, maxLeaseSeconds: undefined }, undefined, 43_200],
    ['dhcpd’s maximum', { defaultLeaseSeconds: undefined, maxLeaseSeconds: undefined }, 1e6, 86_400],
    ['a maximum below the minimum', { maxLeaseSeconds: 60 }, undefined, 60],
    ['a minimum of its own', { minLeaseSeconds: 30 }, 40, 40],
    // Observed: dhcpd lets the minimum win.
    ['a minimum above the maximum', { minLeaseSeconds: 9000, maxLeaseSeconds: 7200 }, 8000, 9000],
  ])('lease time with %s', (_name, times, wish, seconds) => {
    const more: Options = wish === undefined ? [] : [[51, bytes(wish.toString(16).padStart(8, '0'))]];
    expect(discover(withGlobals(times), new FakeClient(), more).facts.leaseSeconds).toBe(seconds);
  });

  it('echo the client identifier, and never invent one', () => {
    const clientId = bytes('00616263');
    expect(discover(seedSettings(), new FakeClient({ clientId })).message.options.get(61)).toEqual(clientId);
    expect(codes(discover(seedSettings(), new FakeClient()))).not.toContain(61);
  });

  it('echo the machine identifier', () => {
    const uuid = bytes('00000102030405060708090a0b0c0d0e0f');
    expect(discover(seedSettings(), new FakeClient({ extra: [[97, uuid]] })).message.options.get(97)).toEqual(
      uuid,
    );
  });

  it('have the host name of the reservation', () => {
    const client = new FakeClient();
    const reservations = [reservation({ mac: client.mac, hostName: 'bm1' })];
    const settings = withGlobals({ options: new Map([[12, ascii('pool')]]) }, { reservations });
    expect(discover(settings, client).message.options.get(12)).toEqual(ascii('bm1'));
    expect(discover(settings, new FakeClient()).message.options.get(12)).toEqual(ascii('pool'));
  });

  it('have it without being asked where nobody asks for anything, as BOOTP has it', () => {
    const client = new FakeClient({ parameterList: undefined });
    const server = new FakeServer({
      settings: seedSettings({ reservations: [reservation({ mac: client.mac, hostName: 'bm1' })] }),
    });
    expect(server.reply(client.discover()).message.options.get(12)).toEqual(ascii('bm1'));
    expect(server.reply(client.bootp()).message.options.get(12)).toEqual(ascii('bm1'));
  });

  it('cannot be configured where the protocol decides', () => {
    const options = new Map([50, 51, 52, 53, 54, 55, 57, 61, 82].map((code) => [code, bytes('01020304')]));
    const client = new FakeClient({ parameterList: Uint8Array.from(options.keys()) });
    const { message } = discover(withGlobals({ options }), client);
    expect([...message.options.keys()]).toEqual([53, 54, 51]);
    expect(hex(message.options.get(53))).toBe('02');
  });

  it('carry encapsulated spaces', () => {
    const encapsulated = new Map([
      [
        'ipxe',
        new Map([
          [176, bytes('01')],
          [1, bytes('ff')],
        ]),
      ],
    ]);
    const settings = withGlobals(
      { encapsulated },
      {
        spaceCarriers: new Map([
          ['ipxe', 175],
          ['empty', 224],
        ]),
      },
    );
    const client = new FakeClient({ parameterList: Uint8Array.of(175, 224) });
    const { message } = discover(settings, client);
    expect(hex(message.options.get(175))).toBe('b001010101ff');
    expect(message.options.has(224)).toBe(false);
    expect(
      hex(discover(settings, new FakeClient({ parameterList: undefined })).message.options.get(175)),
    ).toBe('b001010101ff');
  });
});

describe('size', () => {
  const large = withGlobals({
    filename: '/pxelinux.0',
    serverName: 'boot1',
    options: new Map([
      [17, ascii('x'.repeat(200))],
      [40, ascii('y'.repeat(200))],
      [128, bytes('0102')],
    ]),
  });
  const client = new FakeClient({ parameterList: Uint8Array.of(17, 40, 128, 1) });

  it('is at most 576 octets of IP without option 57, and the rest is told', () => {
    const reply = discover(large, client, [[61, bytes('00616263')]]);
    expect(encodeDhcpMessage(reply.message, reply.maximumLength).length).toBeLessThanOrEqual(548);
    expect(codes(reply)).toEqual([53, 54, 51, 17, 128, 1, 61]);
    expect(reply.facts.droppedOptions).toEqual([40]);
  });

  it('is what option 57 allows', () => {
    const reply = discover(large, client, [[57, bytes('05dc')]]);
    expect(reply.facts.droppedOptions).toEqual([]);
    expect(codes(reply)).toEqual([53, 54, 51, 17, 40, 128, 1]);
  });

  it('uses header fields that hold nothing', () => {
    const { parameters } = large;
    const settings = { ...large, parameters: { ...parameters, serverName: undefined, filename: undefined } };
    const options = new Map([...parameters.options, [18, ascii('z'.repeat(50))]]);
    settings.parameters = { ...settings.parameters, options };
    const reply = discover(settings, new FakeClient({ parameterList: Uint8Array.of(17, 18, 128, 40) }));
    expect(codes(reply)).toEqual([53, 54, 51, 17, 18, 128]);
    expect(reply.facts.droppedOptions).toEqual([40]);
  });
});

describe('scopes', () => {
  it('count from the most specific to the widest', () => {
    const value = (text: string): { options: Map<number, Uint8Array> } => ({
      options: new Map([[17, ascii(text)]]),
    });
    const client = new FakeClient({ parameterList: Uint8Array.of(17), extra: [[77, ascii('x')]] });
    const full = {
      global: scope(value('global')),
      network: scope(value('network')),
      subnet: value('subnet'),
      range: scope(value('range')),
      class: scope(value('class')),
      reservation: scope(value('reservation')),
    };
    const names = Object.keys(full) as (keyof typeof full)[];
    for (const [index, name] of names.entries()) {
      const has = (each: keyof typeof full): boolean => names.indexOf(each) <= index;
      const settings = seedSettings({
        parameters: full.global,
        sharedNetworks: [
          {
            name: 'n',
            parameters: has('network') ? full.network : scope(),
            subnets: [
              subnet(
                '192.168.0.0/24',
                [range('192.168.0.128-192.168.0.254', { parameters: has('range') ? full.range : scope() })],
                has('subnet') ? full.subnet : {},
              ),
            ],
          },
        ],
        classes: [
          {
            name: 'c',
            match: { kind: 'exists', code: 77, carrier: undefined },
            parameters: has('class') ? full.class : scope(),
          },
        ],
        reservations: [
          reservation({ mac: client.mac, parameters: has('reservation') ? full.reservation : scope() }),
        ],
      });
      expect(discover(settings, client).message.options.get(17)).toEqual(ascii(name));
    }
  });

  it('let the first of several classes win', () => {
    const member = (name: string): DhcpSettings['classes'][number] => ({
      name,
      match: { kind: 'known' },
      parameters: scope({ filename: name }),
    });
    const client = new FakeClient();
    const settings = seedSettings({
      classes: [member('first'), member('second')],
      reservations: [reservation({ mac: client.mac })],
    });
    const reply = discover(settings, client);
    expect(reply.facts).toMatchObject({ bootFile: 'first', classes: ['first', 'second'] });
  });

  it('take the subnet of the address on a shared wire', () => {
    const settings = seedSettings({
      sharedNetworks: [
        {
          name: 'prov',
          parameters: scope(),
          subnets: [
            subnet('192.168.0.0/24', [], { options: new Map([[3, bytes('c0a80001')]]) }),
            subnet('10.8.0.0/16', [range('10.8.0.100-10.8.0.200')], {
              options: new Map([[3, bytes('0a080001')]]),
            }),
          ],
        },
      ],
    });
    const reply = discover(settings, new FakeClient());
    expect(formatIpv4(reply.message.yiaddr)).toBe('10.8.0.100');
    expect(hex(reply.message.options.get(3))).toBe('0a080001');
    expect(hex(reply.message.options.get(1))).toBe('ffff0000');
  });
});

describe('the way of a reply', () => {
  const client = new FakeClient();
  const FAR = { giaddr: ip('10.99.0.1') };
  const HERE = ip('192.168.0.9');
  const broadcast = { kind: 'broadcast', port: 68 };
  const toCard = { kind: 'unicast-hardware', mac: client.mac, address: ip('192.168.0.128'), port: 68 };

  it.each<[string, DhcpMessage, object]>([
    ['OFFER, flag clear', client.discover(), toCard],
    ['OFFER, flag set', client.discover([], { flags: 0x8000 }), broadcast],
    [
      'OFFER, through a relay',
      client.discover([], { ...RELAY, flags: 0x8000 }),
      { kind: 'relay', address: RELAY.giaddr, port: 67 },
    ],
    [
      'OFFER to a client that has an address',
      client.discover([], { ciaddr: HERE }),
      { kind: 'unicast-client', address: HERE, port: 68 },
    ],
    ['… and cannot answer ARP there', client.discover([], { ciaddr: HERE, flags: 0x8000 }), broadcast],
    ['… or has one of another wire', client.discover([], { ciaddr: ip('10.1.2.3') }), toCard],
    ['OFFER to a card that is no Ethernet', client.discover([], { htype: 32 }), broadcast],
    ['ACK after a lease', client.reboot(ip('192.168.0.128')), toCard],
    [
      'ACK of a renewal',
      client.renew(HERE, { ciaddr: ip('192.168.0.200') }),
      { kind: 'unicast-client', address: ip('192.168.0.200') },
    ],
    [
      'ACK of a renewal, flag set',
      client.renew(ip('192.168.0.200'), { flags: 0x8000 }),
      { kind: 'unicast-client' },
    ],
    ['ACK to INFORM', client.inform(HERE), { kind: 'unicast-client', address: HERE, port: 68 }],
    ['NAK', client.reboot(ip('10.1.2.3')), broadcast],
    ['NAK of a renewal', client.renew(ip('192.168.0.5')), broadcast],
    ['NAK through a relay', client.reboot(ip('10.1.2.3'), RELAY), { kind: 'relay', address: RELAY.giaddr }],
    ['BOOTREPLY, flag clear', client.bootp(), toCard],
    ['BOOTREPLY, flag set', client.bootp({ flags: 0x8000 }), broadcast],
    ['BOOTREPLY through a relay', client.bootp(RELAY), { kind: 'relay' }],
    [
      'OFFER through a relay of another network, by link selection',
      client.discover([[82, bytes('0504c0a80000')]], FAR),
      { kind: 'relay', address: FAR.giaddr, port: 67 },
    ],
  ])('%s', (_name, message, route) => {
    expect(new FakeServer().reply(message).route).toMatchObject({ source: LINK.serverAddress, ...route });
  });

  it.each([
    ['where it asks for that (RFC 8357)', bytes('1300'), 40_067],
    ['not otherwise', CIRCUIT, 67],
  ])('is to the port that the relay sent from %s', (_name, relayInformation, port) => {
    const message = client.discover([[82, relayInformation]], RELAY);
    const outcome = respond(describeRequest(message, LINK, 40_067), new FakeServer());
    expect(outcome).toMatchObject({ route: { kind: 'relay', address: RELAY.giaddr, port } });
  });

  it('is by the configured ports', () => {
    const server = new FakeServer({ settings: seedSettings({ serverPort: 1067, clientPort: 1068 }) });
    expect(server.reply(client.discover()).route.port).toBe(1068);
    expect(server.reply(client.discover([], RELAY)).route.port).toBe(1067);
  });

  it('is from the configured identifier', () => {
    const server = new FakeServer({ settings: withGlobals({ serverIdentifier: ip('192.168.0.3') }) });
    const reply = server.reply(client.discover());
    expect(reply.route.source).toBe(ip('192.168.0.3'));
    expect(hex(reply.message.options.get(54))).toBe('c0a80003');
  });
});

describe('relays', () => {
  const client = new FakeClient();

  it.each<[string, Uint8Array]>([
    ['known sub-options', CIRCUIT],
    ['unknown ones', bytes('010165c803616263')],
    ['broken ones', bytes('01286162')],
    ['nothing', bytes('')],
  ])('get option 82 back with %s, last', (_name, value) => {
    for (const message of [client.discover([[82, value]], RELAY), client.reboot(ip('10.1.2.3'), RELAY)]) {
      const options = new Map([...message.options, [82, value]]);
      const reply = new FakeServer().reply({ ...message, options });
      expect(reply.message.options.get(82)).toEqual(value);
      expect(codes(reply).at(-1)).toBe(82);
    }
  });

  it('that write none get none, and a switch that writes one without giaddr gets it back', () => {
    expect(codes(new FakeServer().reply(client.discover([], RELAY)))).not.toContain(82);
    expect(new FakeServer().reply(client.discover([[82, CIRCUIT]])).message.options.get(82)).toEqual(CIRCUIT);
  });

  it('have a NAK broadcast, and every other reply by the client’s flag', () => {
    expect(new FakeServer().reply(client.reboot(ip('10.1.2.3'), RELAY)).message.flags).toBe(0x8000);
    expect(new FakeServer().reply(client.discover([], RELAY)).message.flags).toBe(0);
    expect(new FakeServer().reply(client.discover([], { ...RELAY, flags: 0x8000 })).message.flags).toBe(
      0x8000,
    );
  });

  it('of networks that are not configured get silence, link selection or not', () => {
    const far = { giaddr: ip('10.99.0.1') };
    expect(new FakeServer().silence(client.discover([], far)).reason).toBe('no-subnet');
    const wrong = client.discover([[82, bytes('05040a630000')]], RELAY);
    expect(new FakeServer().silence(wrong).reason).toBe('no-subnet');
  });

  it('alone are believed about the link: a client cannot choose its network', () => {
    const settings = seedSettings({
      sharedNetworks: [
        ...seedSettings().sharedNetworks,
        ...alone(subnet('10.7.0.0/24', [range('10.7.0.10-10.7.0.90')])),
      ],
    });
    const forged = client.discover([[82, bytes('05040a070000')]]);
    expect(formatIpv4(new FakeServer({ settings }).reply(forged).message.yiaddr)).toBe('192.168.0.128');
  });

  it('may stand for the server (RFC 5107)', () => {
    const server = new FakeServer();
    const value = bytes('0b04c0a80002');
    const { message } = server.reply(client.discover([[82, value]], RELAY));
    expect(hex(message.options.get(54))).toBe('c0a80002');
    const select = client.message(
      3,
      [addressOption(54, ip('192.168.0.2')), addressOption(50, message.yiaddr), [82, value]],
      RELAY,
    );
    expect(server.reply(select).facts.replyType).toBe('ack');
    expect(
      hex(
        server
          .reply(client.message(3, [addressOption(50, ip('10.1.2.3')), [82, value]], RELAY))
          .message.options.get(54),
      ),
    ).toBe('c0a80002');
  });

  it('stand for the server by name alone: boot files and replies come from here', () => {
    const server = new FakeServer({ settings: withGlobals({ nextServer: undefined }) });
    const { message, route } = server.reply(client.discover([[82, bytes('0b04c0a80002')]], RELAY));
    expect([formatIpv4(message.siaddr), formatIpv4(route.source)]).toEqual(['192.168.0.1', '192.168.0.1']);
  });

  it('alone may stand for the server: a client that says so itself is not heard', () => {
    const { message, route } = new FakeServer().reply(client.discover([[82, bytes('0b0408080808')]]));
    expect([hex(message.options.get(54)), formatIpv4(route.source)]).toEqual(['c0a80001', '192.168.0.1']);
  });
});
