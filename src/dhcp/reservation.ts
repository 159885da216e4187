import type { Ipv4 } from '../addr/ipv4.ts';
import type { NodeLookup, NodePort } from '../boot/node.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';
import type { ClientRequest } from './dhcp-request.ts';
import type { DhcpSettings, ReservationSettings } from './dhcp-settings.ts';
import { hardwareClientKey, type ClientKey, type Lease } from './lease.ts';

/** What the configuration and the nodes say about the machine that asks. */
export interface Machine {
  readonly nodePort: NodePort | undefined;
  readonly reservation: ReservationSettings | undefined;
  /** A reservation or a node names it. */
  readonly isKnown: boolean;
  /** Addresses that are its own, the node's first; which of them is on its wire is for the caller to see. */
  readonly fixedAddresses: readonly Ipv4[];
}

interface ReservationIndex {
  readonly byClientId: ReadonlyMap<string, ReservationSettings>;
  readonly byHardware: ReadonlyMap<ClientKey, ReservationSettings>;
  readonly byAddress: ReadonlyMap<Ipv4, ReservationSettings>;
}

/** Settings are frozen and replaced whole, so each needs its index made once. */
const INDEXES = new WeakMap<DhcpSettings, ReservationIndex>();

/** Finds who asks: the reservation by client identifier, else by hardware; the node by its port's MAC. */
export function findMachine(
  request: Pick<ClientRequest, 'clientId' | 'cardKey' | 'mac'>,
  settings: DhcpSettings,
  nodes: NodeLookup,
): Machine {
  const index = indexOf(settings);
  const { clientId, cardKey, mac } = request;
  const reservation = reservedByClientId(index, clientId) ?? index.byHardware.get(cardKey);
  const nodePort = mac && nodes.portByMac(mac);
  const ofNode = unlessReserved(nodePort?.port.fixedAddress, reservation, index);
  const ofReservation = reservation?.fixedAddresses ?? [];
  return {
    nodePort,
    reservation,
    isKnown: nodePort !== undefined || reservation !== undefined,
    fixedAddresses: ofNode === undefined ? ofReservation : [ofNode, ...ofReservation],
  };
}

/** The address of a node's port, unless a reservation keeps it for another machine: the configuration wins. */
function unlessReserved(
  ofNode: Ipv4 | undefined,
  own: ReservationSettings | undefined,
  { byAddress }: ReservationIndex,
): Ipv4 | undefined {
  const holder = ofNode === undefined ? undefined : byAddress.get(ofNode);
  return holder === undefined || holder === own ? ofNode : undefined;
}

/** The reservation that keeps an address. */
export function reservationOf(address: Ipv4, settings: DhcpSettings): ReservationSettings | undefined {
  return indexOf(settings).byAddress.get(address);
}

function reservedByClientId(
  { byClientId }: ReservationIndex,
  clientId: Uint8Array | undefined,
): ReservationSettings | undefined {
  // Most sites reserve by card alone, and writing an identifier out costs more than the rest of the search.
  if (clientId === undefined || byClientId.size === 0) return undefined;
  return byClientId.get(formatOctets(clientId));
}

/** Whether an address is kept for a machine other than this one. */
export function isReservedForOther(
  address: Ipv4,
  machine: Machine,
  settings: DhcpSettings,
  nodes: NodeLookup,
): boolean {
  const reservation = reservationOf(address, settings);
  if (reservation !== undefined) return reservation !== machine.reservation;
  const owner = nodes.portByFixedAddress(address);
  return owner !== undefined && owner.port.address !== machine.nodePort?.port.address;
}

/**
 * Whether a lease of a reserved address was made for the machine that it is reserved for, under whatever client identifier: a
 * reservation by hardware covers the ROM and the system behind it.
 */
export function isLeaseOfMachine(lease: Lease, { nodePort, reservation }: Machine): boolean {
  if (nodePort !== undefined && lease.mac === nodePort.port.address) return true;
  if (reservation === undefined) return false;
  const { clientId, hardware } = reservation;
  if (clientId !== undefined && lease.clientId !== undefined && sameOctets(clientId, lease.clientId))
    return true;
  return hardware?.htype === lease.htype && sameOctets(hardware.address, lease.hardwareAddress);
}

function indexOf(settings: DhcpSettings): ReservationIndex {
  const present = INDEXES.get(settings);
  if (present !== undefined) return present;
  const byClientId = new Map<string, ReservationSettings>();
  const byHardware = new Map<ClientKey, ReservationSettings>();
  const byAddress = new Map<Ipv4, ReservationSettings>();
  for (const reservation of settings.reservations) {
    const { clientId, hardware, fixedAddresses } = reservation;
    if (clientId !== undefined) byClientId.set(formatOctets(clientId), reservation);
    if (hardware !== undefined) {
      byHardware.set(hardwareClientKey(hardware.htype, hardware.address), reservation);
    }
    for (const address of fixedAddresses) byAddress.set(address, reservation);
  }
  const index = { byClientId, byHardware, byAddress };
  INDEXES.set(settings, index);
  return index;
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, index) => octet === b[index]);
}
