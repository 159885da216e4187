import { describe, expect, it } from 'vitest';
import { namedOptions, optionByCode, optionByName } from '../../../../src/wire/dhcp/option-codes.ts';
import { formatOptionType, parseOptionType } from '../../../../src/wire/dhcp/option-types.ts';
import {
  encodeOptionValue,
  formatOctets,
  formatOptionValue,
  OptionValueError,
} from '../../../../src/wire/dhcp/option-values.ts';

function typeOf(text: string): NonNullable<ReturnType<typeof parseOptionType>> {
  const type = parseOptionType(text);
  if (type === undefined) throw new Error(`${text} is no type`);
  return type;
}

function encode(type: string, input: unknown): string {
  return formatOctets(encodeOptionValue(typeOf(type), input));
}

describe('types', () => {
  it.each([
    ['boolean', 'boolean'],
    ['Integer 8', 'signed integer 8'],
    ['signed integer 16', 'signed integer 16'],
    ['unsigned  integer 32', 'unsigned integer 32'],
    ['ip-address', 'ip-address'],
    ['text', 'text'],
    ['string', 'string'],
    ['encapsulate PXE', 'encapsulate PXE'],
    ['array of ip-address', 'array of ip-address'],
    ['array of { ip-address, ip-address }', 'array of { ip-address, ip-address }'],
    ['{unsigned integer 8, ip-address, text}', '{ unsigned integer 8, ip-address, text }'],
    ['{ boolean, array of ip-address }', '{ boolean, array of ip-address }'],
  ])('%s', (written, canonical) => expect(formatOptionType(typeOf(written))).toBe(canonical));

  it.each([
    'integer',
    'integer 64',
    'array of text',
    'array of flag',
    'array of',
    '{ }',
    '{ text, ip-address }',
    '{ text',
    'encapsulate',
    'colour',
  ])('%s is no type', (text) => expect(parseOptionType(text)).toBeUndefined());
});

describe('encodeOptionValue', () => {
  it.each<[string, unknown, string]>([
    ['boolean', true, '01'],
    ['boolean', 'off', '00'],
    ['boolean', 'Yes', '01'],
    ['unsigned integer 8', 255, 'ff'],
    ['array of integer 8', [24, 192, 168, -1, 10], '18:c0:a8:ff:0a'],
    ['integer 8', -1, 'ff'],
    ['integer 16', -3, 'ff:fd'],
    ['unsigned integer 32', 4000000000, 'ee:6b:28:00'],
    ['unsigned integer 16', '0x0102', '01:02'],
    ['integer 32', '-0x1', 'ff:ff:ff:ff'],
    ['ip-address', '10.0.0.1', '0a:00:00:01'],
    ['array of ip-address', ['10.0.0.1', '10.0.0.2'], '0a:00:00:01:0a:00:00:02'],
    ['array of ip-address', '10.0.0.1', '0a:00:00:01'],
    ['array of ip-address', '10.0.0.1, 10.0.0.2', '0a:00:00:01:0a:00:00:02'],
    ['array of unsigned integer 8', [1, 2, 3], '01:02:03'],
    ['array of unsigned integer 16', 1500, '05:dc'],
    ['text', 'console=ttyS0', '63:6f:6e:73:6f:6c:65:3d:74:74:79:53:30'],
    ['text', '01:02', '30:31:3a:30:32'],
    ['text', 115200, '31:31:35:32:30:30'],
    ['string', 'e4:45:74:68:00:00', 'e4:45:74:68:00:00'],
    ['string', '1:a:0', '01:0a:00'],
    ['string', 'PXEClient', '50:58:45:43:6c:69:65:6e:74'],
    ['string', 'e4', '65:34'],
    ['string', '01:02:xx', '30:31:3a:30:32:3a:78:78'],
    ['string', { text: '01:02' }, '30:31:3a:30:32'],
    ['string', { hex: 'e44574' }, 'e4:45:74'],
    ['string', { hex: '01:2' }, '01:02'],
    ['string', { hex: '' }, ''],
    ['ip-address', { hex: '0a000001' }, '0a:00:00:01'],
    [
      '{ unsigned integer 8, ip-address, text }',
      [7, '10.10.0.9', 'se ven'],
      '07:0a:0a:00:09:73:65:20:76:65:6e',
    ],
    ['{ unsigned integer 8, ip-address }', '7 10.10.0.9', '07:0a:0a:00:09'],
    ['array of { ip-address, ip-address }', [['1.0.0.0', '2.0.0.0']], '01:00:00:00:02:00:00:00'],
    ['array of { ip-address, ip-address }', ['1.0.0.0', '2.0.0.0'], '01:00:00:00:02:00:00:00'],
    [
      'array of { ip-address, ip-address }',
      '1.0.0.0 2.0.0.0, 3.0.0.0 4.0.0.0',
      '01:00:00:00:02:00:00:00:03:00:00:00:04:00:00:00',
    ],
    ['{ boolean, array of ip-address }', [true, ['1.2.3.4']], '01:01:02:03:04'],
    ['flag', true, ''],
    ['domain-name', 'a.bc', '01:61:02:62:63:00'],
    ['domain-list', ['a.example', 'b.example.'], '01:61:07:65:78:61:6d:70:6c:65:00:01:62:c0:02'],
    ['classless-routes', '10.0.0.0/8 via 192.168.0.1', '08:0a:c0:a8:00:01'],
    [
      'classless-routes',
      ['10.17.0.0/16 192.168.0.1', 'default, 192.168.0.2'],
      '10:0a:11:c0:a8:00:01:00:c0:a8:00:02',
    ],
    ['encapsulate PXE', '06:01:08', '06:01:08'],
  ])('%s %j', (type, input, octets) => expect(encode(type, input)).toBe(octets));

  it.each<[string, unknown, RegExp]>([
    ['boolean', 'maybe', /true or false.*"maybe"/],
    ['boolean', 2, /true or false/],
    ['unsigned integer 8', 256, /from 0 to 255.*256/],
    ['unsigned integer 8', -1, /from 0 to 255/],
    ['integer 8', 256, /from -128 to 255/],
    ['integer 8', -129, /from -128 to 255/],
    ['integer 16', 1.5, /whole number/],
    ['integer 16', 'seven', /whole number.*"seven"/],
    ['ip-address', 'host.example', /IPv4 address.*"host.example"/],
    ['ip-address', '10.0.0.256', /IPv4 address/],
    ['ip-address', ['10.0.0.1'], /IPv4 address/],
    ['array of ip-address', [], /empty/],
    ['array of ip-address', ['10.0.0.1', 'x'], /IPv4 address.*"x"/],
    ['text', true, /quotes/],
    ['text', ['a'], /quotes/],
    ['text', undefined, /nothing/],
    ['text', 'a\0b', /NUL/],
    ['string', 1, /octets such as/],
    ['string', { hex: '123' }, /hexadecimal/],
    ['string', { hex: 12 }, /hexadecimal/],
    ['string', { hex: '01', text: 'a' }, /not both/],
    ['unsigned integer 16', { hex: '01' }, /2 octets, not 1/],
    ['{ unsigned integer 8, ip-address }', [7], /list of 2 values/],
    ['flag', 'x', /no value/],
    ['domain-name', 'a..b', /labels/],
    ['domain-name', 'x'.repeat(64), /labels/],
    ['domain-name', 7, /domain name/],
    ['classless-routes', '10.0.0.1/8 via 192.168.0.1', /route such as/],
    ['classless-routes', '10.0.0.0/8', /route such as/],
  ])('%s refuses %j in words', (type, input, words) => {
    const attempt = (): Uint8Array => encodeOptionValue(typeOf(type), input);
    expect(attempt).toThrow(OptionValueError);
    expect(attempt).toThrow(words);
  });

  it('never ends text with a NUL', () => {
    expect(encodeOptionValue(typeOf('text'), 'x').at(-1)).toBe(0x78);
  });
});

describe('formatOptionValue', () => {
  it.each<[string, unknown, string]>([
    ['boolean', true, 'true'],
    ['integer 16', -3, '-3'],
    ['unsigned integer 32', 4000000000, '4000000000'],
    ['array of ip-address', ['10.0.0.1', '10.0.0.2'], '10.0.0.1, 10.0.0.2'],
    ['text', '01:02', '01:02'],
    ['string', 'PXEClient', 'PXEClient'],
    ['string', { text: '01:02' }, '30:31:3a:30:32'],
    ['string', 'e4:45:74:68:00:00', 'e4:45:74:68:00:00'],
    ['array of { ip-address, ip-address }', [['1.0.0.0', '2.0.0.0']], '1.0.0.0 2.0.0.0'],
    ['domain-list', ['a.example', 'b.example'], 'a.example, b.example'],
    [
      'classless-routes',
      ['10.17.0.0/16 via 192.168.0.1', 'default 192.168.0.2'],
      '10.17.0.0/16 via 192.168.0.1, 0.0.0.0/0 via 192.168.0.2',
    ],
    ['flag', true, 'true'],
  ])('%s %j', (type, input, shown) => {
    const octets = encodeOptionValue(typeOf(type), input);
    expect(formatOptionValue(typeOf(type), octets)).toBe(shown);
    if (type !== 'flag')
      expect(formatOctets(encodeOptionValue(typeOf(type), shown))).toBe(formatOctets(octets));
  });

  it.each([
    ['ip-address', '0a:00'],
    ['unsigned integer 16', '01'],
    ['array of ip-address', '0a:00:00:01:0a'],
    ['{ unsigned integer 8, ip-address }', '01:02'],
    ['text', '61:00:62'],
    ['text', 'ff:fe'],
    ['domain-list', '05:61'],
    ['domain-list', '01:61:c0:09'],
    ['domain-list', 'c0:00'],
    ['classless-routes', '21:0a:c0:a8:00:01'],
    ['classless-routes', '10:0a'],
  ])('%s shows %s as octets: it is no value of the type', (type, hex) => {
    const octets = Uint8Array.from(hex.split(':'), (octet) => Number.parseInt(octet, 16));
    expect(formatOptionValue(typeOf(type), octets)).toBe(hex);
  });
});

describe('the table of options', () => {
  it('has each code and each name once, in the order of codes', () => {
    const options = namedOptions();
    const codes = options.map(({ code }) => code);
    expect(codes).toEqual([...new Set(codes)].sort((a, b) => a - b));
    expect(new Set(options.map(({ name }) => name)).size).toBe(options.length);
    expect(codes.at(0)).toBe(1);
    expect(codes.at(-1)).toBeLessThan(255);
  });

  it.each([
    ['routers', 3],
    ['broadcast-address', 28],
    ['domain-name-servers', 6],
    ['host-name', 12],
    ['vendor-class-identifier', 60],
    ['tftp-server-name', 66],
    ['bootfile-name', 67],
    ['TFTP-Server', 66],
    ['loader-pathprefix', 210],
    ['option-3', 3],
    ['option-224', 224],
    ['unknown-128', 128],
  ])('%s is %i', (name, code) => expect(optionByName(name)?.code).toBe(code));

  it.each(['bogus', 'option-0', 'option-255', 'option-999', ''])('nobody knows "%s"', (name) => {
    expect(optionByName(name)).toBeUndefined();
  });

  it('takes a code without a name for octets', () => {
    expect(optionByCode(224)).toMatchObject({ name: 'option-224', type: { kind: 'string' } });
  });
});
