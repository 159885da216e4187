import type { Lease } from './lease.ts';

/** Times before this moment come from a clock that had not been set: those begin in 1970, 1980 or 2000. */
const SET_SINCE = Date.UTC(2002, 0, 1);

/** More than clocks that are adjusted in small steps ever differ by. */
const TOLERANCE_MS = 2000;

/** The lease with all its times moved, so that it lasts for as long as it would have. */
export function shiftLease(lease: Lease, milliseconds: number): Lease {
  const { startsAt, lastSeenAt, expiresAt } = lease;
  return {
    ...lease,
    startsAt: startsAt + milliseconds,
    lastSeenAt: lastSeenAt + milliseconds,
    expiresAt: expiresAt === undefined ? undefined : expiresAt + milliseconds,
  };
}

/**
 * Leases that a store kept, in the time of a clock that may have been set since, or not been set yet: a controller
 * without a battery starts in 1970. Leases from the future, and those that were made before the clock was set, are
 * moved so that the last thing that happened to any of them happened just now. The time since is not known, so it counts as
 * none: a lease may last longer than it should, by no more than it had left, and never ends too early.
 */
export function alignLeases(leases: readonly Lease[], now: number): readonly Lease[] {
  const isSet = (time: number): boolean => time >= SET_SINCE;
  const latest = { whenSet: -Infinity, whenUnset: -Infinity };
  for (const { lastSeenAt } of leases) {
    const era = isSet(lastSeenAt) ? 'whenSet' : 'whenUnset';
    latest[era] = Math.max(latest[era], lastSeenAt);
  }
  const byWhichSet = latest.whenSet > now + TOLERANCE_MS ? now - latest.whenSet : 0;
  const isAlien = isSet(now) || latest.whenUnset > now + TOLERANCE_MS;
  const byWhichUnset = isAlien && latest.whenUnset > -Infinity ? now - latest.whenUnset : 0;
  if (byWhichSet === 0 && byWhichUnset === 0) return leases;
  return leases.map((lease) => shiftLease(lease, isSet(lease.lastSeenAt) ? byWhichSet : byWhichUnset));
}
