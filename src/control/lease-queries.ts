import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { Subnet } from '../addr/subnet.ts';
import type { Lease, LeaseState } from '../dhcp/lease.ts';

/** A lease, and its state at the moment of the question: a lease whose time has passed says `expired`. */
export interface LeaseView {
  readonly lease: Lease;
  readonly state: LeaseState;
}

/** Which leases are asked for; every condition that is there must hold. */
export interface LeaseFilter {
  readonly mac?: Mac | undefined;
  readonly state?: LeaseState | undefined;
  readonly subnet?: Subnet | undefined;
}

/** The leases, as the control API sees them. */
export interface LeaseQueries {
  /** In the order of addresses. */
  list(filter: LeaseFilter): readonly LeaseView[];
  byAddress(address: Ipv4): LeaseView | undefined;
  /**
   * Frees an address now; resolves when that is on stable storage. False when there was nothing to free. Rejects
   * when the change could not be kept; then nothing changed.
   */
  release(address: Ipv4): Promise<boolean>;
}
