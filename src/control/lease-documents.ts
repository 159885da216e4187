import { Type, type Static } from '@sinclair/typebox';
import { formatIpv4 } from '../addr/ipv4.ts';
import type { NodeUuid } from '../boot/node.ts';
import type { LeaseState } from '../dhcp/lease.ts';
import type { LeaseView } from './lease-queries.ts';
import { nullable } from './schema-terms.ts';

/** Every state that a lease can be asked for by. */
export const LEASE_STATES = [
  'offered',
  'bound',
  'released',
  'expired',
  'declined',
] as const satisfies readonly LeaseState[];

/** A lease in an answer. Times are ISO 8601 in UTC. */
export const LeaseSchema = Type.Object({
  address: Type.String(),
  state: Type.Union(LEASE_STATES.map((state) => Type.Literal(state))),
  mac: nullable(Type.String()),
  hardware_type: Type.Integer({ description: "ARP's number; 1 is Ethernet." }),
  hardware_address: Type.String({ description: 'Hex octets with colons.' }),
  client_id: nullable(Type.String({ description: 'Option 61, hex octets with colons.' })),
  hostname: nullable(Type.String()),
  vendor_class: nullable(Type.String()),
  node: nullable(Type.String({ description: 'UUID of the node that the MAC belongs to.' })),
  bootp: Type.Boolean({ description: 'Given by BOOTP, without end.' }),
  starts_at: Type.String(),
  expires_at: nullable(Type.String({ description: 'Null: never.' })),
  last_seen_at: Type.String(),
  relay_agent_info: nullable(Type.String({ description: 'Option 82 as the relay sent it, hex octets.' })),
});

export type LeaseDocument = Static<typeof LeaseSchema>;

/** The lease as the API shows it. */
export function formatLeaseDocument({ lease, state }: LeaseView, node: NodeUuid | undefined): LeaseDocument {
  return {
    address: formatIpv4(lease.address),
    state,
    mac: lease.mac ?? null,
    hardware_type: lease.htype,
    hardware_address: formatOctets(lease.hardwareAddress),
    client_id: lease.clientId === undefined ? null : formatOctets(lease.clientId),
    hostname: lease.hostname ?? null,
    vendor_class: lease.vendorClass ?? null,
    node: node ?? null,
    bootp: lease.bootp,
    starts_at: formatTime(lease.startsAt),
    expires_at: lease.expiresAt === undefined ? null : formatTime(lease.expiresAt),
    last_seen_at: formatTime(lease.lastSeenAt),
    relay_agent_info: lease.relayAgentInfo === undefined ? null : formatOctets(lease.relayAgentInfo),
  };
}

function formatOctets(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(':');
}

function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
