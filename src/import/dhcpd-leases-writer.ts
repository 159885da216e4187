import { formatIpv4, ipv4FromBytes } from '../addr/ipv4.ts';
import { effectiveLeaseState, type Lease } from '../dhcp/lease.ts';
import { decodeEncapsulated } from '../wire/dhcp/encapsulated-options.ts';
import { WireError } from '../wire/wire-error.ts';

/** 2038-01-19T03:14:07Z. dhcpd 4.4 fails to rewrite a lease that ends later ("unable to write lease"). */
const LATEST_END = 0x7fff_ffff * 1000;

/** dhcpd's words for types of hardware, by their number in the IANA list; others are `unknown-N`. */
const WORDS_OF_HARDWARE: ReadonlyMap<number, string> = new Map([
  [1, 'ethernet'],
  [6, 'token-ring'],
  [8, 'fddi'],
  [32, 'infiniband'],
]);

/**
 * Leases as dhcpd.leases(5), for a dhcpd that is started afterwards. Offers are left out: they are promises for seconds. Times are whole
 * seconds; an end after January 2038 becomes that moment, since dhcpd 4.4 cannot write a later one.
 */
export function formatDhcpdLeases(leases: readonly Lease[], now: number): string {
  const head = [
    '# Leases of bootd in the format of dhcpd.leases(5).',
    '# Put this file into the place of dhcpd.leases while dhcpd is stopped.',
    'authoring-byte-order little-endian;',
    '',
  ];
  const records = leases.filter(({ state }) => state !== 'offered').map((lease) => recordLines(lease, now));
  return `${[...head, ...records.flat()].join('\n')}\n`;
}

function recordLines(lease: Lease, now: number): readonly string[] {
  const state = effectiveLeaseState(lease, now);
  const isBound = state === 'bound';
  const isDeclined = state === 'declined';
  const body = [
    `starts ${formatTime(lease.startsAt)};`,
    `ends ${lease.expiresAt === undefined ? 'never' : formatTime(lease.expiresAt)};`,
    `cltt ${formatTime(lease.lastSeenAt)};`,
    `binding state ${isBound ? 'active' : isDeclined ? 'abandoned' : 'free'};`,
    ...(isBound || isDeclined ? ['next binding state free;', 'rewind binding state free;'] : []),
    ...(lease.bootp ? ['dynamic-bootp;'] : []),
    ...(isDeclined ? [] : clientLines(lease)),
  ];
  return [`lease ${formatIpv4(lease.address)} {`, ...body.map((line) => `  ${line}`), '}'];
}

function clientLines(lease: Lease): readonly string[] {
  const { htype, hardwareAddress, clientId, hostname, vendorClass } = lease;
  const type = WORDS_OF_HARDWARE.get(htype) ?? `unknown-${htype}`;
  return [
    ...(hardwareAddress.length === 0 ? [] : [`hardware ${type} ${formatHex(hardwareAddress)};`]),
    ...(clientId === undefined ? [] : [`uid ${quoteOctets(clientId)};`]),
    ...agentLines(lease),
    ...(vendorClass === undefined ? [] : [`set vendor-class-identifier = ${quoteText(vendorClass)};`]),
    ...(hostname === undefined ? [] : [`client-hostname ${quoteText(hostname)};`]),
  ];
}

/** What the relay said, in the words that dhcpd's lease file has for it. */
function agentLines({ relayAgentInfo }: Lease): readonly string[] {
  if (relayAgentInfo === undefined) return [];
  return [...subOptionsOf(relayAgentInfo)].flatMap(([code, value]) => {
    const written = agentOption(code, value);
    return written === undefined ? [] : [`option agent.${written};`];
  });
}

/** Undefined for a value that dhcpd would refuse, and the whole file with it: it knows the types of three sub-options. */
function agentOption(code: number, value: Uint8Array): string | undefined {
  switch (code) {
    case 1:
      return `circuit-id ${quoteOctets(value)}`;
    case 2:
      return `remote-id ${quoteOctets(value)}`;
    case 4:
      return value.length === 4 ? `unknown-4 ${new DataView(value.slice().buffer).getUint32(0)}` : undefined;
    case 5: {
      const address = ipv4FromBytes(value);
      return address && `link-selection ${formatIpv4(address)}`;
    }
    case 19:
      return value.length === 0 ? 'unknown-19' : undefined;
    default:
      return `unknown-${code} ${quoteOctets(value)}`;
  }
}

function subOptionsOf(value: Uint8Array): ReadonlyMap<number, Uint8Array> {
  try {
    return decodeEncapsulated(value, 'none');
  } catch (error) {
    if (error instanceof WireError) return new Map();
    throw error;
  }
}

/** `WEEKDAY YYYY/MM/DD HH:MM:SS` in UTC. */
function formatTime(milliseconds: number): string {
  const seconds = Math.floor(Math.min(Math.max(milliseconds, 0), LATEST_END) / 1000);
  const date = new Date(seconds * 1000);
  const [day = '', time = ''] = date.toISOString().split(/[TZ.]/);
  return `${date.getUTCDay()} ${day.replaceAll('-', '/')} ${time}`;
}

function formatHex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(':');
}

/** Octets in quotes, with dhcpd's octal escapes for all that is not printable ASCII. */
function quoteOctets(octets: Uint8Array): string {
  const letters = Array.from(octets, (octet) => {
    const letter = String.fromCharCode(octet);
    if (octet < 0x20 || octet > 0x7e) return `\\${octet.toString(8).padStart(3, '0')}`;
    return letter === '"' || letter === '\\' ? `\\${letter}` : letter;
  });
  return `"${letters.join('')}"`;
}

function quoteText(text: string): string {
  return quoteOctets(new TextEncoder().encode(text));
}
