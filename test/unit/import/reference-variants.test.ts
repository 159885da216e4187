import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import type { Outcome } from '../../../src/dhcp/outcome.ts';
import { encodeDhcpMessage, fieldText, type DhcpMessage } from '../../../src/wire/dhcp/dhcp-message.ts';
import { addressOption, ascii, bytes, FakeClient, FakeServer, ip, type Options } from '../dhcp/fake-view.ts';
import { imported, type Imported } from './imported.ts';

/**
 * The installation of the application note with values for its two own options, and the same said in three other ways. All of them
 * must answer alike, octet by octet; the judges hold the three to the wire.
 */
const DATA = resolve(import.meta.dirname, '../../data/dhcpd-conf');
const VALUES = 'option option-128 e4:45:74:68:00:00; option option-129 "console=ttyS0,115200";';
const REFERENCE = imported(readFileSync(join(DATA, '01-seed.conf'), 'utf8') + VALUES);

const VARIANTS = [
  'groups-and-hosts.conf',
  'classes-and-pools.conf',
  'includes-and-shared-network/dhcpd.conf',
] as const;

function variant(path: (typeof VARIANTS)[number]): Imported {
  const folder = dirname(join(DATA, 'reference', path));
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const parts = ['options.conf', 'networks.conf', 'ranges.conf'];
  const files = path.includes('/') ? Object.fromEntries(parts.map((name) => [name, read(name)])) : {};
  return imported(read(basename(path)), path, files);
}

function settingsOf({ dhcp }: Imported): DhcpSettings {
  if (dhcp === undefined) throw new Error('the configuration cannot be used');
  return dhcp;
}

const SERVER = ip('192.168.0.1');
const PXE: Options = [
  [60, ascii('PXEClient:Arch:00007:UNDI:003016')],
  [93, bytes('0007')],
  [94, bytes('010300')],
  [97, bytes('00'.repeat(17))],
];
const RELAY = ip('192.168.0.2');
const OPTION_82 = [82, bytes('0104657468370206 02aabbccddee')] as const;
const seconds = (hex: string): Options => [[51, bytes(hex)]];

type Send = (message: DhcpMessage) => Outcome;

/** What clients say, one after the other; each table row begins with an empty store. */
const CONVERSATIONS: readonly (readonly [title: string, talk: (client: FakeClient, send: Send) => void])[] = [
  ['asks for what a prober asks for', (client, send) => send(client.discover())],
  ['boots by PXE', (client, send) => send(client.discover(PXE))],
  ['boots by HTTP', (client, send) => send(client.discover([[60, ascii('HTTPClient:Arch:00016')]]))],
  ['is iPXE', (client, send) => send(client.discover([...PXE, [77, ascii('iPXE')]]))],
  ['has another user class', (client, send) => send(client.discover([[77, ascii('another')]]))],
  [
    'wants the address at the end of the range',
    (client, send) => send(client.discover([addressOption(50, ip('192.168.0.254'))])),
  ],
  ['wants one beyond it', (client, send) => send(client.discover([addressOption(50, ip('192.168.0.20'))]))],
  ['wants a lease of a second', (client, send) => send(client.discover(seconds('00000001')))],
  ['wants a lease of an hour', (client, send) => send(client.discover(seconds('00000e10')))],
  ['wants a lease for ever', (client, send) => send(client.discover(seconds('ffffffff')))],
  ['can take little', (client, send) => send(client.discover([[57, bytes('0240')]]))],
  ['asks for broadcast', (client, send) => send(client.discover([], { flags: 0x8000 }))],
  ['comes through a relay', (client, send) => send(client.discover([OPTION_82], { giaddr: RELAY, hops: 1 }))],
  [
    'comes through a relay of another net',
    (client, send) => send(client.discover([OPTION_82], { giaddr: ip('10.99.0.1') })),
  ],
  [
    'takes its offer, renews, gives back and comes again',
    (client, send) => {
      const offer = send(client.discover());
      const address = offer.kind === 'reply' ? offer.message.yiaddr : SERVER;
      send(client.select(address));
      send(client.renew(address));
      send(client.reboot(address));
      send(client.release(address));
      send(client.discover());
    },
  ],
  [
    'finds somebody on its address',
    (client, send) => {
      send(client.discover());
      send(client.decline(ip('192.168.0.128')));
      send(client.discover());
    },
  ],
  ['remembers an address of this net', (client, send) => send(client.reboot(ip('192.168.0.200')))],
  ['remembers an address of another net', (client, send) => send(client.reboot(ip('10.1.2.3')))],
  ['renews what nobody knows', (client, send) => send(client.renew(ip('192.168.0.130')))],
  ['chose another server', (client, send) => send(client.select(ip('192.168.0.130'), ip('192.168.0.77')))],
  ['has its address from elsewhere', (client, send) => send(client.inform(ip('192.168.0.9')))],
  ['speaks BOOTP', (client, send) => send(client.bootp())],
  ['speaks BOOTP through a relay', (client, send) => send(client.bootp({ giaddr: RELAY, hops: 1 }))],
  [
    'is one of more than there are addresses',
    (_, send) => {
      for (let count = 0; count < 130; count += 1) send(new FakeClient({ mac: macNumber(count) }).bootp());
    },
  ],
];

function macNumber(count: number): string {
  return `02:dc:77:00:00:${count.toString(16).padStart(2, '0')}`;
}

/** Everything that the wire, and the store, see of a conversation. */
function record(
  settings: DhcpSettings,
  talk: (client: FakeClient, send: Send) => void,
  mac: string,
): unknown {
  const listed = [undefined, Uint8Array.of(1, 3, 6, 15, 28, 43, 51, 54, 58, 59, 66, 67, 97, 128, 129, 210)];
  return listed.map((parameterList) => {
    const server = new FakeServer({ settings });
    const seen: unknown[] = [];
    const client = new FakeClient({ mac, parameterList });
    talk(client, (message) => {
      const outcome = server.handle(message);
      const { changes } = outcome;
      if (outcome.kind === 'silent') seen.push({ silent: outcome.reason, changes });
      else {
        const { message: reply, maximumLength, route, conflictCheck } = outcome;
        seen.push({ octets: encodeDhcpMessage(reply, maximumLength), route, conflictCheck, changes });
      }
      return outcome;
    });
    return seen;
  });
}

describe.each(VARIANTS)('%s', (path) => {
  const result = variant(path);

  it('is imported without an essential loss, and passes `bootd check`', () => {
    expect(result.errors).toEqual([]);
    expect(result.losses.filter(({ essential }) => essential)).toEqual([]);
  });

  it.each(CONVERSATIONS)('answers as the reference does a client that %s', (_, talk) => {
    const mac = '02:dc:00:00:00:01';
    const expected = record(settingsOf(REFERENCE), talk, mac);
    expect(record(settingsOf(result), talk, mac)).toEqual(expected);
  });
});

describe('what the variants say besides', () => {
  it('hosts get their addresses, and what the groups around them say', () => {
    const settings = settingsOf(variant('groups-and-hosts.conf'));
    const told = (client: FakeClient): readonly string[] => {
      const { message, facts } = new FakeServer({ settings }).reply(client.discover());
      const name = message.options.get(12);
      return [
        new TextDecoder().decode(name),
        String(facts.address === message.yiaddr && message.yiaddr - ip('192.168.0.0')),
        fieldText(message.file),
        String(facts.leaseSeconds),
      ];
    };
    expect(told(new FakeClient({ mac: '0c:c4:7a:0e:2b:6b' }))).toEqual(['bm1', '20', '/pxelinux.0', '600']);
    expect(told(new FakeClient({ mac: '0c:c4:7a:0e:2b:6c' }))).toEqual(['bm2', '21', '/bootx64.efi', '600']);
    expect(told(new FakeClient({ clientId: ascii('rack-3') }))).toEqual(['bm3', '22', '/bm3.0', '600']);
  });

  it('a pool keeps out whom it denies', () => {
    const server = new FakeServer({ settings: settingsOf(variant('classes-and-pools.conf')) });
    const refused = (option: number): string =>
      server.silence(new FakeClient({ extra: [[option, ascii('refused')]] }).discover()).reason;
    expect([refused(60), refused(77)]).toEqual(['no-free-address', 'no-free-address']);
  });

  it('the net behind routers has its own answers', () => {
    const settings = settingsOf(variant('includes-and-shared-network/dhcpd.conf'));
    const { message } = new FakeServer({ settings }).reply(
      new FakeClient().discover([], { giaddr: ip('10.50.0.1') }),
    );
    expect([message.yiaddr - ip('10.50.0.0'), fieldText(message.file)]).toEqual([10, '/elsewhere.0']);
  });
});
