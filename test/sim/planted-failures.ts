import { LeaseTable } from '../../src/dhcp/lease-table.ts';
import type { LeaseChange } from '../../src/dhcp/lease.ts';
import { allRanges } from '../../src/dhcp/subnet-selection.ts';
import type { DhcpWire } from '../../src/services/dhcp-wire.ts';
import type { RackParts } from './simulated-rack.ts';

/** A mistake that a server might make, put into a simulated one. */
export interface PlantedFailure {
  readonly name: string;
  readonly what: string;
  /** Made anew for each simulation. */
  readonly parts: () => RackParts;
}

class TableWithoutOffers extends LeaseTable {
  override apply(changes: readonly LeaseChange[], now: number): void {
    const others = changes.filter((change) => change.kind !== 'put' || change.lease.state !== 'offered');
    super.apply(others, now);
  }
}

/** None of this is in the program: the simulated site is made from the parts that it is given. */
export const PLANTED_FAILURES: readonly PlantedFailure[] = [
  {
    name: 'ack-before-flush',
    what: 'a reply leaves before its lease is on stable storage',
    parts: () => ({
      site: {
        store: (store) => ({
          load: (prefix) => store.load(prefix),
          close: () => store.close(),
          commit: (changes) => {
            store.commit(changes).catch(() => undefined);
            return Promise.resolve();
          },
        }),
      },
    }),
  },
  {
    name: 'leases-forgotten',
    what: 'one record of seven is not read when the server starts',
    parts: () => ({
      site: {
        store: (store) => ({
          async *load(prefix) {
            for await (const record of store.load(prefix))
              if (record[0].charCodeAt(record[0].length - 1) % 7 !== 0) yield record;
          },
          close: () => store.close(),
          commit: (changes) => store.commit(changes),
        }),
      },
    }),
  },
  {
    name: 'offers-not-held',
    what: 'an address that is on offer counts as free',
    parts: () => ({ site: { leaseTable: (settings) => new TableWithoutOffers(allRanges(settings)) } }),
  },
  {
    name: 'answer-on-other-wire',
    what: 'replies leave by the wire that was heard first',
    parts: () => {
      let first: DhcpWire | undefined;
      return {
        site: {
          hearing: (receive) => (wire, bytes, port) => {
            first ??= wire;
            const elsewhere: DhcpWire = {
              ...wire,
              port: first.port,
              ...(first.frames !== undefined && { frames: first.frames }),
            };
            receive(elsewhere, bytes, port);
          },
        },
      };
    },
  },
  {
    name: 'transfer-without-timers',
    what: 'a transfer whose client falls silent is never given up',
    parts: () => ({ hasTimers: false }),
  },
];
