import { describeRequest } from '../../../src/dhcp/dhcp-request.ts';
import {
  decodeDhcpMessage,
  encodeDhcpMessage,
  type DhcpMessage,
} from '../../../src/wire/dhcp/dhcp-message.ts';
import { decodeDomainNames, encodeDomainNames } from '../../../src/wire/dhcp/domain-names.ts';
import { decodeEncapsulated, encodeEncapsulated } from '../../../src/wire/dhcp/encapsulated-options.ts';
import { namedOptions } from '../../../src/wire/dhcp/option-codes.ts';
import { parseOptionType, type OptionType } from '../../../src/wire/dhcp/option-types.ts';
import {
  encodeOptionValue,
  formatOptionValue,
  OptionValueError,
} from '../../../src/wire/dhcp/option-values.ts';
import {
  bootItemIn,
  decodeUserClasses,
  describeBootClient,
  encodePlainBootAnswer,
} from '../../../src/wire/dhcp/pxe-options.ts';
import { describeRelayAgentInformation } from '../../../src/wire/dhcp/relay-agent.ts';
import { WireError } from '../../../src/wire/wire-error.ts';
import { readBootOffer } from '../../../src/probe/boot-offer.ts';
import { LINK } from '../../unit/dhcp/fake-view.ts';
import { capturedPayloads, keptOctets } from '../corpus.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import {
  mustHold,
  octetsTarget,
  type FuzzTarget,
  type FuzzVerdict,
  type OpenTarget,
} from '../fuzz-target.ts';
import { concatOctets } from '../mutate-octets.ts';

/** Of a message of BOOTP. */
const HEADER = 236;
const COOKIE = [0x63, 0x82, 0x53, 0x63];
/** Codes that decide something, and whose values therefore are looked into. */
const TELLING_CODES = [
  43, 50, 52, 53, 54, 55, 57, 60, 61, 77, 81, 82, 90, 93, 94, 97, 118, 119, 121, 150, 175, 0, 255,
];

/** Options as a client might put them together: right ones, wrong lengths, values split over several, areas that overload. */
export function generateOptions(random: FuzzRandom, mostOptions: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let left = random.small(mostOptions); left > 0; left -= 1) {
    const code = random.chance(0.7) ? random.pick(TELLING_CODES) : random.below(256);
    const value = random.octets(
      random.chance(0.6) ? random.pick([0, 1, 2, 3, 4, 7, 8, 16, 17]) : random.small(256),
    );
    const length = random.chance(0.95) ? value.length : random.below(256);
    parts.push(Uint8Array.of(code, length, ...value));
  }
  return concatOctets(...parts, ...(random.chance(0.8) ? [Uint8Array.of(255)] : []));
}

/** A message whose header makes sense and whose options are generated, in all three places. */
export function generateMessage(random: FuzzRandom): Uint8Array {
  const header = new Uint8Array(HEADER);
  header.set([
    random.pick([1, 1, 1, 2, 0]),
    random.pick([1, 1, 1, 0, 6, 32]),
    random.pick([6, 6, 6, 0, 8, 16, 17]),
  ]);
  header.set(random.octets(4), 4);
  if (random.chance(0.3)) header.set([0x80, 0], 10);
  for (const at of [12, 24]) if (random.chance(0.2)) header.set([192, 168, 0, random.below(256)], at);
  header.set([2, 0xfa, 0, 0, 0, random.below(8)], 28);
  const overload = random.chance(0.2) ? Uint8Array.of(52, 1, random.below(5)) : new Uint8Array(0);
  if (overload.length > 0) {
    header.set(generateOptions(random, 3).subarray(0, 64), 44);
    header.set(generateOptions(random, 6).subarray(0, 128), 108);
  }
  const type = random.chance(0.9) ? Uint8Array.of(53, 1, 1 + random.below(9)) : new Uint8Array(0);
  return concatOctets(header, Uint8Array.from(COOKIE), overload, type, generateOptions(random, 12));
}

/** What a planted bug stands in for. */
export interface DhcpCodec {
  readonly decode: (datagram: Uint8Array) => DhcpMessage;
}

export function openDhcpMessage({ decode }: DhcpCodec = { decode: decodeDhcpMessage }): OpenTarget {
  return octetsTarget({
    limitMs: 20,
    seeds: [
      ...capturedPayloads('golden/dhcp', [67, 68, 4011]),
      ...capturedPayloads('golden/pxe', [67, 68, 4011]),
      ...keptOctets('dhcp-message'),
    ],
    generate: generateMessage,
    check: (input) => checkMessage(input, decode),
  });
}

function checkMessage(input: Uint8Array, decode: DhcpCodec['decode']): FuzzVerdict {
  const message = decodedOrRefused(() => decode(amidst(input, 0x00)));
  const elsewhere = decodedOrRefused(() => decode(amidst(input, 0x35)));
  mustHold(
    (message === undefined) === (elsewhere === undefined),
    () => 'what lies around a datagram decides whether it is taken',
  );
  if (message === undefined || elsewhere === undefined) return 'refused';
  const again = encodeDhcpMessage(message, Infinity);
  mustHold(
    isSame(again, encodeDhcpMessage(elsewhere, Infinity)),
    () => 'a message holds octets from outside of its datagram',
  );
  mustHold(
    isSame(encodeDhcpMessage(decode(again), Infinity), again),
    () => 'decode(encode(message)) is another message',
  );
  checkLength(message, 300 + (input[7] ?? 0) * 5);
  describeRequest(message, LINK);
  readBootOffer(message);
  return 'taken';
}

/** A reply is never longer than what the client takes, but for what no reply can do without. */
function checkLength(message: DhcpMessage, most: number): void {
  const needed = [53, 54, 51, 61, 82].reduce(
    (sum, code) => sum + (message.options.get(code)?.length ?? 0) + 6,
    HEADER + 8,
  );
  const { length } = encodeDhcpMessage(message, most);
  mustHold(
    length <= Math.max(300, most, needed),
    () => `${length} octets were made where ${most} are the most`,
  );
}

/** The octets in the midst of memory that holds something else. */
export function amidst(octets: Uint8Array, filling: number): Uint8Array {
  const memory = new Uint8Array(octets.length + 600).fill(filling);
  memory.set(octets, 300);
  return memory.subarray(300, 300 + octets.length);
}

/** What was decoded; undefined for what is refused in the codec's own way. */
export function decodedOrRefused<Value>(decode: () => Value): Value | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

const WRITTEN_TYPES = [
  'array of unsigned integer 16',
  '{ unsigned integer 8, ip-address, text }',
  'array of { ip-address, integer 32 }',
  'encapsulate PXE',
  'flag',
];

/** Values of options, each read as every type that there is. */
function openOptionValues(): OpenTarget {
  const written = WRITTEN_TYPES.map(parseOptionType).filter((type) => type !== undefined);
  const types: readonly OptionType[] = [
    ...new Map(namedOptions().map(({ type }) => [JSON.stringify(type), type])).values(),
    ...written,
  ];
  return octetsTarget({
    limitMs: 20,
    seeds: [
      ...capturedPayloads('golden/dhcp', [67, 68]).map((payload) => payload.subarray(240)),
      ...keptOctets('dhcp-option-values'),
    ],
    generate: (random) =>
      random.chance(0.5) ? generateOptions(random, 8) : random.octets(random.small(300)),
    check: (input) => checkValue(input, types),
  });
}

function checkValue(value: Uint8Array, types: readonly OptionType[]): FuzzVerdict {
  // A few types an input; the first octet says from where on in the list.
  for (let nth = 0; nth < 4; nth += 1) {
    const type = types[((value[0] ?? 0) + nth) % types.length] ?? { kind: 'string' };
    const text = formatOptionValue(type, value);
    mustHold(
      text.length <= 64 + 8 * value.length,
      () => `${value.length} octets become ${text.length} characters`,
    );
    try {
      encodeOptionValue(type, text);
    } catch (error) {
      if (!(error instanceof OptionValueError)) throw error;
    }
  }
  describeRelayAgentInformation(value);
  decodeUserClasses(value);
  bootItemIn(value);
  encodePlainBootAnswer(value);
  describeBootClient(new Map([43, 60, 77, 93, 94, 97, 175].map((code) => [code, value])));
  const names = decodeDomainNames(value);
  if (names !== undefined) {
    mustHold(names.join('').length <= 256 * value.length, () => 'pointers make names grow without bound');
    const encoded = encodeDomainNames(names);
    const again = encoded && decodeDomainNames(encoded);
    mustHold(
      encoded === undefined || again?.join() === names.join(),
      () => `names do not come back: ${names.join()}`,
    );
  }
  const options = decodedOrRefused(() => decodeEncapsulated(value, 'pad-and-end'));
  if (options === undefined) return 'refused';
  const again = decodeEncapsulated(encodeEncapsulated(options, 'end'), 'pad-and-end');
  mustHold(again.size === options.size, () => 'sub-options do not come back');
  return 'taken';
}

export const DHCP_WIRE_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'dhcp-message',
    reads: 'DHCP and BOOTP datagrams: header, options, long options (RFC 3396), overload',
    open: () => openDhcpMessage(),
  },
  {
    name: 'dhcp-option-values',
    reads: 'values of options, as every type: relay information, PXE, domain names, encapsulated spaces',
    open: openOptionValues,
  },
];
