import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imported, told, type Asker } from './imported.ts';

/** What machines are told by configurations that were imported: what dhcpd 4.4.3 tells them by the original. */
const SAMPLES = resolve(import.meta.dirname, '../../data/dhcpd-conf');

function sample(name: string): ReturnType<typeof imported> {
  return imported(readFileSync(join(SAMPLES, `${name}.conf`), 'utf8'), `${name}.conf`);
}

const arch = (code: number): Asker['options'] => ({ 93: [0, code] });

describe('05-arch-option', () => {
  const { dhcp } = sample('05-arch-option');

  it.each([
    [7, 'bootx64.efi'],
    [9, 'bootx64.efi'],
    [11, 'bootaa64.efi'],
    [6, 'bootia32.efi'],
    [0, 'pxelinux.0'],
    [16, 'pxelinux.0'],
  ])('architecture %i boots %s', (code, filename) => {
    expect(told(dhcp, { options: arch(code)!, address: '192.168.50.100' })).toEqual({
      filename,
      'next-server': '192.168.50.1',
    });
  });

  it('a machine without option 93 falls to the last else', () => {
    expect(told(dhcp, { address: '192.168.50.100' })).toMatchObject({ filename: 'pxelinux.0' });
  });
});

describe('07-ipxe-chain', () => {
  const { dhcp } = sample('07-ipxe-chain');
  const script = 'http://10.7.0.1/boot.ipxe';

  it.each<[string, Asker['options'], string]>([
    ['iPXE by its user class', { 77: 'iPXE', 93: [0, 0] }, script],
    ['iPXE by its option 175', { 175: [19, 1, 1], 93: [0, 7] }, script],
    ['another user class', { 77: 'gPXE', 93: [0, 0] }, 'undionly.kpxe'],
    // To dhcpd the first condition is unknown here, not false; `else` is for it all the same.
    ['a BIOS', { 93: [0, 0] }, 'undionly.kpxe'],
    ['UEFI', { 93: [0, 7] }, 'ipxe.efi'],
    ['nothing at all', {}, 'ipxe.efi'],
  ])('%s', (_, options, filename) => {
    expect(told(dhcp, { options: options!, address: '10.7.0.10' })['filename']).toBe(filename);
  });
});

describe('12-kitchen-sink', () => {
  const { dhcp } = sample('12-kitchen-sink');

  it.each([
    ['PXEClient:Arch:00007:UNDI:003016', 'x64.efi'],
    ['PXEClient:Arch:00009:UNDI:003016', 'x64.efi'],
    ['PXEClient:Arch:00000:UNDI:002001', 'bios.0'],
    ['', 'bios.0'],
  ])('switch %s', (vendorClass, filename) => {
    const options: Record<number, string> = vendorClass === '' ? {} : { 60: vendorClass };
    expect(told(dhcp, { options, address: '10.13.0.50' })['filename']).toBe(filename);
  });

  it.each([
    ['0c:c4:7a:00:00:01', '10.13.0.2'],
    ['0c:c4:7b:00:00:01', undefined],
  ])('substring(hardware, 1, 3) of %s', (mac, nextServer) => {
    expect(told(dhcp, { mac, address: '10.13.0.50' })['next-server']).toBe(nextServer);
  });
});

describe('13-conditions-per-subnet', () => {
  const { dhcp } = sample('13-conditions-per-subnet');

  it.each<[string, number, Readonly<Record<string, string>>]>([
    ['10.20.0.100', 0, { filename: 'lpxelinux.0', 'next-server': '10.20.0.2' }],
    ['10.20.0.100', 9, { filename: 'bootx64.efi', 'next-server': '10.20.0.2' }],
    ['10.20.0.100', 11, { filename: 'grubaa64.efi' }],
    ['10.20.0.100', 16, { filename: 'lpxelinux.0', 'next-server': '10.20.0.2' }],
    ['10.21.0.100', 0, { filename: 'lpxelinux.0', 'next-server': '10.21.0.2' }],
    ['10.21.0.100', 9, { filename: 'grub.efi' }],
    ['10.22.0.100', 0, { filename: 'plain.0' }],
    ['10.23.0.100', 0, { filename: 'lpxelinux.0', 'next-server': '10.21.0.2' }],
  ])('at %s, architecture %i', (address, code, expected) => {
    const { filename, 'next-server': nextServer } = told(dhcp, { options: arch(code)!, address });
    expect({ filename, ...(nextServer === undefined ? {} : { 'next-server': nextServer }) }).toEqual(
      expected,
    );
  });

  it.each([
    // The condition of the whole file is overruled by what a subnet says without one, and by its own conditions.
    ['10.22.0.100', 'plain.0'],
    ['10.20.0.100', 'lpxelinux.0'],
  ])('gPXE at %s', (address, filename) => {
    const { filename: file, 'domain-name': name } = told(dhcp, {
      options: { 77: 'gPXE', 93: [0, 0] },
      address,
    });
    expect([file, name]).toEqual([filename, 'gpxe.example']);
  });
});

describe('14-conditions-of-hosts', () => {
  const { dhcp } = sample('14-conditions-of-hosts');
  const pxe = { 60: 'PXEClient:Arch:00007' };

  it.each<[string, Asker, string]>([
    ['a stranger', { address: '10.30.0.100' }, 'global.0'],
    ['a stranger of the class', { options: pxe, address: '10.30.0.100' }, 'class.0'],
    [
      'one for whom the class has a condition',
      { options: { ...pxe, 93: [0, 11] }, address: '10.30.0.100' },
      'class-arm64.efi',
    ],
    ['a host of the group', { mac: '52:54:00:30:00:01', options: pxe, address: '10.30.0.11' }, 'group.0'],
    [
      'its condition',
      { mac: '52:54:00:30:00:01', options: { ...pxe, 93: [0, 7] }, address: '10.30.0.11' },
      'group.efi',
    ],
    [
      'the condition in it',
      { mac: '52:54:00:30:00:01', options: { 93: [0, 7], 77: 'x' }, address: '10.30.0.11' },
      'group-class.efi',
    ],
    [
      'a host that says otherwise',
      { mac: '52:54:00:30:00:02', options: { 93: [0, 7] }, address: '10.30.0.12' },
      'b.0',
    ],
    ['a host of the inner group', { options: { 61: 'c', 93: [0, 7] }, address: '10.30.0.100' }, 'group.efi'],
    [
      'a host with a condition',
      { mac: '52:54:00:30:00:04', options: { 93: [0, 7] }, address: '10.30.0.100' },
      'd.efi',
    ],
    ['its else', { mac: '52:54:00:30:00:04', options: pxe, address: '10.30.0.100' }, 'd.0'],
  ])('%s', (_, asker, filename) => {
    expect(told(dhcp, asker)['filename']).toBe(filename);
  });

  it('an inner group adds to the outer one', () => {
    const inner = told(dhcp, { options: { 61: 'c' }, address: '10.30.0.100' });
    expect(inner).toMatchObject({ 'next-server': '10.30.0.2', 'domain-name': 'group.example' });
  });
});

describe('scopes', () => {
  const network = 'subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.20; SUBNET }';
  const filenameOf = (text: string, asker: Partial<Asker> = {}): string | undefined => {
    const { dhcp, errors } = imported(text);
    expect(errors).toEqual([]);
    return told(dhcp, { address: '10.0.0.10', ...asker })['filename'];
  };
  const inSubnet = (text: string): string => network.replace('SUBNET', text);

  it.each<[string, string, Partial<Asker>, string | undefined]>([
    ['later statements replace earlier ones', 'filename "a"; filename "b";', {}, 'b'],
    [
      'a condition wins over what is before it',
      'filename "a"; if exists user-class { filename "b"; }',
      { options: { 77: 'x' } },
      'b',
    ],
    [
      'and loses to what is behind it',
      'if exists user-class { filename "b"; } filename "a";',
      { options: { 77: 'x' } },
      'a',
    ],
    [
      'of two conditions the later one wins',
      'if exists user-class { filename "a"; } if exists host-name { filename "b"; }',
      { options: { 77: 'x', 12: 'y' } },
      'b',
    ],
    [
      'an inner condition wins over its branch',
      'if exists user-class { filename "a"; if exists host-name { filename "b"; } }',
      { options: { 77: 'x', 12: 'y' } },
      'b',
    ],
    [
      'but not over what follows in the branch',
      'if exists user-class { if exists host-name { filename "b"; } filename "a"; }',
      { options: { 77: 'x', 12: 'y' } },
      'a',
    ],
    [
      'else if is elsif',
      'if exists host-name { filename "a"; } else if exists user-class { filename "b"; } else { filename "c"; }',
      { options: { 77: 'x' } },
      'b',
    ],
    [
      'not (a and b) holds only where a is true, as dhcpd has it',
      'filename "d"; if not (exists user-class and option user-class = "a") { filename "n"; }',
      {},
      'd',
    ],
    [
      'not (a and b), where a is true and b is not',
      'filename "d"; if not (exists user-class and option user-class = "a") { filename "n"; }',
      { options: { 77: 'x' } },
      'n',
    ],
    [
      'not (a or b)',
      'filename "d"; if not (exists user-class or exists host-name) { filename "n"; }',
      {},
      'n',
    ],
    [
      'a and b or c is a and (b or c)',
      'if exists user-class and exists host-name or known { filename "a"; } else { filename "b"; }',
      {},
      'b',
    ],
  ])('%s', (_, statements, asker, filename) => {
    expect(filenameOf(inSubnet(statements), asker)).toBe(filename);
  });

  it('a subnet wins over a condition of the whole file', () => {
    const text = `if exists user-class { filename "a"; }\n${inSubnet('filename "subnet";')}`;
    expect(filenameOf(text, { options: { 77: 'x' } })).toBe('subnet');
  });

  it('a group around a subnet loses to the subnet, and wins over the file', () => {
    const text = `filename "global"; next-server 10.0.0.1; group { filename "group"; next-server 10.0.0.2; ${inSubnet('filename "subnet";')} }`;
    const { dhcp } = imported(text);
    expect(told(dhcp, { address: '10.0.0.10' })).toEqual({ filename: 'subnet', 'next-server': '10.0.0.2' });
  });

  it('a pool wins over its subnet, and a class over the pool', () => {
    const text = `class "c" { match if exists user-class; filename "class"; }
      subnet 10.0.0.0 netmask 255.255.255.0 { filename "subnet"; pool { range 10.0.0.10 10.0.0.20; filename "pool"; } }`;
    expect(filenameOf(text)).toBe('pool');
    expect(filenameOf(text, { options: { 77: 'x' } })).toBe('class');
    expect(filenameOf(text, { address: '10.0.0.99' })).toBe('subnet');
  });

  it('the first class that matches wins over later ones, and a subclass over its class', () => {
    const text = `class "one" { match if exists user-class; filename "one"; }
      class "two" { match hardware; filename "two"; }
      subclass "two" 1:52:54:00:00:00:01;
      subclass "two" 1:52:54:00:00:00:02 { filename "sub"; }
      ${inSubnet('')}`;
    expect(filenameOf(text, { options: { 77: 'x' } })).toBe('one');
    expect(filenameOf(text)).toBe('two');
    expect(filenameOf(text, { mac: '52:54:00:00:00:02' })).toBe('sub');
    expect(filenameOf(text, { mac: '52:54:00:00:00:03' })).toBeUndefined();
  });

  it('a host inherits from the subnet that it is declared in, wherever it is', () => {
    const text = `${inSubnet('filename "home"; host a { hardware ethernet 52:54:00:00:00:09; }')}
      subnet 10.1.0.0 netmask 255.255.255.0 { range 10.1.0.10 10.1.0.20; filename "away"; }`;
    expect(filenameOf(text, { mac: '52:54:00:00:00:09', address: '10.1.0.10' })).toBe('home');
    expect(filenameOf(text, { address: '10.1.0.10' })).toBe('away');
  });
});

describe('who may use a range', () => {
  const rangesOf = (text: string): unknown =>
    imported(text).dhcp?.sharedNetworks[0]?.subnets[0]?.ranges.map(({ allow, deny }) => [
      allow.map((permit) => (permit.kind === 'class' ? permit.name : permit.kind)),
      deny.map((permit) => (permit.kind === 'class' ? permit.name : permit.kind)),
    ]);
  const pool = (permits: string, around = ''): string =>
    `class "c" { match if known; } ${around} subnet 10.0.0.0 netmask 255.255.255.0 { pool { range 10.0.0.10 10.0.0.20; ${permits} } }`;
  const everybody = ['known-machines', 'unknown-machines'];

  it.each<[string, string, string[], string[]]>([
    ['', '', [], []],
    ['allow known-clients;', '', ['known-machines'], []],
    ['allow known clients;', '', ['known-machines'], []],
    ['deny unknown-clients;', '', [], ['unknown-machines']],
    ['allow members of "c"; deny dynamic bootp clients;', '', ['c'], ['bootp']],
    ['allow all clients;', '', [], []],
    ['deny all clients;', '', [], everybody],
    ['allow members of "nobody";', '', [], everybody],
    ['allow members of "nobody"; allow members of "c";', '', ['c'], []],
    ['allow authenticated clients;', '', [], everybody],
    ['', 'deny unknown-clients;', [], ['unknown-machines']],
    ['allow known-clients;', 'deny unknown-clients;', ['known-machines'], []],
    ['allow unknown-clients;', 'ignore unknown-clients;', ['unknown-machines'], ['unknown-machines']],
    ['', 'boot-unknown-clients false;', [], ['unknown-machines']],
  ])('pool { %s } after %s', (permits, around, allow, deny) => {
    expect(rangesOf(pool(permits, around))).toEqual([[allow, deny]]);
  });

  it('a subnet may say otherwise than the file', () => {
    const text =
      'deny unknown-clients; subnet 10.0.0.0 netmask 255.255.255.0 { allow unknown-clients; range 10.0.0.10; }';
    expect(rangesOf(text)).toEqual([[[], []]]);
  });
});

describe('what half of the world has in its dhcpd.conf', () => {
  it('classless routes as an array of signed octets, as dhcpd takes them', () => {
    const { dhcp, errors, lines } = imported(
      `option rfc3442-classless-static-routes code 121 = array of integer 8;
       option rfc3442-classless-static-routes 24, 192, 168, 7, 10, 0, 0, 254;`,
    );
    expect([errors, lines]).toEqual([[], []]);
    expect(dhcp?.parameters.options.get(121)).toEqual(Uint8Array.of(24, 192, 168, 7, 10, 0, 0, 254));
  });
});

describe('what dhcpd would refuse', () => {
  it('is mended where it can be, and listed', () => {
    const { yaml, lines, errors } = imported(`subnet 10.0.0.0 netmask 255.255.255.0 {
  range 10.0.0.10 10.0.0.20;
  range 10.0.0.15 10.0.0.30;
  range 10.0.0.5 10.0.0.40;
  range 10.0.0.250 10.0.1.5;
  range 10.9.0.1;
}
subnet 10.0.0.128 netmask 255.255.255.128 { }
subnet 10.0.1.1 netmask 255.255.255.0 { }
subnet 10.0.2.0 netmask 255.0.255.0 { }
shared-network empty { }
`);
    expect(errors).toEqual([]);
    expect(yaml.match(/range: .*?(?= )/g)).toEqual([
      'range: 10.0.0.10-10.0.0.20',
      'range: 10.0.0.21-10.0.0.30',
      'range: 10.0.0.5-10.0.0.9',
      'range: 10.0.0.31-10.0.0.40',
      'range: 10.0.0.250-10.0.0.255',
    ]);
    expect(lines).toEqual([
      '3:3: left out: range 10.0.0.15 10.0.0.30: it overlaps the range in line 2',
      '4:3: left out: range 10.0.0.5 10.0.0.40: it overlaps the range in line 2',
      '4:3: left out: range 10.0.0.5 10.0.0.40: it overlaps the range in line 3',
      '5:3: left out: range 10.0.0.250 10.0.1.5: it does not lie in 10.0.0.0/24',
      '6:3: left out: range 10.9.0.1: it does not lie in 10.0.0.0/24',
      '8:1: left out: subnet 10.0.0.128 netmask 255.255.255.128: it overlaps the subnet in line 1',
      '9:1: left out: subnet 10.0.1.1 netmask 255.255.255.0: 10.0.1.1 is no network of that netmask',
      '10:25: left out: subnet 10.0.2.0 netmask 255.0.255.0: 255.0.255.0 is no netmask',
      '11:1: left out: shared-network empty: there is no subnet in it',
    ]);
  });
});
