import { formatIpv4, ipv4FromNumber, parseIpv4 } from '../addr/ipv4.ts';
import {
  formatSubnet,
  parseAddressRange,
  parseSubnet,
  prefixLengthOfMask,
  subnetBroadcast,
  subnetContains,
  subnetMask,
  type AddressRange,
  type Subnet,
} from '../addr/subnet.ts';
import type {
  RangePermit,
  RangeSettings,
  ScopeParameters,
  SharedNetworkSettings,
  SubnetSettings,
} from '../dhcp/dhcp-settings.ts';
import { itemsOf, type Located, type Place } from './located.ts';
import { didYouMean } from './nearest-name.ts';
import { parseScope, type DhcpContext, type LeaseTimes } from './parse-scope.ts';
import type { RawDhcp, RawRange, RawSubnet } from './raw-dhcp.ts';

/** What the parsers of networks need besides. */
export interface NetworkContext extends DhcpContext {
  readonly classNames: ReadonlySet<string>;
  /** False when a class could not be read: then an unknown name is no news. */
  readonly classNamesAreComplete: boolean;
}

/** The networks, and where their parts stand, for comparisons across them. */
export interface ParsedNetworks {
  readonly sharedNetworks: readonly SharedNetworkSettings[];
  readonly subnets: readonly Spot<Subnet>[];
  readonly ranges: readonly Spot<AddressRange>[];
  /** False when a subnet could not be read: then "outside of every subnet" cannot be said. */
  readonly areComplete: boolean;
}

/** Something together with where it stands. */
export interface Spot<T> {
  readonly what: T;
  readonly place: Place;
}

const NO_PARAMETERS: ScopeParameters = { options: new Map(), encapsulated: new Map() };

const PERMIT_WORDS = ['known-machines', 'unknown-machines', 'bootp'] as const;

/** Reads `subnets` and `shared-networks`, and compares subnets and ranges with each other. */
export function parseNetworks(
  dhcp: Located<RawDhcp>,
  outer: LeaseTimes,
  context: NetworkContext,
): ParsedNetworks {
  const subnets: Spot<Subnet>[] = [];
  const ranges: Spot<AddressRange>[] = [];
  let areComplete =
    dhcp.value.subnets?.incomplete !== true && dhcp.value['shared-networks']?.incomplete !== true;

  const readSubnets = (list: readonly Located<RawSubnet>[], times: LeaseTimes): SubnetSettings[] =>
    list.flatMap((written) => {
      const subnet = readSubnet(written.value.subnet, context);
      if (subnet === undefined) {
        areComplete = false;
        return [];
      }
      subnets.push({ what: subnet, place: written.value.subnet.place });
      const scope = parseScope(written.value, times, context);
      const found = itemsOf(written.value.ranges).flatMap((range) => {
        const settings = readRange(range, subnet, scope.leaseTimes, context);
        if (settings === undefined) return [];
        ranges.push({ what: settings.range, place: range.value.range.place });
        return [settings];
      });
      return [{ subnet, ranges: found, parameters: scope.parameters }];
    });

  const alone = readSubnets(itemsOf(dhcp.value.subnets), outer).map((subnet) => ({
    name: undefined,
    subnets: [subnet],
    parameters: NO_PARAMETERS,
  }));
  const names = new Map<string, Place>();
  const shared = itemsOf(dhcp.value['shared-networks']).map((written) => {
    const { name } = written.value;
    noteName(names, name, 'shared network', context);
    if (written.value.subnets.incomplete) areComplete = false;
    const scope = parseScope(written.value, outer, context);
    return {
      name: name.value,
      subnets: readSubnets(itemsOf(written.value.subnets), scope.leaseTimes),
      parameters: scope.parameters,
    };
  });
  const networkSpans = subnets.map(({ what, place }) => ({
    what: { first: what.network, last: subnetBroadcast(what) },
    place,
    text: formatSubnet(what),
  }));
  reportOverlaps(networkSpans, 'subnet', context);
  reportOverlaps(
    ranges.map((range) => ({
      ...range,
      text: `${formatIpv4(range.what.first)}-${formatIpv4(range.what.last)}`,
    })),
    'range',
    context,
  );
  return { sharedNetworks: [...shared, ...alone], subnets, ranges, areComplete };
}

/** Remembers where a name was given; a second one is reported. */
export function noteName(
  names: Map<string, Place>,
  name: Located<string>,
  what: string,
  context: DhcpContext,
): void {
  const first = names.get(name.value);
  if (first === undefined) names.set(name.value, name.place);
  else context.problems.error(name.place, `a ${what} '${name.value}' is already in line ${first.line}`);
}

function readSubnet(written: Located<string>, { problems }: DhcpContext): Subnet | undefined {
  const subnet = parseSubnet(written.value);
  if (subnet === undefined) problems.error(written.place, objectionToSubnet(written.value));
  return subnet;
}

function objectionToSubnet(text: string): string {
  const [addressText = '', maskText = ''] = text.split(/\/|\s+netmask\s+/);
  const address = parseIpv4(addressText);
  const mask = parseIpv4(maskText);
  const prefixLength = mask === undefined ? Number(maskText || 'none') : prefixLengthOfMask(mask);
  if (address === undefined || prefixLength === undefined || !(prefixLength >= 0 && prefixLength <= 32)) {
    return `'${text}' is no subnet; write it as 192.168.0.0/24`;
  }
  const network = {
    network: ipv4FromNumber(address & subnetMask({ network: address, prefixLength })),
    prefixLength,
  };
  const right = formatSubnet(network);
  return network.network === address
    ? `write '${text}' as ${right}`
    : `'${text}' has host bits set; the network is ${right}`;
}

function readRange(
  written: Located<RawRange>,
  subnet: Subnet,
  outer: LeaseTimes,
  context: NetworkContext,
): RangeSettings | undefined {
  const { parameters } = parseScope(written.value, outer, context);
  const allow = readPermits(written.value.allow, context);
  const deny = readPermits(written.value.deny, context);
  const text = written.value.range;
  const range = parseAddressRange(text.value);
  if (range === undefined) {
    context.problems.error(text.place, objectionToRange(text.value));
    return undefined;
  }
  const outside = [range.first, range.last].find((address) => !subnetContains(subnet, address));
  if (outside !== undefined) {
    context.problems.error(text.place, `${formatIpv4(outside)} is not in the subnet ${formatSubnet(subnet)}`);
    return undefined;
  }
  warnOfSpecialAddresses(range, subnet, text.place, context);
  return { range, dynamicBootp: written.value['dynamic-bootp']?.value ?? false, allow, deny, parameters };
}

function objectionToRange(text: string): string {
  const [first, last, ...rest] = text.split('-').map((part) => parseIpv4(part.trim()));
  if (rest.length === 0 && first !== undefined && last !== undefined && first > last) {
    return `the range runs backwards; write ${formatIpv4(last)}-${formatIpv4(first)}`;
  }
  return `'${text}' is no range of addresses; write FIRST-LAST, such as 192.168.0.128-192.168.0.254`;
}

function warnOfSpecialAddresses(
  range: AddressRange,
  subnet: Subnet,
  place: Place,
  context: DhcpContext,
): void {
  // In a /31 both addresses are for hosts (RFC 3021), and a /32 has no other.
  if (subnet.prefixLength >= 31) return;
  if (range.first === subnet.network) {
    context.problems.warn(
      place,
      `the range includes ${formatIpv4(range.first)}, the address of the network itself`,
    );
  }
  if (range.last === subnetBroadcast(subnet)) {
    context.problems.warn(place, `the range includes ${formatIpv4(range.last)}, the broadcast address`);
  }
}

function readPermits(
  written: Located<readonly string[]> | undefined,
  context: NetworkContext,
): readonly RangePermit[] {
  return itemsOf(written).flatMap((permit): readonly RangePermit[] => {
    const word = PERMIT_WORDS.find((candidate) => candidate === permit.value);
    if (word !== undefined) return [{ kind: word }];
    if (context.classNames.has(permit.value)) return [{ kind: 'class', name: permit.value }];
    if (context.classNamesAreComplete) {
      const hint = didYouMean(permit.value, [...context.classNames, ...PERMIT_WORDS]);
      context.problems.error(permit.place, `no class is called '${permit.value}'${hint}`);
    }
    return [];
  });
}

interface Span {
  readonly what: AddressRange;
  readonly place: Place;
  readonly text: string;
}

/** Reports each span that shares addresses with an earlier one of the file. */
function reportOverlaps(spans: readonly Span[], noun: string, { problems }: DhcpContext): void {
  const byAddress = spans.toSorted((a, b) => a.what.first - b.what.first);
  let widest: Span | undefined;
  for (const span of byAddress) {
    if (widest !== undefined && span.what.first <= widest.what.last) {
      const spanIsLater = span.place.line - widest.place.line || span.place.column - widest.place.column;
      const [earlier, later] = spanIsLater >= 0 ? [widest, span] : [span, widest];
      problems.error(later.place, `the ${noun} overlaps ${earlier.text} in line ${earlier.place.line}`);
    }
    if (widest === undefined || span.what.last > widest.what.last) widest = span;
  }
}
