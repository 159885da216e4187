import type { Ipv4 } from '../addr/ipv4.ts';
import { subnetContains } from '../addr/subnet.ts';
import type { ClientRequest } from './dhcp-request.ts';
import type { DhcpSettings, RangeSettings, SharedNetworkSettings, SubnetSettings } from './dhcp-settings.ts';

/** The configured network of a client's wire, and the subnet of it that was recognised. */
export interface SelectedNetwork {
  readonly network: SharedNetworkSettings;
  readonly subnet: SubnetSettings;
}

/**
 * Finds the client's wire: by the relay's link selection (RFC 3527 section 3), else by giaddr, else by the address that
 * the client has, else by the receiving interface. A relay's word counts even where it leads nowhere: an address of
 * another wire helps nobody. Undefined: no subnet is configured for it.
 */
export function selectNetwork(request: ClientRequest, settings: DhcpSettings): SelectedNetwork | undefined {
  const { relayAddress, relayAgentInformation, link, message } = request;
  const linkSelection = relayAgentInformation?.linkSelection;
  // Without giaddr there is no relay that could be believed: a client may write option 82 itself.
  if (relayAddress !== undefined) return findNetwork(linkSelection ?? relayAddress, settings);
  return (
    findClientNetwork(request.kind, message.ciaddr, settings) ??
    firstNetwork([link.serverAddress, ...link.addresses], settings)
  );
}

/** A renewal comes straight from its client, perhaps through routers; ciaddr says from where. */
function findClientNetwork(
  kind: ClientRequest['kind'],
  ciaddr: Ipv4,
  settings: DhcpSettings,
): SelectedNetwork | undefined {
  const hasAddress = kind === 'renewing' || kind === 'release' || kind === 'inform';
  return hasAddress ? findNetwork(ciaddr, settings) : undefined;
}

function firstNetwork(addresses: readonly Ipv4[], settings: DhcpSettings): SelectedNetwork | undefined {
  for (const address of addresses) {
    const found = findNetwork(address, settings);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findNetwork(address: Ipv4, settings: DhcpSettings): SelectedNetwork | undefined {
  for (const network of settings.sharedNetworks) {
    const subnet = findSubnet(address, network);
    if (subnet !== undefined) return { network, subnet };
  }
  return undefined;
}

/** The subnet of the network that an address lies in. */
export function findSubnet(address: Ipv4, network: SharedNetworkSettings): SubnetSettings | undefined {
  return network.subnets.find(({ subnet }) => subnetContains(subnet, address));
}

/** The range of the network that an address lies in. */
export function findRange(address: Ipv4, network: SharedNetworkSettings): RangeSettings | undefined {
  for (const { ranges } of network.subnets) {
    for (const range of ranges) {
      if (address >= range.range.first && address <= range.range.last) return range;
    }
  }
  return undefined;
}

/** Settings are frozen and replaced whole, so the ranges of each network need be collected once. */
const RANGES = new WeakMap<SharedNetworkSettings, readonly RangeSettings[]>();

/** The ranges of all subnets of a network. */
export function rangesOf(network: SharedNetworkSettings): readonly RangeSettings[] {
  const known = RANGES.get(network);
  if (known !== undefined) return known;
  const ranges = network.subnets.flatMap((subnet) => subnet.ranges);
  RANGES.set(network, ranges);
  return ranges;
}

/** Every range of every network, for the lease table. */
export function allRanges(settings: DhcpSettings): readonly RangeSettings['range'][] {
  return settings.sharedNetworks.flatMap(({ subnets }) =>
    subnets.flatMap(({ ranges }) => ranges.map(({ range }) => range)),
  );
}
