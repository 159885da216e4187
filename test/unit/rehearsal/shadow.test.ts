import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ipv4 } from '../../../src/addr/ipv4.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { LeaseTable } from '../../../src/dhcp/lease-table.ts';
import type { Reply } from '../../../src/dhcp/outcome.ts';
import { allRanges } from '../../../src/dhcp/subnet-selection.ts';
import { textField, type DhcpMessage } from '../../../src/wire/dhcp/dhcp-message.ts';
import {
  alone,
  ascii,
  bytes,
  FakeClient,
  ip,
  LINK,
  range,
  reservation,
  scope,
  seedSettings,
  subnet,
  withGlobals,
} from '../dhcp/fake-view.ts';
import { findingsOf, shown, Stage } from './stage.ts';

const ADDRESS = ip('192.168.0.140');
const IPXE = [77, ascii('iPXE')] as const;

function withMessage(change: (message: DhcpMessage) => Partial<DhcpMessage>): (reply: Reply) => Reply {
  return (reply) => ({ ...reply, message: { ...reply.message, ...change(reply.message) } });
}

function withOption(code: number, value: Uint8Array | undefined): (reply: Reply) => Reply {
  return withMessage(({ options }) => {
    const changed = new Map(options);
    if (value === undefined) changed.delete(code);
    else changed.set(code, value);
    return { options: changed };
  });
}

describe('beside a server that does the same', () => {
  it('finds nothing, whatever machines do', () => {
    const client = fc.integer({ min: 0, max: 3 });
    const step = fc.oneof(
      fc.record({ do: fc.constant('discover' as const), client }),
      fc.record({ do: fc.constant('select' as const), client }),
      fc.record({ do: fc.constant('renew' as const), client }),
      fc.record({ do: fc.constant('reboot' as const), client }),
      fc.record({ do: fc.constant('release' as const), client }),
      fc.record({ do: fc.constant('decline' as const), client }),
      fc.record({ do: fc.constant('inform' as const), client }),
      fc.record({ do: fc.constant('bootp' as const), client }),
      fc.record({ do: fc.constant('wait' as const), client }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const stage = new Stage();
        const machines = Array.from({ length: 4 }, () => ({ client: new FakeClient(), address: ADDRESS }));
        for (const { do: what, client: index } of steps) {
          const machine = machines[index];
          if (machine === undefined) continue;
          const { client: speaker, address } = machine;
          const message = {
            discover: () => speaker.discover(),
            select: () => speaker.select(address),
            renew: () => speaker.renew(address),
            reboot: () => speaker.reboot(address),
            release: () => speaker.release(address),
            decline: () => speaker.decline(address),
            inform: () => speaker.inform(address),
            bootp: () => speaker.bootp(),
            wait: () => undefined,
          }[what]();
          if (message === undefined) {
            expect(stage.passSeconds(200).map(shown)).toEqual([]);
            continue;
          }
          const findings = stage.pass(message, (reply) => {
            if (reply.message.yiaddr !== 0) machine.address = reply.message.yiaddr;
            return reply;
          });
          expect(findings.map(shown)).toEqual([]);
        }
      }),
      { numRuns: 60 },
    );
  });
});

interface Row {
  readonly name: string;
  /** Of the settings of the seed, with which the server answers. */
  readonly ours: DhcpSettings;
  readonly ask: (client: FakeClient) => DhcpMessage;
  readonly change?: (reply: Reply) => Reply;
  readonly found: readonly string[];
}

const seed = seedSettings();
const uefi = [93, Uint8Array.of(0, 7)] as const;

const SETTINGS: readonly Row[] = [
  {
    name: 'next-server',
    ours: withGlobals({ nextServer: ip('192.168.0.9') }),
    ask: (client) => client.discover(),
    found: ['siaddr (next-server): 192.168.0.1 | 192.168.0.9'],
  },
  {
    name: 'filename',
    ours: withGlobals({ filename: undefined }),
    ask: (client) => client.discover(),
    found: ['file (filename): /pxelinux.0 | none'],
  },
  {
    name: 'server-name',
    ours: withGlobals({ serverName: 'boot' }),
    ask: (client) => client.discover(),
    found: ['sname (server-name): none | boot'],
  },
  {
    name: 'the value of an option',
    ours: withGlobals({
      options: new Map([
        [128, bytes('e4')],
        [129, ascii('console=ttyS0,115200')],
      ]),
    }),
    ask: (client) => client.discover(),
    found: ['option 128 (option-128): e4:45:74:68:00:00 | e4'],
  },
  {
    name: 'an option that is missing',
    ours: withGlobals({ options: new Map([[128, bytes('e44574680000')]]) }),
    ask: (client) => client.discover(),
    found: ['option 129 (option-129): console=ttyS0,115200 | none'],
  },
  {
    name: 'lease times, and those of renewal with them',
    ours: withGlobals({ defaultLeaseSeconds: 1200 }),
    ask: (client) => client.discover(),
    found: [
      'option 51 (dhcp-lease-time): 600 | 1200',
      'option 58 (dhcp-renewal-time): 300 | 600',
      'option 59 (dhcp-rebinding-time): 525 | 1050',
    ],
  },
  {
    name: 'a range that does not hold the address',
    ours: { ...seed, sharedNetworks: alone(subnet('192.168.0.0/24', [range('192.168.0.10-192.168.0.20')])) },
    ask: (client) => client.discover(),
    found: [
      'yiaddr (address): 192.168.0.128 | 192.168.0.10',
      'option 28 (broadcast-address): 192.168.0.255 | none',
    ],
  },
  {
    name: 'a network that is not there',
    ours: { ...seed, sharedNetworks: [] },
    ask: (client) => client.discover(),
    found: ['answer to discover: offer | silence (no-subnet)'],
  },
  {
    name: 'strangers that are not answered',
    ours: { ...seed, answer: 'known-machines' },
    ask: (client) => client.discover(),
    found: ['answer to discover: offer | silence (unknown-machine)'],
  },
  {
    name: 'a range that is closed to strangers',
    ours: {
      ...seed,
      sharedNetworks: alone(
        subnet('192.168.0.0/24', [
          range('192.168.0.128-192.168.0.254', { deny: [{ kind: 'unknown-machines' }] }),
        ]),
      ),
    },
    ask: (client) => client.discover(),
    found: ['answer to discover: offer | silence (no-free-address)'],
  },
  {
    name: 'no booting',
    ours: withGlobals({ allowBooting: false }),
    ask: (client) => client.discover(),
    found: ['answer to discover: offer | silence (booting-not-allowed)'],
  },
  {
    name: 'no BOOTP',
    ours: withGlobals({ allowBootp: false }),
    ask: (client) => client.bootp(),
    found: ['answer to bootp: bootp | silence (bootp-not-allowed)'],
  },
  {
    name: 'no authority',
    ours: withGlobals({ authoritative: false }),
    ask: (client) => client.reboot(ip('10.9.9.9')),
    found: ['answer to init-reboot: nak | silence (not-authoritative)'],
  },
  {
    name: 'another server identifier',
    ours: withGlobals({ serverIdentifier: ip('192.168.0.3') }),
    ask: (client) => client.discover(),
    found: ['option 54 (dhcp-server-identifier): 192.168.0.1 | 192.168.0.3'],
  },
  {
    name: 'a boot file for UEFI',
    ours: withGlobals({ filenameByFirmware: { 'uefi-x64': 'bootx64.efi' } }),
    ask: (client) => client.discover([uefi]),
    found: ['file (filename): /pxelinux.0 | bootx64.efi'],
  },
];

describe('one thing is configured otherwise', () => {
  it.each(SETTINGS)('$name', ({ ours, ask, found }) => {
    const stage = new Stage({ settings: seed, ours });
    expect(stage.pass(ask(new FakeClient())).map(shown)).toEqual(found);
  });

  it('a reserved address', () => {
    const settings = (address: string): DhcpSettings => ({
      ...seed,
      reservations: [reservation({ mac: '02:00:00:00:00:01', fixedAddresses: [ip(address)] })],
    });
    const stage = new Stage({ settings: settings('192.168.0.20'), ours: settings('192.168.0.21') });
    const client = new FakeClient({ mac: '02:00:00:00:00:01' });
    expect(stage.pass(client.discover()).map(shown)).toEqual([
      'yiaddr (address): 192.168.0.20 | 192.168.0.21',
    ]);
    // What was promised is kept, so that the REQUEST that follows is answered alike.
    expect(stage.pass(client.select(ip('192.168.0.20'))).map(shown)).toEqual([]);
    expect(stage.pass(client.renew(ip('192.168.0.20'))).map(shown)).toEqual([
      'answer to renewing: ack | nak (another address is reserved for this machine)',
    ]);
  });
});

const BY_DESIGN: readonly (Row & { readonly change: (reply: Reply) => Reply })[] = [
  {
    name: 'a client identifier that is not sent back',
    ours: seed,
    ask: (client) => client.message(1, [[61, bytes('00ff01')]]),
    change: withOption(61, undefined),
    found: ['option 61 (dhcp-client-identifier): none | 00:ff:01 (client-identifier-sent-back)'],
  },
  {
    name: 'a machine identifier that is not sent back',
    ours: seed,
    ask: (client) => client.discover([[97, bytes('0001020304')]]),
    change: withOption(97, undefined),
    found: ['option 97 (pxe-client-id): none | 0 01:02:03:04 (machine-identifier-sent-back)'],
  },
  {
    name: 'times of renewal that are not sent',
    ours: seed,
    ask: (client) => client.discover(),
    change: withOption(58, undefined),
    found: ['option 58 (dhcp-renewal-time): none | 300 (renewal-times)'],
  },
  {
    name: 'times of renewal that are a little shorter, as dnsmasq has them',
    ours: seed,
    ask: (client) => client.discover(),
    change: withOption(58, Uint8Array.of(0, 0, 1, 19)),
    found: ['option 58 (dhcp-renewal-time): 275 | 300 (renewal-times)'],
  },
  {
    name: 'a broadcast address that nobody asked for',
    ours: seed,
    ask: () => new FakeClient({ parameterList: Uint8Array.of(1) }).discover(),
    change: withOption(28, bytes('c0a800ff')),
    found: ['option 28 (broadcast-address): 192.168.0.255 | none (network-told-unasked)'],
  },
  {
    name: 'secs and hops that are echoed',
    ours: seed,
    ask: (client) => client.discover([], { secs: 8, hops: 1 }),
    change: withMessage(() => ({ secs: 8, hops: 1 })),
    found: ['secs: 8 | 0 (secs-and-hops-zero)', 'hops: 1 | 0 (secs-and-hops-zero)'],
  },
  {
    name: 'no next-server',
    ours: withGlobals({ nextServer: undefined }),
    ask: (client) => client.discover(),
    change: withMessage(() => ({ siaddr: 0 as Ipv4 })),
    found: ['siaddr (next-server): none | 192.168.0.1 (next-server-by-default)'],
  },
  {
    name: 'the boot file in option 67 alone, as dnsmasq has it',
    ours: seed,
    ask: (client) => client.discover(),
    change: (reply) =>
      withOption(67, ascii('/pxelinux.0\0'))(withMessage(() => ({ file: new Uint8Array(128) }))(reply)),
    found: [
      'file (filename): none | /pxelinux.0 (boot-file-in-its-field)',
      'option 67 (bootfile-name): /pxelinux.0 | none (boot-file-in-its-field)',
    ],
  },
  {
    name: 'iPXE that is given iPXE',
    ours: withGlobals({ filename: 'ipxe.efi' }),
    ask: (client) => client.discover([IPXE]),
    change: withMessage(() => ({ file: textField('ipxe.efi', 'file') ?? new Uint8Array(128) })),
    found: ['file (filename): ipxe.efi | none (no-binary-for-ipxe)'],
  },
];

describe('the server is no bootd', () => {
  it.each(BY_DESIGN)('$name', ({ ours, ask, change, found }) => {
    const stage = new Stage({ settings: ours });
    const findings = stage.pass(ask(new FakeClient()), change);
    expect(findings.map(shown)).toEqual(found);
    expect(findings.map(({ verdict }) => verdict)).toEqual(found.map(() => 'by-design'));
  });

  it('the remaining time at an early renewal', () => {
    const stage = new Stage();
    const client = new FakeClient();
    stage.pass(client.discover());
    stage.pass(client.select(ip('192.168.0.128')));
    stage.passSeconds(60);
    const told = stage.pass(client.renew(ip('192.168.0.128')), withOption(51, Uint8Array.of(0, 0, 2, 28)));
    expect(told.map(shown)).toEqual(['option 51 (dhcp-lease-time): 540 | 600 (full-time-at-renewal)']);
    const other = stage.pass(client.renew(ip('192.168.0.128')), withOption(51, Uint8Array.of(0, 0, 0, 99)));
    expect(other.map(({ verdict }) => verdict)).toEqual(['differs']);
  });

  it('a renewal that is broadcast', () => {
    const stage = new Stage();
    const client = new FakeClient({ header: { flags: 0x8000 } });
    stage.pass(client.discover());
    stage.pass(client.select(ip('192.168.0.128')));
    const broadcast = (reply: Reply): Reply => ({
      ...reply,
      route: { kind: 'broadcast', source: LINK.serverAddress, port: 68 },
    });
    expect(stage.pass(client.renew(ip('192.168.0.128')), broadcast).map(shown)).toEqual([
      'destination: broadcast port 68 | 192.168.0.128 port 68 (renewal-by-unicast)',
    ]);
    expect(stage.pass(new FakeClient().discover(), broadcast).map(shown)).toEqual([
      'destination: broadcast port 68 | 192.168.0.129 port 68',
    ]);
  });

  it('a free address of a range is as good as another', () => {
    const stage = new Stage();
    const other = withMessage(() => ({ yiaddr: ip('192.168.0.200') }));
    expect(stage.pass(new FakeClient().discover(), other)).toEqual([]);
  });

  it('the NUL of a text and the end of option 43 say nothing', () => {
    const settings = withGlobals({
      options: new Map([
        [15, ascii('example.org')],
        [43, bytes('060108')],
      ]),
    });
    const stage = new Stage({ settings });
    const client = new FakeClient({ parameterList: Uint8Array.of(15, 43) });
    const padded = (reply: Reply): Reply =>
      withOption(43, bytes('060108ff00'))(withOption(15, ascii('example.org\0'))(reply));
    expect(stage.pass(client.discover(), padded)).toEqual([]);
  });

  it('other times of renewal than a client computes', () => {
    const told = new Stage().pass(new FakeClient().discover(), withOption(58, Uint8Array.of(0, 0, 0, 100)));
    expect(told.map(shown)).toEqual(['option 58 (dhcp-renewal-time): 100 | 300']);
  });

  it('the words of a NAK are its own', () => {
    const stage = new Stage();
    const asked = new FakeClient().reboot(ip('10.9.9.9'));
    expect(stage.pass(asked, withOption(56, ascii('wrong network')))).toEqual([]);
  });
});

describe('what the wire does not show', () => {
  it('a lease that is older than the rehearsal', () => {
    const settings = withGlobals({ authoritative: false });
    const stage = new Stage({ settings });
    const client = new FakeClient();
    client.bind(stage.server);
    const [finding] = stage.pass(client.renew(ip('192.168.0.128')));
    expect(finding && shown(finding)).toBe(
      'answer to renewing: ack | silence (unknown-lease) (lease-from-before)',
    );
    // From now on it is known.
    expect(stage.pass(client.renew(ip('192.168.0.128')))).toEqual([]);
  });

  it('an address that was given to somebody else', () => {
    const stage = new Stage();
    const first = new FakeClient();
    stage.pass(first.discover());
    stage.pass(first.select(ip('192.168.0.128')));
    stage.passSeconds(130);
    const again = stage.pass(
      new FakeClient().discover(),
      withMessage(() => ({ yiaddr: ip('192.168.0.128') })),
    );
    expect(again.map(shown)).toEqual([
      'yiaddr (address): 192.168.0.128 | 192.168.0.129 (address-believed-taken)',
    ]);
  });

  it('a first silence that is followed by an answer', () => {
    const stage = new Stage();
    const client = new FakeClient();
    expect(stage.pass(client.discover(), () => undefined)).toEqual([]);
    expect(stage.passSeconds(8)).toEqual([]);
    const answered = stage.pass(client.discover());
    expect(answered.map(shown)).toEqual(['answer to discover: silence | offer (answered-late)']);
  });

  it('answers that may have passed elsewhere', () => {
    const stage = new Stage({ isServersHost: false });
    stage.pass(new FakeClient().discover(), () => undefined);
    expect(stage.passSeconds(8).map(shown)).toEqual([
      'answer to discover: silence | offer (answer-not-heard)',
    ]);
    // A broadcast would have been heard.
    const loud = new FakeClient({ header: { flags: 0x8000 } });
    for (let round = 0; round < 2; round += 1) stage.pass(loud.discover(), () => undefined);
    expect(stage.passSeconds(60).map(shown)).toEqual(['answer to discover: silence | offer']);
  });
});

describe('silence', () => {
  it('waits for a late answer, which is compared as any other', () => {
    const stage = new Stage();
    let late: Reply | undefined;
    stage.pass(new FakeClient().discover(), (reply) => {
      late = reply;
      return undefined;
    });
    expect(stage.passSeconds(30)).toEqual([]);
    if (late !== undefined) stage.reply(withMessage(() => ({ siaddr: 0 as Ipv4 }))(late));
    expect(findingsOf(stage.notices).map(shown)).toEqual([
      'answer to discover: silence | offer (answered-late)',
      'siaddr (next-server): none | 192.168.0.1 (next-server-by-default)',
    ]);
    expect(stage.passSeconds(60)).toEqual([]);
  });

  it('is a difference when none comes, and at the end', () => {
    const stage = new Stage();
    stage.pass(new FakeClient().discover(), () => undefined);
    expect(stage.passSeconds(60).map(shown)).toEqual(['answer to discover: silence | offer']);
    stage.pass(new FakeClient().discover(), () => undefined);
    stage.passSeconds(8);
    expect(stage.conclude().map(shown)).toEqual(['answer to discover: silence | offer']);
  });

  it('of a server that does not know the address of a stranger is on purpose', () => {
    const stage = new Stage();
    stage.pass(new FakeClient().renew(ADDRESS), () => undefined);
    expect(stage.passSeconds(8).map(shown)).toEqual([
      'answer to renewing: silence | ack (stranger-keeps-address)',
    ]);
  });

  it('is what a RELEASE and a DECLINE get', () => {
    const stage = new Stage();
    const client = new FakeClient();
    stage.pass(client.discover());
    stage.pass(client.select(ip('192.168.0.128')));
    stage.pass(client.release(ip('192.168.0.128')));
    stage.pass(client.decline(ip('192.168.0.128')));
    expect(stage.passSeconds(120)).toEqual([]);
    expect(stage.conclude()).toEqual([]);
  });
});

describe('several servers', () => {
  const OTHER = ip('192.168.0.77');
  const asOther = withMessage(({ options }) => ({
    options: new Map(options).set(54, Uint8Array.of(192, 168, 0, 77)),
    yiaddr: ip('192.168.0.7'),
  }));

  it('the first one is compared with, another one is passed over', () => {
    const stage = new Stage({ ear: { ...LINK, addresses: [], serverAddress: 0 as Ipv4 } });
    stage.pass(new FakeClient().discover());
    const from = stage.notices.length;
    stage.pass(new FakeClient().discover(), asOther);
    expect(stage.notices.slice(from)).toEqual([
      { kind: 'server-heard', server: OTHER, wireName: LINK.name, isCompared: false },
    ]);
  });

  it('or the one that is named', () => {
    const stage = new Stage({ server: LINK.serverAddress });
    stage.pass(new FakeClient().discover(), asOther);
    expect(findingsOf(stage.notices)).toEqual([]);
    expect(stage.notices).toHaveLength(1);
  });

  it('on another host, bootd is played at the place of the server', () => {
    const ear = { ...LINK, addresses: [], serverAddress: 0 as Ipv4 };
    const stage = new Stage({ ear, isServersHost: false });
    const client = new FakeClient();
    expect(stage.pass(client.discover())).toEqual([]);
    expect(stage.pass(client.select(ip('192.168.0.128')))).toEqual([]);
  });
});

describe('what comes from the wire', () => {
  it('cannot write control characters into a report', () => {
    const file = new Uint8Array(128);
    file.set(ascii('\u001b[2J\r\n'));
    const told = new Stage().pass(
      new FakeClient().discover(),
      withMessage(() => ({ file })),
    );
    expect(told.map(shown)).toEqual(['file (filename): \\x1b[2J\\x0d\\x0a | /pxelinux.0']);
  });

  it('is no lease where the address is of no configured network', () => {
    const leases = new LeaseTable(allRanges(seed));
    const stage = new Stage({ leases });
    const forged = withMessage(() => ({ yiaddr: ip('203.0.113.7') }));
    expect(stage.pass(new FakeClient().discover(), forged).map(shown)).toEqual([
      'yiaddr (address): 203.0.113.7 | 192.168.0.128',
    ]);
    expect([...leases.leases(stage.server.now)]).toEqual([]);
  });
});

describe('what belongs to nothing', () => {
  it('a reply without a request, and a second one, are counted', () => {
    const stage = new Stage();
    const reply = stage.server.reply(new FakeClient().discover());
    stage.reply(reply);
    expect(stage.notices.map(({ kind }) => kind)).toEqual(['server-heard', 'unpaired']);
  });

  it('a request with the same xid from another card is another one', () => {
    const stage = new Stage();
    const [a, b] = [new FakeClient(), new FakeClient()];
    const [first, second] = [a.discover(), b.discover()];
    stage.request(first);
    stage.request(second);
    stage.reply(stage.server.reply(second));
    stage.reply(stage.server.reply(first));
    expect(stage.notices.filter(({ kind }) => kind === 'compared')).toHaveLength(2);
    expect(findingsOf(stage.notices)).toEqual([]);
  });

  it('through a relay, with its own information', () => {
    const settings = {
      ...seed,
      sharedNetworks: alone(subnet('10.1.0.0/24', [range('10.1.0.10-10.1.0.20')])),
      parameters: scope(),
    };
    const stage = new Stage({ settings });
    const client = new FakeClient({
      extra: [[82, bytes('010465746837')]],
      header: { giaddr: ip('10.1.0.1') },
    });
    expect(stage.pass(client.discover())).toEqual([]);
    expect(stage.pass(client.discover(), withOption(82, undefined)).map(shown)).toEqual([
      'option 82 (relay-agent-information): none | 01:04:65:74:68:37',
    ]);
  });
});
