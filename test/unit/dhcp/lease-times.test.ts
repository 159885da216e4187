import { describe, expect, it } from 'vitest';
import type { Lease } from '../../../src/dhcp/lease.ts';
import { alignLeases } from '../../../src/dhcp/lease-times.ts';
import { boundLease } from '../../../src/dhcp/lease-table-view.ts';
import type { LeaseTable } from '../../../src/dhcp/lease-table.ts';
import { allRanges } from '../../../src/dhcp/subnet-selection.ts';
import { FakeClient, FakeServer, ip, NOW, seedSettings } from './fake-view.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A lease of ten minutes that was made, or renewed, at this moment. */
function leaseMadeAt(lastSeenAt: number, last = 130): Lease {
  return {
    address: ip(`192.168.0.${last}`),
    state: 'bound',
    client: undefined,
    clientId: undefined,
    htype: 1,
    hardwareAddress: new Uint8Array(6),
    mac: undefined,
    startsAt: lastSeenAt,
    expiresAt: lastSeenAt + 10 * MINUTE,
    lastSeenAt,
    bootp: false,
    hostname: undefined,
    vendorClass: undefined,
    relayAgentInfo: undefined,
  };
}

/** Milliseconds that each lease has left at `now`. */
function left(leases: readonly Lease[], now: number): number[] {
  return leases.map(({ expiresAt = Infinity }) => expiresAt - now);
}

describe('leases that come from a store', () => {
  it('are left alone while the clock goes on from where it was', () => {
    const kept = [leaseMadeAt(NOW - DAY), leaseMadeAt(NOW - MINUTE), leaseMadeAt(NOW + 1000)];
    expect(alignLeases(kept, NOW)).toBe(kept);
  });

  it('last for what they had left when the clock is behind them', () => {
    const kept = [leaseMadeAt(NOW - 4 * MINUTE), leaseMadeAt(NOW), leaseMadeAt(NOW - 30 * MINUTE)];
    // Without a battery, the controller starts in 1970.
    expect(left(alignLeases(kept, 20_000), 20_000)).toEqual([6 * MINUTE, 10 * MINUTE, -20 * MINUTE]);
    expect(left(alignLeases(kept, NOW - DAY), NOW - DAY)).toEqual([6 * MINUTE, 10 * MINUTE, -20 * MINUTE]);
  });

  it('last for what they had left when their clock had not been set and now it is', () => {
    const kept = [leaseMadeAt(50_000), leaseMadeAt(50_000 + MINUTE)];
    expect(left(alignLeases(kept, NOW), NOW)).toEqual([9 * MINUTE, 10 * MINUTE]);
  });

  it('are moved in two groups when some were made before the clock was set', () => {
    const kept = [leaseMadeAt(NOW), leaseMadeAt(NOW - MINUTE), leaseMadeAt(50_000), leaseMadeAt(50_000 - 1)];
    expect(left(alignLeases(kept, 20_000), 20_000)).toEqual([
      10 * MINUTE,
      9 * MINUTE,
      10 * MINUTE,
      10 * MINUTE - 1,
    ]);
    expect(left(alignLeases(kept, NOW + MINUTE), NOW + MINUTE)).toEqual([
      9 * MINUTE,
      8 * MINUTE,
      10 * MINUTE,
      10 * MINUTE - 1,
    ]);
  });

  it('without end stay without end', () => {
    const [moved] = alignLeases([{ ...leaseMadeAt(NOW), expiresAt: undefined }], 20_000);
    expect(moved).toMatchObject({ expiresAt: undefined, lastSeenAt: 20_000 });
  });
});

describe('a clock that is set while leases stand', () => {
  it.each([DAY, -DAY, -NOW + MINUTE])('by %d ms changes nothing about how long they last', (step) => {
    const server = new FakeServer({
      settings: seedSettings({ declineHoldSeconds: 3600 }),
    });
    const [holder, former, wanted] = [new FakeClient(), new FakeClient(), new FakeClient()];
    const held = holder.bind(server);
    const given = former.bind(server);
    server.handle(former.release(given));
    const offered = server.reply(wanted.discover()).message.yiaddr;
    const declined = new FakeClient();
    server.handle(declined.decline(declined.bind(server)));
    const before = server.leases.freeCount(allRanges(server.settings)[0]!, server.now);

    server.leases.shift(step);
    server.now += step;
    const lease = boundLease(server.leases.at(held), server.now);
    expect(lease?.expiresAt).toBe(server.now + 600_000);
    expect(server.reply(wanted.select(offered)).message.yiaddr).toBe(offered);
    expect(server.leases.freeCount(allRanges(server.settings)[0]!, server.now)).toBe(before);
    // It had this address last, by its name alone.
    expect(server.reply(former.discover()).message.yiaddr).toBe(given);

    server.passSeconds(599);
    expect(boundLease(server.leases.at(held), server.now)).toBeDefined();
    server.passSeconds(1);
    expect(boundLease(server.leases.at(held), server.now)).toBeUndefined();
    server.passSeconds(3000);
    expect(server.leases.freeCount(allRanges(server.settings)[0]!, server.now)).toBe(127);
  });

  it('leaves to a store all but the offers', () => {
    const server = new FakeServer();
    const address = new FakeClient().bind(server);
    server.reply(new FakeClient().discover());
    const table: LeaseTable = server.leases;
    table.shift(DAY);
    expect([...table.kept()]).toMatchObject([{ address, state: 'bound', startsAt: NOW + DAY }]);
  });
});
