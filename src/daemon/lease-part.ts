import { LeaseTable } from '../dhcp/lease-table.ts';
import { allRanges } from '../dhcp/subnet-selection.ts';
import { publishLease } from '../services/event-sources.ts';
import { LeaseService } from '../services/lease-service.ts';
import { announceCommits, createLeaseStore, type LeaseStore } from '../store/lease-store.ts';
import type { Foundation } from './foundation.ts';

/** Whoever asks who holds an address. The service starts with DHCP's: nobody may ask before what is kept was read. */
export interface LeasePart {
  readonly leases: LeaseTable;
  readonly store: LeaseStore;
  readonly service: LeaseService;
}

/** Without DHCP there are no leases. `onCommit` is told after each flush of leases. */
export function buildLeases(foundation: Foundation, onCommit: () => void): LeasePart | undefined {
  const { settings, clock, events, logger, metrics, nodeOf } = foundation;
  if (settings.dhcp === undefined) return undefined;
  const store = announceCommits(createLeaseStore(foundation.store), onCommit);
  const leases = new LeaseTable(allRanges(settings.dhcp));
  const service = new LeaseService({
    leases,
    store,
    clock,
    onFreed: (lease) => publishLease(events, { lease, state: 'released' }, nodeOf),
    logger,
    metrics,
  });
  return { leases, store, service };
}
