import type { Lease, LeaseChange } from '../dhcp/lease.ts';
import { leaseCodec, leaseRecordName } from './lease-record.ts';
import { RecordTable } from './record-table.ts';
import type { OpeningReport, RecordChange, RecordStore } from './store.ts';

/** Leases on stable storage. */
export interface LeaseStore {
  /** Every lease that was kept, in the order of addresses, and what could not be read. Once, before any commit. */
  load(): Promise<{ readonly leases: readonly Lease[]; readonly report: OpeningReport }>;
  /**
   * Resolves when the changes would survive a power cut; an ACK may leave then and not earlier (RFC 2131 section
   * 2.1). Rejects with StoreError. Of several changes of one address the last counts. Offers are not kept: each is
   * a promise for seconds, to a client that asks again.
   */
  commit(changes: readonly LeaseChange[]): Promise<void>;
}

/** The same store, and somebody who is told of each commit that went through. */
export function announceCommits(store: LeaseStore, committed: () => void): LeaseStore {
  return {
    load: () => store.load(),
    async commit(changes) {
      await store.commit(changes);
      committed();
    },
  };
}

/** A lease store in the records below `lease/`. */
export function createLeaseStore(store: RecordStore): LeaseStore {
  const table = new RecordTable(store, leaseCodec);
  return {
    async load() {
      const { values, report } = await table.load();
      return { leases: values, report };
    },

    async commit(changes) {
      const records: RecordChange[] = [];
      for (const change of changes) {
        if (change.kind === 'forget') records.push(...table.delete(leaseRecordName(change.address)));
        else if (change.lease.state !== 'offered') {
          records.push(...table.put(leaseRecordName(change.lease.address), change.lease));
        }
      }
      if (records.length > 0) await store.commit(records);
    },
  };
}
