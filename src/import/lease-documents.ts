import { formatIpv4, parseIpv4 } from '../addr/ipv4.ts';
import {
  clientKeyOf,
  effectiveLeaseState,
  ethernetAddress,
  type Lease,
  type LeaseState,
} from '../dhcp/lease.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';

/** chaddr has room for 16 octets, and htype for one (RFC 2131 section 2). */
const LONGEST_HARDWARE_ADDRESS = 16;
const LARGEST_HARDWARE_TYPE = 255;

/** What toISOString writes, for the years that dhcpd's file can say as well. */
const TIME = /^(?:19[7-9]|[2-9]\d{2})\d-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/;

const STATES: readonly LeaseState[] = ['offered', 'bound', 'released', 'expired', 'declined'];

/** Leases as a JSON text, a list of documents such as those of `GET /v1/leases`. */
export function formatLeaseJson(leases: readonly Lease[], now: number): string {
  return `${JSON.stringify(
    leases.map((lease) => documentOf(lease, now)),
    undefined,
    2,
  )}\n`;
}

function documentOf(lease: Lease, now: number): Readonly<Record<string, unknown>> {
  const octetsOf = (octets: Uint8Array | undefined): string | null =>
    octets === undefined ? null : formatOctets(octets);
  const timeOfMs = (milliseconds: number): string => new Date(milliseconds).toISOString();
  return {
    address: formatIpv4(lease.address),
    state: effectiveLeaseState(lease, now),
    mac: lease.mac ?? null,
    hardware_type: lease.htype,
    hardware_address: formatOctets(lease.hardwareAddress),
    client_id: octetsOf(lease.clientId),
    hostname: lease.hostname ?? null,
    vendor_class: lease.vendorClass ?? null,
    bootp: lease.bootp,
    starts_at: timeOfMs(lease.startsAt),
    expires_at: lease.expiresAt === undefined ? null : timeOfMs(lease.expiresAt),
    last_seen_at: timeOfMs(lease.lastSeenAt),
    relay_agent_info: octetsOf(lease.relayAgentInfo),
  };
}

/**
 * Reads what formatLeaseJson writes, or the whole answer of `GET /v1/leases`. Each document that is no lease is listed by its place in the
 * list. Undefined for a text that is no such list.
 */
export function parseLeaseJson(
  text: string,
): { readonly leases: readonly Lease[]; readonly unreadable: readonly number[] } | undefined {
  const list = listIn(text);
  if (list === undefined) return undefined;
  const parsed = list.map(parseLeaseDocument);
  return {
    leases: parsed.filter((lease) => lease !== undefined),
    unreadable: parsed.flatMap((lease, index) => (lease === undefined ? [index] : [])),
  };
}

function listIn(text: string): readonly unknown[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
  const list: unknown =
    typeof value === 'object' && value !== null && 'leases' in value ? value.leases : value;
  return Array.isArray(list) ? (list as readonly unknown[]) : undefined;
}

/**
 * A lease as the control API shows it (`GET /v1/leases`), which is also how `bootd lease export --format json` writes it. Undefined for a
 * document that is none.
 */
export function parseLeaseDocument(document: unknown): Lease | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(document));
  const textOf = (name: string): string | undefined => {
    const value = fields.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const address = parseIpv4(textOf('address') ?? '');
  const state = STATES.find((known) => known === fields.get('state'));
  const htype = fields.get('hardware_type');
  const hardwareAddress = parseOctets(textOf('hardware_address') ?? '');
  const startsAt = timeOf(textOf('starts_at'));
  const lastSeenAt = timeOf(textOf('last_seen_at'));
  const expiresAt = timeOf(textOf('expires_at'));
  const isEndless = fields.get('expires_at') === null;
  if (address === undefined || state === undefined || hardwareAddress === undefined) return undefined;
  if (hardwareAddress.length > LONGEST_HARDWARE_ADDRESS || !isHardwareType(htype)) return undefined;
  // Type 0 stands for no hardware at all, as of an address that was declined.
  if (htype === 0 && hardwareAddress.length > 0) return undefined;
  if (startsAt === undefined || lastSeenAt === undefined) return undefined;
  if (expiresAt === undefined && !isEndless) return undefined;
  const clientId = parseOctets(textOf('client_id'));
  const isKnown = clientId !== undefined || hardwareAddress.length > 0;
  return {
    address,
    state,
    client: isKnown && state !== 'declined' ? clientKeyOf(clientId, htype, hardwareAddress) : undefined,
    clientId,
    htype,
    hardwareAddress,
    mac: ethernetAddress(htype, hardwareAddress),
    startsAt,
    expiresAt,
    lastSeenAt,
    bootp: fields.get('bootp') === true,
    hostname: textOf('hostname'),
    vendorClass: textOf('vendor_class'),
    relayAgentInfo: parseOctets(textOf('relay_agent_info')),
  };
}

function isHardwareType(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= LARGEST_HARDWARE_TYPE;
}

/** Hex octets with colons; none at all are the empty text. Undefined for anything else. */
function parseOctets(text: string | undefined): Uint8Array | undefined {
  if (text === '') return new Uint8Array(0);
  if (text === undefined || !/^[0-9a-f]{2}(?::[0-9a-f]{2})*$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16));
}

function timeOf(text: string | undefined): number | undefined {
  const time = text !== undefined && TIME.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
