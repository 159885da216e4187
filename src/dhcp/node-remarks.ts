import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import { subnetContains } from '../addr/subnet.ts';
import type { Node, Port } from '../boot/node.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';
import type { DhcpSettings, ReservationSettings } from './dhcp-settings.ts';
import { ETHERNET } from './lease.ts';
import { readNodeOption } from './node-options.ts';
import { reservationOf } from './reservation.ts';

/** A fixed address of a node's port that a reservation of the configuration keeps, for another machine or for one that cannot be told. */
export interface NodeConflict {
  readonly address: Ipv4;
  /** The port's. */
  readonly mac: Mac;
  /** Of the reservation, for people: its name, its hardware address or its client identifier. */
  readonly holder: string;
  /** The reservation names the card of another machine. Not certain: it goes by client identifier alone, which may be this machine's. */
  readonly isCertain: boolean;
}

/**
 * Where ports of a node and the reservations of the configuration keep one address for two machines. The reservation wins:
 * an admin wrote it, and a node that claims such an address is refused as long as the reservation is there first.
 */
export function nodeConflicts(ports: readonly Port[], settings: DhcpSettings): readonly NodeConflict[] {
  return ports.flatMap(({ address: mac, fixedAddress }): readonly NodeConflict[] => {
    const reservation = fixedAddress && reservationOf(fixedAddress, settings);
    if (fixedAddress === undefined || reservation === undefined) return [];
    const { hardware } = reservation;
    const card = hardware?.htype === ETHERNET ? formatOctets(hardware.address) : undefined;
    if (card === mac) return [];
    const isCertain = hardware !== undefined;
    return [{ address: fixedAddress, mac, holder: describeReservation(reservation), isCertain }];
  });
}

/** What is legal in a node and will not come to what its author means as things are: a sentence each. */
export function nodeRemarks(
  { ports, dhcpOptions }: Pick<Node, 'ports' | 'dhcpOptions'>,
  settings: DhcpSettings,
): readonly string[] {
  const conflicts = nodeConflicts(ports, settings).map(({ address, mac, holder, isCertain }) =>
    isCertain
      ? `ports: ${formatIpv4(address)} is reserved for ${holder} in the configuration, which wins; ${mac} gets an address from a range`
      : `ports: ${formatIpv4(address)} is reserved for ${holder}; ${mac} gets it only if it sends that client identifier`,
  );
  return [...conflicts, ...elsewhere(ports, settings), ...dhcpOptions.flatMap(optionRemarks)];
}

function elsewhere(ports: readonly Port[], { sharedNetworks }: DhcpSettings): readonly string[] {
  const subnets = sharedNetworks.flatMap((network) => network.subnets.map(({ subnet }) => subnet));
  return ports.flatMap(({ address: mac, fixedAddress }) =>
    fixedAddress === undefined || subnets.some((subnet) => subnetContains(subnet, fixedAddress))
      ? []
      : [
          `ports: ${formatIpv4(fixedAddress)} is in no subnet of the configuration, so ${mac} gets an address from a range`,
        ],
  );
}

function optionRemarks(option: Node['dhcpOptions'][number]): readonly string[] {
  const read = readNodeOption(option);
  return read.kind === 'unreadable' ? [`dhcp_options: ${read.reason}; it is not sent`] : [];
}

function describeReservation({ name, hardware, clientId }: ReservationSettings): string {
  if (name !== undefined) return name;
  if (hardware !== undefined) return formatOctets(hardware.address);
  return clientId === undefined ? 'another machine' : `client identifier ${formatOctets(clientId)}`;
}
