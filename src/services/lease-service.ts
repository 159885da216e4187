import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import { subnetContains } from '../addr/subnet.ts';
import type { LeaseFilter, LeaseQueries, LeaseView } from '../control/lease-queries.ts';
import { effectiveLeaseState, type LeaseChange } from '../dhcp/lease.ts';
import type { LeaseTable } from '../dhcp/lease-table.ts';
import { boundLease, standingOffer } from '../dhcp/lease-table-view.ts';
import type { Clock } from '../io/clock.ts';
import type { LeaseStore } from '../store/lease-store.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Service } from './service.ts';

/** What the service works with. */
export interface LeaseServiceParts {
  readonly leases: LeaseTable;
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Reads the leases at start, and shows and frees them for the control API. */
export class LeaseService implements Service, LeaseQueries {
  readonly name = 'leases';
  readonly #parts: LeaseServiceParts;

  constructor(parts: LeaseServiceParts) {
    this.#parts = parts;
  }

  /** Reads the store whole; before this the table is empty. */
  async start(): Promise<void> {
    const { leases, store, clock, logger, metrics } = this.#parts;
    const { leases: kept, report } = await store.load();
    for (const sentence of report) logger.warn({ event: EVENTS.storeRepaired }, sentence);
    leases.restore(kept, clock.now());
    metrics.observeLeases(() => this.#countByState());
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  list(filter: LeaseFilter): readonly LeaseView[] {
    const views: LeaseView[] = [];
    const now = this.#parts.clock.now();
    for (const lease of this.#parts.leases.leases(now)) {
      const view = { lease, state: effectiveLeaseState(lease, now) };
      if (isWanted(view, filter)) views.push(view);
    }
    return views.sort((a, b) => a.lease.address - b.lease.address);
  }

  byAddress(address: Ipv4): LeaseView | undefined {
    const now = this.#parts.clock.now();
    const record = this.#parts.leases.at(address);
    const lease = boundLease(record, now) ?? standingOffer(record, now) ?? record?.lease;
    return lease && { lease, state: effectiveLeaseState(lease, now) };
  }

  /** Whose machine uses the address now, for requests that come from it. */
  macOfAddress(address: Ipv4): Mac | undefined {
    return boundLease(this.#parts.leases.at(address), this.#parts.clock.now())?.mac;
  }

  /** The last holder is forgotten too, so that the address is as free as one that was never given. */
  async release(address: Ipv4): Promise<boolean> {
    const { leases, store, clock, logger } = this.#parts;
    const record = leases.at(address);
    if (record === undefined) return false;
    const changes: readonly LeaseChange[] = [{ kind: 'forget', address }];
    await store.commit(changes);
    leases.apply(changes, clock.now());
    const mac = (record.lease ?? record.offer)?.mac;
    logger.info(
      { event: EVENTS.leaseReleased, address: formatIpv4(address), mac, by: 'admin' },
      'lease was freed by an admin',
    );
    return true;
  }

  #countByState(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { state } of this.list({})) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }
}

function isWanted({ lease, state }: LeaseView, filter: LeaseFilter): boolean {
  return (
    (filter.mac === undefined || lease.mac === filter.mac) &&
    (filter.state === undefined || state === filter.state) &&
    (filter.subnet === undefined || subnetContains(filter.subnet, lease.address))
  );
}
