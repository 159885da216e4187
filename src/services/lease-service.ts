import { setTimeout as sleep } from 'node:timers/promises';
import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import { subnetContains } from '../addr/subnet.ts';
import type { LeaseFilter, LeaseQueries, LeaseView } from '../control/lease-queries.ts';
import { effectiveLeaseState, type Lease, type LeaseChange } from '../dhcp/lease.ts';
import { alignLeases } from '../dhcp/lease-times.ts';
import type { LeaseTable } from '../dhcp/lease-table.ts';
import { boundLease, standingOffer } from '../dhcp/lease-table-view.ts';
import type { Clock } from '../io/clock.ts';
import type { LeaseStore } from '../store/lease-store.ts';
import { StoreError } from '../store/store.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Service } from './service.ts';

/** What the service works with. */
export interface LeaseServiceParts {
  readonly leases: LeaseTable;
  readonly store: LeaseStore;
  readonly clock: Clock;
  /** An admin freed a lease, or an offer. */
  readonly onFreed?: (lease: Lease) => void;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Leases of one flush when all are made durable again: small enough that an ACK which waits behind it is not late. */
const LEASES_PER_FLUSH = 1000;

/** After a flush that failed. */
const RETRY_MS = 1000;

/** Reads the leases at start, and shows and frees them for the control API. */
export class LeaseService implements Service, LeaseQueries {
  readonly name = 'leases';
  readonly #parts: LeaseServiceParts;
  #stopped = false;
  #rewriting: Promise<void> = Promise.resolve();

  constructor(parts: LeaseServiceParts) {
    this.#parts = parts;
  }

  /** Reads the store whole; before this the table is empty. */
  async start(): Promise<void> {
    const { leases, store, clock, logger, metrics } = this.#parts;
    const { leases: kept, report } = await store.load();
    for (const sentence of report) logger.warn({ event: EVENTS.storeRepaired }, sentence);
    const now = clock.now();
    const aligned = alignLeases(kept, now);
    if (aligned !== kept) {
      logger.warn(
        { event: EVENTS.leaseTimesMoved, leases: kept.length },
        'the clock is behind the leases, or was not set when they were made: each lasts for what it had left at the last stop',
      );
    }
    leases.restore(aligned, now);
    metrics.observeLeases(() => this.#countByState());
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#rewriting;
  }

  /** The clock was set by so many milliseconds: every lease moves along, first in memory, and then on disk. */
  shiftTimes(milliseconds: number): void {
    const { leases, logger } = this.#parts;
    leases.shift(milliseconds);
    const seconds = Math.round(milliseconds / 1000);
    logger.warn(
      { event: EVENTS.leaseTimesMoved, seconds },
      `the clock was set by ${seconds} s: leases end when their clients expect it, and so not by the new time`,
    );
    this.#rewriting = this.#rewriting.then(() => this.#keepAll());
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
    // The record is the table's own, which forgets what it held.
    const freed = record.lease ?? record.offer;
    leases.apply(changes, clock.now());
    if (freed !== undefined) this.#parts.onFreed?.(freed);
    const mac = freed?.mac;
    logger.info(
      { event: EVENTS.leaseReleased, address: formatIpv4(address), mac, by: 'admin' },
      'lease was freed by an admin',
    );
    return true;
  }

  /** Makes all leases durable as they are now, some at a time; a flush that fails is tried again until one succeeds. */
  async #keepAll(): Promise<void> {
    const { leases, store } = this.#parts;
    // A record that is over and forgotten must not stay behind in the old time: from the future, it would move all others at the next start.
    const addresses = [...Array.from(leases.kept(), ({ address }) => address), ...leases.lapsed()];
    for (let next = 0; next < addresses.length && !this.#stopped;) {
      // Read at the moment of the commit: what was committed before it is older, what comes after it newer.
      const changes = addresses
        .slice(next, next + LEASES_PER_FLUSH)
        .flatMap((address): readonly LeaseChange[] => {
          const lease = leases.at(address)?.lease;
          return [lease === undefined ? { kind: 'forget', address } : { kind: 'put', lease }];
        });
      try {
        await store.commit(changes);
        next += LEASES_PER_FLUSH;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        // The store's own log line says what is wrong.
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
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
