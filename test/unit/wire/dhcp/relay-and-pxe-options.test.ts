import { describe, expect, it } from 'vitest';
import { decodeEncapsulated, encodeEncapsulated } from '../../../../src/wire/dhcp/encapsulated-options.ts';
import { OPTION } from '../../../../src/wire/dhcp/option-codes.ts';
import {
  decodeUserClasses,
  describeBootClient,
  encodePlainBootAnswer,
} from '../../../../src/wire/dhcp/pxe-options.ts';
import { describeRelayAgentInformation } from '../../../../src/wire/dhcp/relay-agent.ts';
import { WireError } from '../../../../src/wire/wire-error.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const octets = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('sub-options', () => {
  it('know PAD and END in option 43', () => {
    const options = decodeEncapsulated(octets(0, 6, 1, 8, 255, 9, 9), 'pad-and-end');
    expect([...options]).toEqual([[6, octets(8)]]);
  });

  it('take 0 and 255 for codes in option 82', () => {
    const options = decodeEncapsulated(octets(0, 1, 7, 255, 1, 8), 'none');
    expect([...options]).toEqual([
      [0, octets(7)],
      [255, octets(8)],
    ]);
  });

  it('are joined and split like options', () => {
    const long = new Uint8Array(300).fill(5);
    const encoded = encodeEncapsulated(new Map([[9, long]]), 'end');
    expect(encoded.at(-1)).toBe(255);
    expect(decodeEncapsulated(encoded, 'pad-and-end').get(9)).toEqual(long);
    expect(encodeEncapsulated(new Map([[1, octets()]]), 'no-end')).toEqual(octets(1, 0));
  });

  it.each([[[1, 40, 97, 98]], [[1]]])('%j run past the end', (value) => {
    expect(() => decodeEncapsulated(octets(...value), 'none')).toThrow(WireError);
  });
});

describe('option 82', () => {
  it('says where the client is attached', () => {
    const raw = octets(
      1,
      4,
      101,
      116,
      104,
      55,
      2,
      2,
      170,
      187,
      5,
      4,
      192,
      168,
      0,
      0,
      11,
      4,
      10,
      0,
      0,
      1,
      19,
      0,
    );
    expect(describeRelayAgentInformation(raw)).toMatchObject({
      raw,
      circuitId: ascii('eth7'),
      remoteId: octets(170, 187),
      linkSelection: 0xc0a80000,
      serverIdentifierOverride: 0x0a000001,
      asksForSourcePort: true,
    });
  });

  it('says nothing when broken, but is kept for the echo', () => {
    const raw = octets(1, 40, 97, 98);
    expect(describeRelayAgentInformation(raw)).toMatchObject({
      raw,
      circuitId: undefined,
      linkSelection: undefined,
    });
  });

  it('ignores a link selection that is no address', () => {
    expect(describeRelayAgentInformation(octets(5, 3, 1, 2, 3)).linkSelection).toBeUndefined();
  });
});

describe('describeBootClient', () => {
  const describeOptions = (...options: [number, Uint8Array][]): ReturnType<typeof describeBootClient> =>
    describeBootClient(new Map(options));

  it.each<[string, [number, Uint8Array][], object]>([
    [
      'a BIOS ROM',
      [
        [60, ascii('PXEClient:Arch:00000:UNDI:002001')],
        [93, octets(0, 0)],
      ],
      { vendorClass: 'PXEClient', architectureCodes: [0], isIpxe: false },
    ],
    [
      'UEFI HTTP boot',
      [
        [60, ascii('HTTPClient:Arch:00016:UNDI:003000')],
        [93, octets(0, 16)],
      ],
      { vendorClass: 'HTTPClient', architectureCodes: [16] },
    ],
    [
      'an architecture in option 60 alone',
      [[60, ascii('PXEClient:Arch:00007:UNDI:003010')]],
      { architectureCodes: [7] },
    ],
    [
      'several architectures',
      [[93, octets(0, 9, 0, 7)]],
      { vendorClass: undefined, architectureCodes: [9, 7] },
    ],
    ['a broken option 93', [[93, octets(0, 9, 0)]], { architectureCodes: [] }],
    ['udhcpc', [[60, ascii('udhcp 1.35.0')]], { vendorClass: undefined, architectureCodes: [] }],
    ['iPXE by user class', [[77, ascii('iPXE')]], { isIpxe: true, userClasses: ['iPXE'] }],
    ['iPXE by RFC 3004 user class', [[77, octets(4, ...ascii('iPXE'))]], { isIpxe: true }],
    ['iPXE by option 175', [[175, octets(0xb1, 1, 1)]], { isIpxe: true }],
    ['a user class that merely contains it', [[77, ascii('iPXE2')]], { isIpxe: false }],
  ])('%s', (_name, options, facts) => expect(describeOptions(...options)).toMatchObject(facts));

  it('prints the UUID of option 97 as it was sent', () => {
    const uuid = octets(0, ...Array.from({ length: 16 }, (_, index) => index * 17));
    expect(describeOptions([97, uuid]).machineUuid).toBe('00112233-4455-6677-8899-aabbccddeeff');
    expect(describeOptions([97, uuid.subarray(0, 16)]).machineUuid).toBeUndefined();
    expect(describeOptions([97, Uint8Array.of(1, ...uuid.subarray(1))]).machineUuid).toBeUndefined();
  });

  it('reads user classes with lengths, and bare text where these do not add up', () => {
    expect(decodeUserClasses(octets(2, 97, 98, 1, 99))).toEqual(['ab', 'c']);
    expect(decodeUserClasses(octets(9, 97, 98))).toEqual(['\tab']);
    expect(decodeUserClasses(octets())).toEqual([]);
    expect(decodeUserClasses(undefined)).toEqual([]);
  });
});

describe('encodePlainBootAnswer', () => {
  it('says: take this boot file, look for no other server', () => {
    expect(encodePlainBootAnswer(undefined)).toEqual(octets(6, 1, 8, 255));
  });

  it('confirms the menu item that was chosen', () => {
    expect(encodePlainBootAnswer(octets(71, 4, 0, 1, 0, 0, 255))).toEqual(
      octets(6, 1, 8, 71, 4, 0, 1, 0, 0, 255),
    );
  });

  it('is not disturbed by rubbish', () => {
    expect(encodePlainBootAnswer(octets(71, 200))).toEqual(octets(6, 1, 8, 255));
  });
});

it('every code that the program reads itself is a standard one', () => {
  expect(new Set(Object.values(OPTION)).size).toBe(Object.values(OPTION).length);
});
