import { describe, expect, it } from 'vitest';
import type { BootFileByFirmware } from '../../../src/boot/firmware.ts';
import type { IronicDhcpOption } from '../../../src/boot/node.ts';
import { readNodeOption } from '../../../src/dhcp/node-options.ts';
import type { OutcomeFacts, Reply } from '../../../src/dhcp/outcome.ts';
import { fieldText } from '../../../src/wire/dhcp/dhcp-message.ts';
import {
  ascii,
  bytes,
  FakeClient,
  FakeServer,
  ip,
  lookup,
  node,
  port,
  reservation,
  scope,
  seedSettings,
  withGlobals,
  type Options,
} from './fake-view.ts';

const EVERYTHING = Uint8Array.from([
  1, 3, 6, 12, 15, 17, 43, 60, 66, 67, 128, 129, 150, 175, 208, 209, 210, 211,
]);

function firmware(vendorClass: string, architecture: string, more: Options = []): Options {
  return [[60, ascii(vendorClass)], [93, bytes(architecture)], ...more];
}

const FIRMWARE = {
  bios: firmware('PXEClient:Arch:00000:UNDI:002001', '0000'),
  'uefi-x64': firmware('PXEClient:Arch:00007:UNDI:003000', '0007'),
  'uefi-arm64': firmware('PXEClient:Arch:00011:UNDI:003000', '000b'),
  'uefi-http-x64': firmware('HTTPClient:Arch:00016:UNDI:003000', '0010'),
  'ipxe on bios': firmware('PXEClient:Arch:00000:UNDI:002001', '0000', [
    [77, ascii('iPXE')],
    [175, bytes('b10501')],
  ]),
  'ipxe on uefi': firmware('PXEClient:Arch:00007:UNDI:003010', '0007', [[77, ascii('iPXE')]]),
  linux: [[60, ascii('udhcp 1.35.0')]],
} satisfies Record<string, Options>;

function machine(kind: keyof typeof FIRMWARE, mac?: string): FakeClient {
  return new FakeClient({
    extra: FIRMWARE[kind],
    parameterList: EVERYTHING,
    ...(mac === undefined ? {} : { mac }),
  });
}

function bootFile({ message }: Reply): string {
  return fieldText(message.file);
}

describe('the boot file', () => {
  const byArch: BootFileByFirmware = {
    'uefi-x64': 'bootx64.efi',
    'uefi-arm64': 'bootaa64.efi',
    'uefi-http-x64': 'http://192.168.0.1/bootx64.efi',
  };

  it.each<[keyof typeof FIRMWARE, string]>([
    ['bios', '/pxelinux.0'],
    ['uefi-x64', 'bootx64.efi'],
    ['uefi-arm64', 'bootaa64.efi'],
    ['uefi-http-x64', 'http://192.168.0.1/bootx64.efi'],
    ['ipxe on bios', '/pxelinux.0'],
    ['ipxe on uefi', 'bootx64.efi'],
    ['linux', '/pxelinux.0'],
  ])('of %s is %s', (kind, file) => {
    const reply = new FakeServer({ settings: withGlobals({ filenameByFirmware: byArch }) }).reply(
      machine(kind).discover(),
    );
    expect(bootFile(reply)).toBe(file);
    expect(reply.facts.bootFile).toBe(file);
  });

  it('of iPXE is the script, where the site has one', () => {
    const chain = {
      filename: 'undionly.kpxe',
      filenameByFirmware: { ...byArch, 'uefi-x64': 'ipxe.efi', ipxe: 'http://192.168.0.1/boot.ipxe' },
    };
    const server = new FakeServer({ settings: withGlobals(chain) });
    expect(bootFile(server.reply(machine('bios').discover()))).toBe('undionly.kpxe');
    expect(bootFile(server.reply(machine('ipxe on bios').discover()))).toBe('http://192.168.0.1/boot.ipxe');
    expect(bootFile(server.reply(machine('ipxe on uefi').discover()))).toBe('http://192.168.0.1/boot.ipxe');
  });

  it.each([
    'undionly.kpxe',
    '/ipxe.efi',
    'tftp://192.168.0.1/snponly.efi',
    'undionly.0',
    'ipxe-x86_64.efi',
    'ipxe.lkrn',
    'IPXE.EFI',
  ])('of iPXE is never iPXE itself: %s', (filename) => {
    const { message, facts } = new FakeServer({ settings: withGlobals({ filename }) }).reply(
      machine('ipxe on bios').discover(),
    );
    expect(fieldText(message.file)).toBe('');
    expect(facts).toMatchObject({ bootFile: undefined, withheldBootFile: filename });
    expect(
      bootFile(new FakeServer({ settings: withGlobals({ filename }) }).reply(machine('bios').discover())),
    ).toBe(filename);
  });

  it.each(['boot.ipxe', 'pxelinux.0', 'ipxe/pxelinux.0', 'http://a/ipxe.php?mac=1'])(
    'of iPXE may be %s',
    (filename) => {
      const reply = new FakeServer({ settings: withGlobals({ filename }) }).reply(
        machine('ipxe on bios').discover(),
      );
      expect(bootFile(reply)).toBe(filename);
    },
  );

  it('of a wider scope counts when the narrower one has only iPXE for iPXE', () => {
    const settings = withGlobals(
      { filenameByFirmware: { ipxe: 'boot.ipxe' } },
      {
        classes: [
          {
            name: 'all',
            match: { kind: 'exists', code: 60, carrier: undefined },
            parameters: scope({ filename: 'undionly.kpxe' }),
          },
        ],
      },
    );
    expect(bootFile(new FakeServer({ settings }).reply(machine('ipxe on bios').discover()))).toBe(
      'boot.ipxe',
    );
  });

  it('of the most specific scope counts, by architecture or not', () => {
    const client = machine('uefi-x64');
    const special = reservation({ mac: client.mac, parameters: scope({ filename: 'special.efi' }) });
    const settings = withGlobals({ filenameByFirmware: byArch }, { reservations: [special] });
    expect(bootFile(new FakeServer({ settings }).reply(client.discover()))).toBe('special.efi');
  });

  it('stands in the field also where only option 67 is configured, for ROMs that read nothing else', () => {
    const settings = withGlobals({ filename: undefined, options: new Map([[67, ascii('grubx64.efi')]]) });
    const reply = new FakeServer({ settings }).reply(machine('bios').discover());
    expect(bootFile(reply)).toBe('grubx64.efi');
    expect(reply.message.options.get(67)).toEqual(ascii('grubx64.efi'));
  });

  it('is sent in option 67 only when that is configured and asked for, and then the same', () => {
    const plain = new FakeServer().reply(machine('bios').discover());
    expect(plain.message.options.has(67)).toBe(false);
    const settings = withGlobals({
      filenameByFirmware: byArch,
      options: new Map([[67, ascii('pxelinux.0')]]),
    });
    const server = new FakeServer({ settings });
    expect(server.reply(machine('uefi-x64').discover()).message.options.get(67)).toEqual(
      ascii('bootx64.efi'),
    );
    expect(server.reply(new FakeClient().discover()).message.options.get(67)).toEqual(ascii('/pxelinux.0'));
    expect(
      server.reply(new FakeClient({ parameterList: Uint8Array.of(1) }).discover()).message.options.has(67),
    ).toBe(false);
  });

  it('that is too long for the field stands in option 67, asked for or not', () => {
    const url = `http://192.168.0.1/${'x'.repeat(150)}.efi`;
    const client = new FakeClient({ extra: FIRMWARE['uefi-http-x64'], parameterList: Uint8Array.of(1) });
    const { message } = new FakeServer({ settings: withGlobals({ filename: url }) }).reply(client.discover());
    expect(fieldText(message.file)).toBe('');
    expect(message.options.get(67)).toEqual(ascii(url));
  });
});

describe('with boot files over HTTP, firmware that boots over HTTP', () => {
  const httpBoot = { address: ip('192.168.0.1'), port: 8080 };
  const offered = (
    parameters: Parameters<typeof withGlobals>[0],
    changes: Parameters<typeof withGlobals>[1],
  ) =>
    bootFile(
      new FakeServer({ settings: withGlobals(parameters, changes) }).reply(
        machine('uefi-http-x64').discover(),
      ),
    );

  it.each<[string, BootFileByFirmware, string]>([
    [
      'what its architecture gets by PXE',
      { 'uefi-x64': 'bootx64.efi' },
      'http://192.168.0.1:8080/bootx64.efi',
    ],
    [
      'its own file, as a URL',
      { 'uefi-x64': 'bootx64.efi', 'uefi-http-x64': '/ipxe.efi' },
      'http://192.168.0.1:8080/ipxe.efi',
    ],
    ['a URL as it is', { 'uefi-http-x64': 'http://10.0.0.1/x.efi' }, 'http://10.0.0.1/x.efi'],
    ['nothing where there is only pxelinux.0', {}, ''],
  ])('gets %s', (_, filenameByFirmware, file) => {
    expect(offered({ filenameByFirmware }, { httpBoot })).toBe(file);
  });

  it.each([
    [{ address: ip('192.168.0.1'), port: 80 }, 'http://192.168.0.1/x.efi'],
    [{ address: undefined, port: 8080 }, 'http://192.168.0.1:8080/x.efi'],
    [undefined, 'x.efi'],
  ])('is sent to %j', (location, file) => {
    expect(offered({ filename: 'x.efi' }, { httpBoot: location })).toBe(file);
  });

  it('is not alone: PXE firmware gets names as before', () => {
    const settings = withGlobals({ filenameByFirmware: { 'uefi-x64': 'bootx64.efi' } }, { httpBoot });
    expect(bootFile(new FakeServer({ settings }).reply(machine('uefi-x64').discover()))).toBe('bootx64.efi');
  });
});

describe('option 60', () => {
  const url = { filename: 'http://192.168.0.1/boot.efi' };

  it.each<[string, keyof typeof FIRMWARE, Parameters<typeof withGlobals>[0], string | undefined]>([
    ['not to PXE firmware: EDK2 would look for a boot server', 'uefi-x64', {}, undefined],
    ['HTTPClient with a URL', 'uefi-http-x64', url, 'HTTPClient'],
    ['nothing without a URL, which HTTP boot would not take', 'uefi-http-x64', {}, undefined],
    ['nothing to PXE firmware that gets a URL', 'ipxe on uefi', url, undefined],
    ['nothing to a system', 'linux', url, undefined],
    ['what is configured', 'bios', { options: new Map([[60, ascii('PXEClient')]]) }, 'PXEClient'],
    [
      'HTTPClient whatever is configured',
      'uefi-http-x64',
      { ...url, options: new Map([[60, ascii('PXEClient')]]) },
      'HTTPClient',
    ],
  ])('%s', (_name, kind, parameters, value) => {
    const { message } = new FakeServer({ settings: withGlobals(parameters) }).reply(machine(kind).discover());
    expect(message.options.get(60)).toEqual(value === undefined ? undefined : ascii(value));
  });
});

describe('a PXE menu in option 43', () => {
  const encapsulated = new Map([
    [
      'pxe',
      new Map([
        [6, bytes('08')],
        [10, bytes('0350')],
      ]),
    ],
  ]);
  const menu = withGlobals({ encapsulated }, { spaceCarriers: new Map([['pxe', 43]]) });

  it('goes to PXE firmware, together with PXEClient, asked for or not', () => {
    for (const parameterList of [EVERYTHING, Uint8Array.of(1)]) {
      const client = new FakeClient({ extra: FIRMWARE.bios, parameterList });
      const { message } = new FakeServer({ settings: menu }).reply(client.discover());
      expect(message.options.get(43)).toEqual(bytes('0601080a020350ff'));
      expect(message.options.get(60)).toEqual(ascii('PXEClient'));
    }
  });

  it('goes to nobody else unasked, and never with PXEClient', () => {
    const { message } = new FakeServer({ settings: menu }).reply(
      new FakeClient({ parameterList: Uint8Array.of(1) }).discover(),
    );
    expect([message.options.has(43), message.options.has(60)]).toEqual([false, false]);
  });

  it('may be plain octets, sent when asked for', () => {
    const settings = withGlobals({ options: new Map([[43, ascii('Raspberry Pi Boot')]]) });
    const { message } = new FakeServer({ settings }).reply(machine('bios').discover());
    expect(message.options.get(43)).toEqual(ascii('Raspberry Pi Boot'));
    expect(message.options.has(60)).toBe(false);
  });
});

/** The options of the boot interface `pxe` of Ironic 2023.1, as it passes them. */
const IRONIC: readonly IronicDhcpOption[] = [
  { name: '67', value: 'pxelinux.0', ipVersion: 4 },
  { name: '210', value: '/tftpboot/', ipVersion: 4 },
  { name: '66', value: '192.168.0.9', ipVersion: 4 },
  { name: '150', value: '192.168.0.9', ipVersion: 4 },
  { name: '255', value: '192.168.0.9', ipVersion: 4 },
  { name: '59', value: 'tftp://192.168.0.9/pxelinux.0', ipVersion: 6 },
];

describe('a node', () => {
  const MAC = '0c:c4:7a:0e:2b:61';
  const serve = (
    settings: Partial<Parameters<typeof node>[0]>,
    kind: keyof typeof FIRMWARE = 'bios',
  ): Reply => {
    const nodes = lookup(node({ ports: [port(MAC)], ...settings }));
    return new FakeServer({ nodes }).reply(machine(kind, MAC).discover());
  };
  const facts = (reply: Reply): OutcomeFacts => reply.facts;

  it('gets what Ironic says', () => {
    const { message } = serve({ dhcpOptions: IRONIC });
    expect(fieldText(message.file)).toBe('pxelinux.0');
    expect(message.siaddr).toBe(ip('192.168.0.9'));
    expect(message.options.get(210)).toEqual(ascii('/tftpboot/'));
    expect(message.options.get(66)).toEqual(ascii('192.168.0.9'));
    expect(message.options.get(67)).toEqual(ascii('pxelinux.0'));
    expect(message.options.get(150)).toEqual(bytes('c0a80009'));
    expect(message.options.has(59)).toBe(false);
    expect(message.options.has(255)).toBe(false);
  });

  it('gets no option that it did not ask for', () => {
    const nodes = lookup(node({ ports: [port(MAC)], dhcpOptions: IRONIC }));
    const client = new FakeClient({ mac: MAC, parameterList: Uint8Array.of(1) });
    const { message } = new FakeServer({ nodes }).reply(client.discover());
    expect([...message.options.keys()]).toEqual([53, 54, 51, 1]);
  });

  it.each<[string, IronicDhcpOption['name'][]]>([
    ['with tags', ['tag:!ipxe,67', 'tag:ipxe,67']],
    ['without tags for a provider that has none', ['!175,67', '67']],
    ['with Liberty’s names', ['!175,bootfile-name', 'bootfile-name']],
  ])('chains iPXE %s', (_name, [first, second]) => {
    const dhcpOptions: IronicDhcpOption[] = [
      { name: first!, value: 'undionly.kpxe', ipVersion: 4 },
      { name: second!, value: 'http://192.168.0.1:8080/boot.ipxe', ipVersion: 4 },
      { name: 'tag:!ipxe6,59', value: 'tftp://192.168.0.1/undionly.kpxe', ipVersion: 6 },
    ];
    expect(bootFile(serve({ dhcpOptions }, 'bios'))).toBe('undionly.kpxe');
    expect(bootFile(serve({ dhcpOptions }, 'ipxe on bios'))).toBe('http://192.168.0.1:8080/boot.ipxe');
  });

  it('of Liberty gets what that says', () => {
    const dhcpOptions: IronicDhcpOption[] = [
      { name: 'bootfile-name', value: 'pxelinux.0', ipVersion: 4 },
      { name: 'server-ip-address', value: '192.168.0.9', ipVersion: 4 },
      { name: 'tftp-server', value: '192.168.0.9', ipVersion: 4 },
    ];
    const { message } = serve({ dhcpOptions });
    expect([fieldText(message.file), message.siaddr]).toEqual(['pxelinux.0', ip('192.168.0.9')]);
    expect(message.options.get(66)).toEqual(ascii('192.168.0.9'));
  });

  it('that boots by HTTP gets its URL and HTTPClient', () => {
    const dhcpOptions: IronicDhcpOption[] = [
      { name: '67', value: 'http://192.168.0.1:8080/bootx64.efi', ipVersion: 4 },
      { name: '60', value: 'HTTPClient', ipVersion: 4 },
    ];
    const { message } = serve({ dhcpOptions }, 'uefi-http-x64');
    expect(fieldText(message.file)).toBe('http://192.168.0.1:8080/bootx64.efi');
    expect(message.options.get(60)).toEqual(ascii('HTTPClient'));
  });

  it('without options of its own boots by the configuration', () => {
    expect(bootFile(serve({}))).toBe('/pxelinux.0');
  });

  it('gets an address and no boot file on a port that is not PXE-enabled', () => {
    const { message, facts: told } = serve({
      ports: [port(MAC, { pxeEnabled: false })],
      dhcpOptions: IRONIC,
    });
    expect(message.yiaddr).not.toBe(0);
    expect(fieldText(message.file)).toBe('');
    expect([66, 67, 150].filter((code) => message.options.has(code))).toEqual([]);
    expect(told).toMatchObject({ node: '1f70d3aa-7c1a-4f45-ac1c-dd0e3342553f', bootFile: undefined });
  });

  it.each([
    ['bios', 'bios', false],
    ['bios', 'uefi-x64', true],
    ['uefi', 'bios', true],
    ['uefi', 'uefi-x64', false],
    ['uefi', 'linux', false],
    [undefined, 'bios', false],
  ] as const)('declared %s that comes as %s is a mismatch: %s', (bootMode, kind, mismatch) => {
    expect(facts(serve({ bootMode }, kind)).bootModeMismatch).toBe(mismatch);
  });
});

describe('readNodeOption', () => {
  it.each<[string, string, object]>([
    ['67', 'pxelinux.0', { kind: 'option', code: 67, audience: 'all', value: ascii('pxelinux.0') }],
    ['tag:ipxe,67', 'boot.ipxe', { kind: 'option', code: 67, audience: 'ipxe' }],
    ['tag:!ipxe,67', 'undionly.kpxe', { audience: 'not-ipxe' }],
    ['!175,bootfile-name', 'undionly.kpxe', { code: 67, audience: 'not-ipxe' }],
    ['option:router', '10.0.0.1', { kind: 'unreadable' }],
    ['option:routers', '10.0.0.1', { code: 3, value: bytes('0a000001') }],
    ['255', '192.168.0.1', { kind: 'next-server', value: bytes('c0a80001') }],
    ['server-ip-address', '192.168.0.1', { kind: 'next-server' }],
    [
      '255',
      'tftp.example',
      { kind: 'unreadable', reason: expect.stringMatching(/'255': expected an IPv4 address/) as string },
    ],
    ['59', 'tftp://x', { kind: 'ignored' }],
    ['224', 'text', { kind: 'option', code: 224, audience: 'all', value: ascii('text') }],
    ['tag:ipxe,225', 'e4:45:74', { kind: 'option', code: 225, audience: 'ipxe', value: bytes('e44574') }],
    ['61', '01:02', { kind: 'unreadable', reason: "'61': every reply works out option 61 for itself" }],
    ['0', 'x', { kind: 'unreadable' }],
    ['256', 'x', { kind: 'unreadable' }],
    [
      'colour',
      'blue',
      { kind: 'unreadable', reason: expect.stringMatching(/'colour' names no DHCP option/) as string },
    ],
    [
      'tag:deploy,67',
      'x',
      { kind: 'unreadable', reason: expect.stringMatching(/'tag:deploy'.*no tag/) as string },
    ],
  ])('%s = %s', (name, value, meaning) => {
    expect(readNodeOption({ name, value, ipVersion: 4 })).toMatchObject(meaning);
  });

  it('leaves options for IPv6 to IPv6', () => {
    expect(readNodeOption({ name: '59', value: 'x', ipVersion: 6 })).toEqual({ kind: 'ignored' });
  });
});

describe('a proxy', () => {
  const settings = seedSettings({ mode: 'proxy', sharedNetworks: [] });
  const bootServer = { port: 'boot-server' } as const;

  it('offers boot data and no address to a boot ROM', () => {
    const server = new FakeServer({ settings });
    const client = machine('bios');
    const { message, changes, route } = server.reply(client.discover());
    expect(message).toMatchObject({ yiaddr: 0, siaddr: ip('192.168.0.1') });
    expect(fieldText(message.file)).toBe('/pxelinux.0');
    expect(message.options.get(60)).toEqual(ascii('PXEClient'));
    expect(message.options.get(43)).toEqual(bytes('060108ff'));
    expect([1, 51, 58, 59].filter((code) => message.options.has(code))).toEqual([]);
    expect(changes).toEqual([]);
    expect(route.kind).toBe('broadcast');
  });

  it.each<[string, FakeClient, string]>([
    ['a system', machine('linux'), 'not-for-boot-server'],
    ['HTTP boot without a URL', machine('uefi-http-x64'), 'no-boot-file'],
  ])('has nothing to say to %s', (_name, client, reason) => {
    expect(new FakeServer({ settings }).silence(client.discover()).reason).toBe(reason);
  });

  it('leaves everything about addresses to the other server', () => {
    const server = new FakeServer({ settings });
    const client = machine('bios');
    for (const message of [
      client.select(ip('192.168.0.130')),
      client.renew(ip('192.168.0.130')),
      client.bootp(),
    ]) {
      expect(server.silence(message).reason).toBe('not-for-boot-server');
    }
  });

  it('has nothing to say where there is no boot file', () => {
    const none = { ...settings, parameters: scope() };
    expect(new FakeServer({ settings: none }).silence(machine('bios').discover()).reason).toBe(
      'no-boot-file',
    );
  });

  it('has nothing to say to a port that is not PXE-enabled', () => {
    const client = machine('bios');
    const nodes = lookup(node({ ports: [port(client.mac, { pxeEnabled: false })] }));
    expect(new FakeServer({ settings, nodes }).silence(client.discover()).reason).toBe('no-boot-file');
  });

  it('answers on port 4011 to the address that the ROM has by now', () => {
    const client = machine('uefi-x64');
    const here = ip('192.168.0.130');
    const {
      message,
      route,
      facts: told,
    } = new FakeServer({ settings }).reply(client.renew(here), bootServer);
    expect(told.replyType).toBe('ack');
    expect(route).toMatchObject({ kind: 'boot-server', address: here, port: 68 });
    expect(message).toMatchObject({ yiaddr: 0, ciaddr: here });
    expect(message.options.get(60)).toEqual(ascii('PXEClient'));
  });

  it('confirms the menu item that was chosen there', () => {
    const client = new FakeClient({
      extra: [...FIRMWARE.bios, [43, bytes('470400010000ff')]],
      parameterList: EVERYTHING,
    });
    const { message } = new FakeServer({ settings }).reply(client.renew(ip('192.168.0.130')), bootServer);
    expect(message.options.get(43)).toEqual(bytes('060108470400010000ff'));
  });

  it('does not answer releases there', () => {
    const server = new FakeServer({ settings });
    expect(server.silence(machine('bios').release(ip('192.168.0.130')), bootServer).reason).toBe(
      'not-for-boot-server',
    );
  });

  it('answers known machines alone, where it says so', () => {
    const server = new FakeServer({ settings: { ...settings, answer: 'known-machines' } });
    expect(server.silence(machine('bios').discover()).reason).toBe('unknown-machine');
  });
});
