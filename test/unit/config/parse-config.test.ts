import { POWER_DEFAULTS } from '../../../src/ipmi/power-settings.ts';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatIpv4, parseIpv4 } from '../../../src/addr/ipv4.ts';
import { formatSubnet } from '../../../src/addr/subnet.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { parseConfig, sectionsWithoutInterfaces } from '../../../src/config/parse-config.ts';
import type { BootdSettings } from '../../../src/config/settings.ts';
import { inDhcp, problemsOf, SOURCE, withSubnet } from './mistake.ts';

const root = resolve(import.meta.dirname, '../../..');

function settingsOf(text: string): BootdSettings {
  const { settings, problems } = parseConfig(text, SOURCE);
  if (settings === undefined) throw new Error(JSON.stringify(problems));
  return settings;
}

function dhcpOf(text: string): DhcpSettings {
  const { dhcp } = settingsOf(text);
  if (dhcp === undefined) throw new Error('no dhcp section');
  return dhcp;
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const NOTHING = { options: new Map(), encapsulated: new Map() };

describe('the installation of the application note', () => {
  const text = readFileSync(resolve(root, 'docs/examples/bootd.yaml'), 'utf8');

  it('has no problem', () => {
    expect(problemsOf(text)).toEqual([]);
  });

  it('means this', () => {
    const expected: BootdSettings = {
      interfaces: ['br-prov'],
      stateDirectory: '/var/lib/bootd',
      logLevel: 'info',
      power: POWER_DEFAULTS,
      dhcp: {
        mode: 'server',
        answer: 'all',
        serverPort: 67,
        clientPort: 68,
        parameters: {
          options: new Map([
            [128, Uint8Array.of(0xe4, 0x45, 0x74, 0x68, 0, 0)],
            [129, ascii('console=ttyS0,115200')],
          ]),
          encapsulated: new Map(),
          nextServer: parseIpv4('192.168.0.1'),
          filename: '/pxelinux.0',
          filenameByFirmware: { 'uefi-x64': 'bootx64.efi', 'uefi-arm64': 'bootaa64.efi' },
          defaultLeaseSeconds: 600,
          maxLeaseSeconds: 7200,
          authoritative: true,
          allowBooting: true,
          allowBootp: true,
          pingCheck: true,
        },
        sharedNetworks: [
          {
            name: undefined,
            subnets: [
              {
                subnet: { network: parseIpv4('192.168.0.0')!, prefixLength: 24 },
                ranges: [
                  {
                    range: { first: parseIpv4('192.168.0.128')!, last: parseIpv4('192.168.0.254')! },
                    dynamicBootp: true,
                    allow: [],
                    deny: [],
                    parameters: NOTHING,
                  },
                ],
                parameters: {
                  options: new Map([[28, Uint8Array.of(192, 168, 0, 255)]]),
                  encapsulated: new Map(),
                },
              },
            ],
            parameters: NOTHING,
          },
        ],
        classes: [],
        reservations: [
          {
            name: undefined,
            clientId: undefined,
            hardware: { htype: 1, address: Uint8Array.of(0x0c, 0xc4, 0x7a, 0x0e, 0x2b, 0x6b) },
            fixedAddresses: [parseIpv4('192.168.0.20')!],
            hostName: 'bm1',
            parameters: NOTHING,
          },
        ],
        spaceCarriers: new Map([
          ['nwip', 63],
          ['fqdn', 81],
          ['agent', 82],
          ['ipxe', 175],
        ]),
        httpBoot: { address: parseIpv4('192.168.0.1')!, port: 8080 },
        offerHoldSeconds: 120,
        declineHoldSeconds: 86_400,
      },
      tftp: {
        root: '/tftpboot',
        mapFile: '/tftpboot/map-file',
        secure: false,
        permissive: false,
        followSymlinksTo: [],
        listen: undefined,
        port: 69,
        portRange: undefined,
        singlePort: false,
        collapseDoubledSlashes: true,
        blockSizeMax: undefined,
        windowSizeMax: 64,
        retransmitMs: 1000,
      },
      unknownMachines: { kind: 'none' },
      templatesDirectory: SOURCE.shippedTemplates,
      control: { socket: '/run/bootd/control.sock', group: 'bootd' },
      http: { listen: { host: '127.0.0.1', port: 8067 }, tokenFile: undefined, hostNames: [] },
      httpBoot: { listen: { host: '192.168.0.1', port: 8080 }, root: '/tftpboot' },
      images: { cacheDirectory: '/var/lib/bootd/images', maxBytes: 21_474_836_480, timeoutSeconds: 1800 },
      dnsmasqFiles: undefined,
    };
    expect(settingsOf(text)).toEqual(expected);
  });
});

describe('a file with every key', () => {
  const text = readFileSync(resolve(root, 'test/data/config/everything.yaml'), 'utf8');
  const settings = settingsOf(text);
  const dhcp = dhcpOf(text);

  it('has no problem', () => {
    expect(problemsOf(text)).toEqual([]);
  });

  it('sets the top level', () => {
    expect({ ...settings, dhcp: undefined, tftp: undefined }).toEqual({
      power: {
        pollIntervalMs: 30_000,
        retries: { attempts: 5, firstTimeoutMs: 500 },
        bootWatch: { firstRequestMs: 300_000, bootMs: 900_000, attempts: 2 },
      },
      interfaces: ['br-prov', 'eth1.100'],
      stateDirectory: '/etc/bootd/state',
      logLevel: 'debug',
      unknownMachines: { kind: 'profile', name: 'discovery' },
      templatesDirectory: '/etc/bootd/templates',
      control: { socket: '/etc/bootd/control.sock', group: 'ironic' },
      http: { listen: { host: '::1', port: 8067 }, tokenFile: '/etc/bootd/token', hostNames: [] },
      httpBoot: { listen: { host: '192.168.0.1', port: 8080 }, root: '/srv/boot' },
      images: { cacheDirectory: '/etc/bootd/cache', maxBytes: 1_000_000, timeoutSeconds: 60 },
      dnsmasqFiles: {
        hostsDirectory: '/etc/bootd/ironic/hosts',
        optionsDirectory: '/var/lib/bootd/ironic/options',
        leaseFile: '/var/lib/bootd/ironic/leases',
      },
    });
  });

  it('sets tftp', () => {
    expect(settings.tftp).toEqual({
      root: '/etc/bootd/srv',
      mapFile: '/etc/map-file',
      secure: true,
      permissive: true,
      followSymlinksTo: ['/etc/images', '/var/lib/images'],
      listen: ['192.168.0.1', 'fd00::1'],
      port: 6969,
      portRange: { first: 4096, last: 5119 },
      singlePort: false,
      collapseDoubledSlashes: false,
      blockSizeMax: 1428,
      windowSizeMax: 16,
      retransmitMs: 250,
    });
  });

  it('sets the global scope', () => {
    const { options, encapsulated, ...fields } = dhcp.parameters;
    expect(fields).toEqual({
      nextServer: parseIpv4('192.168.0.1'),
      serverIdentifier: parseIpv4('192.168.0.1'),
      serverName: 'boot',
      filename: '/pxelinux.0',
      filenameByFirmware: {
        bios: 'a.0',
        'uefi-ia32': 'b.efi',
        'uefi-x64': 'c.efi',
        'uefi-arm32': 'd.efi',
        'uefi-arm64': 'e.efi',
        'uefi-http-ia32': 'http://192.168.0.1/f.efi',
        'uefi-http-x64': 'http://192.168.0.1/g.efi',
        'uefi-http-arm64': 'http://192.168.0.1/h.efi',
        ipxe: 'http://192.168.0.1/boot.ipxe',
      },
      defaultLeaseSeconds: 600,
      minLeaseSeconds: 300,
      maxLeaseSeconds: 7200,
      authoritative: true,
      allowBooting: true,
      allowBootp: false,
      ignoreClientUids: true,
      pingCheck: false,
    });
    expect([...options]).toEqual([
      [232, Uint8Array.of(7, 10, 10, 0, 9, 0x30, 0x30, 0x37)],
      [224, Uint8Array.of(1)],
      [200, Uint8Array.of(0xe4, 0x45, 0x74)],
      [201, ascii('e4:45')],
      [119, Uint8Array.of(1, 0x61, 7, ...ascii('example'), 0, 1, 0x62, 0xc0, 2)],
    ]);
    expect([...encapsulated]).toEqual([
      ['acme', new Map([[1, Uint8Array.of(10, 0, 0, 1)]])],
      ['pxe', new Map([[6, Uint8Array.of(8)]])],
      ['other', new Map([[7, Uint8Array.of(1, 2)]])],
      ['ipxe', new Map([[176, Uint8Array.of(1)]])],
    ]);
    expect(Object.fromEntries(dhcp.spaceCarriers)).toMatchObject({
      acme: 43,
      pxe: 43,
      other: 240,
      ipxe: 175,
    });
  });

  it('sets the rest of dhcp', () => {
    const { mode, answer, serverPort, clientPort, offerHoldSeconds, declineHoldSeconds } = dhcp;
    expect({ mode, answer, serverPort, clientPort, offerHoldSeconds, declineHoldSeconds }).toEqual({
      mode: 'server',
      answer: 'known-machines',
      serverPort: 6767,
      clientPort: 6868,
      offerHoldSeconds: 60,
      declineHoldSeconds: 3600,
    });
  });

  it('sets networks', () => {
    const shown = dhcp.sharedNetworks.map(({ name, subnets }) => ({
      name,
      subnets: subnets.map(({ subnet, ranges }) => [formatSubnet(subnet), ranges.length]),
    }));
    expect(shown).toEqual([
      {
        name: 'wire',
        subnets: [
          ['10.8.0.0/24', 0],
          ['10.8.1.0/24', 0],
        ],
      },
      { name: undefined, subnets: [['192.168.0.0/24', 2]] },
    ]);
    const [wire, alone] = dhcp.sharedNetworks;
    const servers = Uint8Array.of(192, 168, 0, 2, 192, 168, 0, 3);
    expect([...wire!.parameters.options]).toEqual([[6, servers]]);
    expect([...wire!.subnets[1]!.parameters.options]).toEqual([
      [3, Uint8Array.of(10, 8, 1, 1)],
      [6, servers],
    ]);
    const [range] = alone!.subnets[0]!.ranges;
    expect(range).toMatchObject({
      dynamicBootp: true,
      allow: [{ kind: 'class', name: 'rack7' }, { kind: 'known-machines' }],
      deny: [{ kind: 'bootp' }, { kind: 'unknown-machines' }],
    });
    expect(range!.parameters).toMatchObject({ filename: 'special.0', pingCheck: true });
    expect(alone!.subnets[0]!.parameters.authoritative).toBe(false);
  });

  it('sets classes and reservations', () => {
    expect(dhcp.classes).toMatchObject([
      {
        name: 'rack7',
        match: {
          kind: 'equals',
          left: { kind: 'sub-option', carrier: 82, code: 1 },
          right: { kind: 'octets', value: ascii('rack7') },
        },
        onlyOn: [
          { network: parseIpv4('192.168.0.0')!, prefixLength: 24 },
          { network: parseIpv4('10.8.0.0')!, prefixLength: 16 },
        ],
        parameters: { maxLeaseSeconds: 900, options: new Map([[15, ascii('rack7.example')]]) },
      },
    ]);
    expect(
      dhcp.reservations.map(({ name, clientId, hardware, fixedAddresses, hostName }) => ({
        name,
        clientId,
        hardware,
        fixed: fixedAddresses.map(formatIpv4),
        hostName,
      })),
    ).toEqual([
      {
        name: 'node-a',
        clientId: undefined,
        hardware: { htype: 1, address: Uint8Array.of(0x0c, 0xc4, 0x7a, 0x0e, 0x2b, 0x6b) },
        fixed: ['192.168.0.40', '10.8.0.40'],
        hostName: 'bm1',
      },
      {
        name: undefined,
        clientId: Uint8Array.of(0, 0x4c, 0x4c),
        hardware: { htype: 32, address: Uint8Array.of(0x80, 0, 1) },
        fixed: [],
        hostName: undefined,
      },
      {
        name: undefined,
        clientId: undefined,
        hardware: { htype: 7, address: Uint8Array.of(10) },
        fixed: [],
        hostName: undefined,
      },
      { name: undefined, clientId: ascii('node-17'), hardware: undefined, fixed: [], hostName: undefined },
    ]);
    expect(dhcp.reservations[0]!.parameters.nextServer).toBe(parseIpv4('192.168.0.9'));
  });
});

describe('what the file leaves out', () => {
  it('is off, or has its default', () => {
    const settings = settingsOf('tftp: { root: /srv, listen: [127.0.0.1] }\n');
    expect(settings).toEqual({
      power: POWER_DEFAULTS,
      interfaces: [],
      stateDirectory: '/var/lib/bootd',
      logLevel: 'info',
      dhcp: undefined,
      tftp: settings.tftp,
      unknownMachines: { kind: 'none' },
      templatesDirectory: SOURCE.shippedTemplates,
      control: { socket: '/run/bootd/control.sock', group: 'bootd' },
      http: undefined,
      dnsmasqFiles: undefined,
      httpBoot: undefined,
      images: { cacheDirectory: '/var/lib/bootd/images', maxBytes: 20 * 1024 ** 3, timeoutSeconds: 1800 },
    });
  });

  it.each([
    ['without a map-file', '', true],
    ['with a map-file', ', map-file: /m', false],
    ['with a map-file and a word about it', ', map-file: /m, secure: true', true],
    ['without a map-file and with a word about it', ', secure: false', false],
  ])('tftp.secure %s', (_, more, secure) => {
    expect(settingsOf(`tftp: { root: /srv, listen: [127.0.0.1]${more} }\n`).tftp?.secure).toBe(secure);
  });

  it.each(['none', 'local-disk', 'menu'] as const)('boot.unknown: %s is no profile', (kind) => {
    expect(settingsOf(`boot: { unknown: ${kind} }`).unknownMachines).toEqual({ kind });
  });
});

describe('http-boot', () => {
  it.each([
    ['192.168.0.1:80', { address: parseIpv4('192.168.0.1'), port: 80 }],
    ['0.0.0.0:8080', { address: undefined, port: 8080 }],
    ["'[::]:8080'", { address: undefined, port: 8080 }],
    ["'[fd00::1]:8080'", undefined],
  ])('on %s is where DHCP sends HTTP clients', (listen, location) => {
    const text = `interfaces: [eth0]\nhttp-boot: { listen: ${listen}, root: /srv }\ndhcp: {}\n`;
    expect(settingsOf(text).dhcp?.httpBoot).toEqual(location);
  });

  it("has TFTP's root, unless it has one of its own", () => {
    const text = 'interfaces: [eth0]\ntftp: { root: tree }\nhttp-boot: { listen: 10.0.0.1:80 }\n';
    expect(settingsOf(text).httpBoot?.root).toBe('/etc/bootd/tree');
  });
});

describe('sectionsWithoutInterfaces', () => {
  it.each([
    ['tftp: { root: /srv }', ['tftp']],
    ['tftp: { root: /srv, listen: [10.0.0.1] }', []],
    ['dhcp: { subnets: [{ subnet: 10.0.0.0/24 }] }', ['dhcp']],
    ['interfaces: [eth0]\ndhcp: {}\ntftp: { root: /srv }', []],
    ['dhcp: {}\ntftp: { root: /srv }', ['dhcp', 'tftp']],
  ])('%s', (text, sections) => {
    expect(sectionsWithoutInterfaces(settingsOf(text))).toEqual(sections);
  });
});

describe('values', () => {
  it('of options without a name in dhcpd are octets or text', () => {
    const { parameters } = dhcpOf(
      withSubnet('options: { option-200: 01:02, option-201: hello, unknown-202: 115200 }'),
    );
    expect([...parameters.options]).toEqual([
      [200, Uint8Array.of(1, 2)],
      [201, ascii('hello')],
      [202, ascii('115200')],
    ]);
  });

  it('of a redefined standard option follow the definition', () => {
    const { parameters } = dhcpOf(
      withSubnet(
        'option-definitions: { arch: { code: 93, type: unsigned integer 16 } }',
        'options: { arch: 7 }',
      ),
    );
    expect([...parameters.options]).toEqual([[93, Uint8Array.of(0, 7)]]);
  });

  it('may be shared by anchors, and a key of its own wins over a merged one', () => {
    const { reservations } = dhcpOf(
      withSubnet(
        'reservations:',
        '  - &all { client-id: a, filename: x.0, server-name: s }',
        '  - { <<: *all, client-id: b, filename: y.0 }',
      ),
    );
    expect(
      reservations.map(({ clientId, parameters }) => [clientId, parameters.filename, parameters.serverName]),
    ).toEqual([
      [ascii('a'), 'x.0', 's'],
      [ascii('b'), 'y.0', 's'],
    ]);
  });

  it('of a proxy need no subnet', () => {
    expect(problemsOf(inDhcp('mode: proxy'))).toEqual([]);
  });
});
