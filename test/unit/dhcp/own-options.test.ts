import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse-config.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { fieldText } from '../../../src/wire/dhcp/dhcp-message.ts';
import { ascii, bytes, FakeClient, FakeServer, ip } from './fake-view.ts';

// From the words of bootd.yaml to the octets of a reply.

const SUBNET = 'subnets: [{ subnet: 192.168.0.0/24, ranges: [{ range: 192.168.0.128-192.168.0.254 }] }]';

function settingsOf(dhcp: string): DhcpSettings {
  const text = `interfaces: [br-prov]\ndhcp:\n  ${SUBNET}\n${dhcp}`;
  const { settings, problems } = parseConfig(text, { file: 'f', folder: '/', shippedTemplates: '/t' });
  expect(problems.map(({ message }) => message)).toEqual([]);
  if (settings?.dhcp === undefined) throw new Error('the configuration cannot be used');
  return settings.dhcp;
}

function hex(octets: Uint8Array | undefined): string | undefined {
  return octets && Buffer.from(octets).toString('hex');
}

function textHex(text: string): string {
  return Buffer.from(text).toString('hex');
}

describe('an option of the site’s own', () => {
  const definitions: readonly (readonly [type: string, value: string, octets: string])[] = [
    ['string', 'e4:45:74:68:00:00', 'e44574680000'],
    ['string', '{ text: "e4:45" }', textHex('e4:45')],
    ['text', 'console=ttyS0,115200', textHex('console=ttyS0,115200')],
    ['boolean', 'true', '01'],
    ['unsigned integer 8', '200', 'c8'],
    ['signed integer 16', '-2', 'fffe'],
    ['unsigned integer 32', '3232235521', 'c0a80001'],
    ['ip-address', '192.168.0.7', 'c0a80007'],
    ['array of ip-address', '[192.168.0.7, 192.168.0.8]', 'c0a80007c0a80008'],
    ['array of unsigned integer 16', '[1, 65535]', '0001ffff'],
    [
      "'{ unsigned integer 8, ip-address, text }'",
      '[7, 192.168.0.9, seven of nine]',
      `07c0a80009${textHex('seven of nine')}`,
    ],
    ["'array of { ip-address, integer 8 }'", '[[10.0.0.1, 5], [10.0.0.2, -1]]', '0a000001050a000002ff'],
    ["'{ boolean, array of ip-address }'", '[true, [10.0.0.1, 10.0.0.2]]', '010a0000010a000002'],
    ['domain-list', '[a.example, b.example]', '0161076578616d706c6500' + '0162c002'],
  ];

  it.each(definitions)('of the type %s with the value %s', (type, value, octets) => {
    const settings = settingsOf(
      `  option-definitions: { mine: { code: 231, type: ${type} } }\n  options:\n    mine: ${value}`,
    );
    for (const parameterList of [Uint8Array.of(231), undefined]) {
      const { message } = new FakeServer({ settings }).reply(new FakeClient({ parameterList }).discover());
      expect(hex(message.options.get(231))).toBe(octets);
    }
    const unasked = new FakeClient({ parameterList: Uint8Array.of(1) });
    expect(new FakeServer({ settings }).reply(unasked.discover()).message.options.has(231)).toBe(false);
  });

  it('without a value is a name, and nothing is sent', () => {
    const settings = settingsOf('  option-definitions: { option-128: { code: 128, type: string } }');
    const asks = new FakeClient({ parameterList: Uint8Array.of(128) });
    expect(new FakeServer({ settings }).reply(asks.discover()).message.options.has(128)).toBe(false);
  });

  it('may carry a space, whose sub-options come from every scope', () => {
    const settings = settingsOf(`
  option-definitions:
    acme: { code: 224, type: encapsulate ACME }
    ACME.server: { code: 1, type: ip-address }
    ACME.seats: { code: 2, type: array of unsigned integer 8 }
  options: { ACME.server: 192.168.0.5, ACME.seats: [1, 2] }
  classes:
    - name: big
      match: exists host-name
      options: { ACME.seats: [9] }`);
    const parameterList = Uint8Array.of(224);
    const acme = (client: FakeClient): string | undefined =>
      hex(new FakeServer({ settings }).reply(client.discover()).message.options.get(224));
    expect(acme(new FakeClient({ parameterList }))).toBe('0104c0a80005' + '02020102');
    expect(acme(new FakeClient({ parameterList, extra: [[12, ascii('x')]] }))).toBe(
      '020109' + '0104c0a80005',
    );
  });
});

describe('a menu for PXE ROMs', () => {
  const settings = settingsOf(`
  vendor-option-space: pxe
  filename: pxelinux.0
  options:
    pxe.discovery-control: 3
    pxe.boot-server: [[1, 1, 192.168.0.1], [2, 2, '192.168.0.1, 192.168.0.2']]
    pxe.boot-menu: [[0, 10, Local disk], [2, 6, Rescue]]
    pxe.menu-prompt: [10, Press F8 for the menu]
  classes: [{ name: rescue, match: 'option pxe.boot-item = 00:02:00:00', filename: rescue.0 }]`);
  const rom = [
    [60, ascii('PXEClient:Arch:00000:UNDI:002001')],
    [93, bytes('0000')],
  ] as const;
  const menu = [
    '060103',
    '0812' + '000101c0a80001' + '000202c0a80001c0a80002',
    `091600000a${textHex('Local disk')}000206${textHex('Rescue')}`,
    `0a160a${textHex('Press F8 for the menu')}`,
    'ff',
  ].join('');

  it.each([Uint8Array.of(1, 43, 60), Uint8Array.of(1)])(
    'is shown, asked for or not: list %s',
    (parameterList) => {
      const { message } = new FakeServer({ settings }).reply(
        new FakeClient({ extra: rom, parameterList }).discover(),
      );
      expect(hex(message.options.get(43))).toBe(menu);
      expect([message.options.get(60), fieldText(message.file)]).toEqual([ascii('PXEClient'), 'pxelinux.0']);
    },
  );

  it.each([Uint8Array.of(1, 43, 60), Uint8Array.of(1)])(
    'is answered on port 4011 by confirming the choice, not by the menu once more: list %s',
    (parameterList) => {
      const client = new FakeClient({ extra: [...rom, [43, bytes('470400020000ff')]], parameterList });
      const { message } = new FakeServer({ settings }).reply(client.renew(ip('192.168.0.130')), {
        port: 'boot-server',
      });
      expect(hex(message.options.get(43))).toBe('060108' + '470400020000' + 'ff');
      // A class may tell the items apart.
      expect(fieldText(message.file)).toBe('rescue.0');
    },
  );
});
