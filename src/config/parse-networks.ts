import { formatIpv4, ipv4FromNumber, parseIpv4, UNSPECIFIED_IPV4 } from '../addr/ipv4.ts';
import {
  formatAddressRange,
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
  RangeSettings,
  ScopeParameters,
  SharedNetworkSettings,
  SubnetSettings,
} from '../dhcp/dhcp-settings.ts';
import { itemsOf, type Located, type Place } from './located.ts';
import { parsePermits, type ClassNames } from './parse-permits.ts';
import { parseScope, type DhcpContext, type LeaseTimes } from './parse-scope.ts';
import type { RawDhcp, RawRange, RawSubnet } from './raw-dhcp.ts';
import { noteName } from './unique-names.ts';

/** What the parsers of networks need besides. */
export interface NetworkContext extends DhcpContext {
  readonly classes: ClassNames;
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

/** What a range is held against when its subnet could not be read: its own mistakes are told all the same. */
const EVERYWHERE: Subnet = { network: UNSPECIFIED_IPV4, prefixLength: 0 };

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
      const subnet = parseNetwork(written.value.subnet, context);
      if (subnet === undefined) areComplete = false;
      else subnets.push({ what: subnet, place: written.value.subnet.place });
      const scope = parseScope(written.value, times, context);
      const found = itemsOf(written.value.ranges).flatMap((range) => {
        const settings = readRange(range, subnet ?? EVERYWHERE, scope.leaseTimes, context);
        if (settings === undefined) return [];
        if (subnet !== undefined) ranges.push({ what: settings.range, place: range.value.range.place });
        return [settings];
      });
      return subnet === undefined ? [] : [{ subnet, ranges: found, parameters: scope.parameters }];
    });

  const alone = readSubnets(itemsOf(dhcp.value.subnets), outer).map((subnet) => ({
    name: undefined,
    subnets: [subnet],
    parameters: NO_PARAMETERS,
  }));
  const names = new Map<string, Place>();
  const shared = itemsOf(dhcp.value['shared-networks']).map((written) => {
    const { name } = written.value;
    noteName(names, name, 'shared network', context.problems);
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
      text: formatAddressRange(range.what),
    })),
    'range',
    context,
  );
  return { sharedNetworks: [...shared, ...alone], subnets, ranges, areComplete };
}

/** A network and its prefix length; whatever else stands there is reported. */
export function parseNetwork(written: Located<string>, { problems }: DhcpContext): Subnet | undefined {
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
  const allow = parsePermits(written.value.allow, context.classes, context.problems);
  const deny = parsePermits(written.value.deny, context.classes, context.problems);
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
