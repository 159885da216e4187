import { parseIpv4 } from '../addr/ipv4.ts';
import { clientKeyOf, ethernetAddress, type Lease, type LeaseState } from '../dhcp/lease.ts';

const STATES: readonly LeaseState[] = ['offered', 'bound', 'released', 'expired', 'declined'];

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
  if (typeof htype !== 'number' || startsAt === undefined || lastSeenAt === undefined) return undefined;
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

/** Hex octets with colons; none at all are the empty text. Undefined for anything else. */
function parseOctets(text: string | undefined): Uint8Array | undefined {
  if (text === '') return new Uint8Array(0);
  if (text === undefined || !/^[0-9a-f]{2}(?::[0-9a-f]{2})*$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16));
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
