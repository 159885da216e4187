import { formatIpv4 } from '../addr/ipv4.ts';
import { effectiveLeaseState, type Lease } from '../dhcp/lease.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';
import { printable } from '../wire/visible-text.ts';

type Cell = (lease: Lease, now: number) => string | undefined;

/** The columns of the table, in the words of the control API. */
const COLUMNS: readonly (readonly [title: string, cell: Cell])[] = [
  ['address', (lease) => formatIpv4(lease.address)],
  ['state', effectiveLeaseState],
  ['mac', (lease) => lease.mac],
  ['hardware_type', (lease) => String(lease.htype)],
  ['hardware_address', (lease) => formatOctets(lease.hardwareAddress)],
  ['client_id', (lease) => lease.clientId && formatOctets(lease.clientId)],
  ['hostname', (lease) => lease.hostname],
  ['vendor_class', (lease) => lease.vendorClass],
  ['bootp', (lease) => String(lease.bootp)],
  ['starts_at', (lease) => formatTime(lease.startsAt)],
  ['expires_at', (lease) => (lease.expiresAt === undefined ? undefined : formatTime(lease.expiresAt))],
  ['last_seen_at', (lease) => formatTime(lease.lastSeenAt)],
  ['relay_agent_info', (lease) => lease.relayAgentInfo && formatOctets(lease.relayAgentInfo)],
];

/** Leases as comma-separated values (RFC 4180) with a heading; what is not known is an empty cell, and so is an end that never comes. */
export function formatLeaseCsv(leases: readonly Lease[], now: number): string {
  const heading = COLUMNS.map(([title]) => title);
  const rows = leases.map((lease) => COLUMNS.map(([, cell]) => cell(lease, now) ?? ''));
  return [heading, ...rows].map((cells) => `${cells.map(quoteCell).join(',')}\r\n`).join('');
}

/** What spreadsheets take for a formula, where it is the first that they see. Host names and vendor classes are whatever a machine on the wire sends. */
const FORMULA = /^[=+\-@]/;

function quoteCell(cell: string): string {
  const shown = printable(cell);
  const text = FORMULA.test(shown) ? `'${shown}` : shown;
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
