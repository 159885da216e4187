import { formatIpv4 } from '../addr/ipv4.ts';
import { rangeContains, type AddressRange } from '../addr/subnet.ts';
import type { Lease } from '../dhcp/lease.ts';
import { systemClock } from '../io/clock.ts';
import { parseDhcpdLeases } from '../import/dhcpd-leases-parser.ts';
import { parseLeaseJson } from '../import/lease-documents.ts';
import { leaseOfRecord } from '../import/lease-file-records.ts';
import type { Loss } from '../import/loss-list.ts';
import { ImportError, type SourcePlace } from '../import/source-place.ts';
import type { HostDraft } from '../import/site.ts';
import { withStoppedStore } from './stopped-store.ts';

/** Leases of another program, or of another bootd. */
export interface ReadLeases {
  readonly leases: readonly Lease[];
  /** Hosts that OMAPI made, which are no leases. */
  readonly hosts: readonly HostDraft[];
  readonly losses: readonly Loss[];
}

/** What became of the leases of a file. */
export interface LeaseImport {
  /** How many were written. */
  readonly written: number;
  /** Addresses of which the store knew something newer, which it kept. */
  readonly kept: number;
  /** What the store had to drop or repair when it was opened. */
  readonly report: readonly string[];
}

/** Leases that one flush takes. */
const BATCH = 5000;

/** Reads dhcpd.leases, or what `bootd lease export --format json` writes. Throws ImportError for a file that is neither. */
export function readLeaseText(text: string, file: string): ReadLeases {
  if (/^\s*[[{]/.test(text)) return readJson(text, file);
  const { records, hosts, losses } = parseDhcpdLeases(text, file);
  const now = systemClock.now();
  const leases = records.flatMap((record) => leaseOfRecord(record, now) ?? []);
  const reserved = records
    .filter((record) => record.reserved)
    .map(({ address, place }) => {
      const reason = 'bootd takes the lease as it is; only `reservations` keep an address for a machine';
      return lossAt(place, `reserved ${formatIpv4(address)}`, reason, true);
    });
  return { leases, hosts, losses: [...losses, ...reserved] };
}

function readJson(text: string, file: string): ReadLeases {
  const place = { file, line: 1, column: 1 };
  const parsed = parseLeaseJson(text);
  if (parsed === undefined) throw new ImportError(place, 'this is no list of leases');
  const losses = parsed.unreadable.map((index) =>
    lossAt(place, `item ${index + 1} of the list`, 'it is no lease', true),
  );
  // An offer is a promise for seconds, to a client that asks again.
  const leases = parsed.leases.filter(({ state }) => state !== 'offered');
  return { leases, hosts: [], losses };
}

/** Hosts of a lease file where no bootd.yaml is made that could take them. */
export function unplacedHosts({ hosts }: ReadLeases): readonly Loss[] {
  return hosts.map(({ name, place }) => {
    const reason = 'OMAPI made it; put it into `reservations`, or import it together with dhcpd.conf';
    return lossAt(place, `host ${name}`, reason, true);
  });
}

/** More of them are counted, not listed. */
const LISTED_OUTSIDE = 20;

/** Leases of addresses that no range holds: they are kept all the same. */
export function leasesOutside(
  leases: readonly Lease[],
  ranges: readonly AddressRange[],
  file: string,
): readonly Loss[] {
  const outside = leases.filter(({ address }) => !ranges.some((range) => rangeContains(range, address)));
  const listed = outside.slice(0, LISTED_OUTSIDE).map(({ address }) => `lease ${formatIpv4(address)}`);
  const more = outside.length - listed.length;
  return [...listed, ...(more > 0 ? [`${more} more leases`] : [])].map((subject) => {
    const reason = 'no range of the configuration holds it; it is kept all the same';
    return lossAt({ file, line: 1, column: 1 }, subject, reason, false);
  });
}

/** What to say about an import, a sentence a line. */
export function describeLeaseImport(
  { written, kept, report }: LeaseImport,
  file: string,
  stateDirectory: string,
): readonly string[] {
  const newer = kept === 0 ? '' : `; of ${kept} addresses the store knew something newer, and kept that`;
  return [...report, `${file}: ${written} leases are in ${stateDirectory} now${newer}`];
}

/**
 * Writes leases into the store of a daemon that is stopped. What the store knows newer stays. Rejects with StoreError: `locked` while a daemon
 * runs on it.
 */
export function writeLeases(stateDirectory: string, leases: readonly Lease[]): Promise<LeaseImport> {
  return withStoppedStore(stateDirectory, async (store, report) => {
    const present = await store.load();
    const lastSeen = new Map(present.leases.map((lease) => [lease.address, lease.lastSeenAt]));
    const newer = leases.filter(({ address, lastSeenAt }) => (lastSeen.get(address) ?? -1) <= lastSeenAt);
    for (let at = 0; at < newer.length; at += BATCH) {
      await store.commit(newer.slice(at, at + BATCH).map((lease) => ({ kind: 'put', lease })));
    }
    const kept = leases.length - newer.length;
    return { written: newer.length, kept, report: [...report, ...present.report] };
  });
}

function lossAt(place: SourcePlace, subject: string, reason: string, essential: boolean): Loss {
  return { place, essential, subject, reason };
}
