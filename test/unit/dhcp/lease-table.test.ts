import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpv4, ipv4FromNumber, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { parseAddressRange, type AddressRange } from '../../../src/addr/subnet.ts';
import {
  durableChanges,
  effectiveLeaseState,
  hardwareClientKey,
  type ClientKey,
  type Lease,
} from '../../../src/dhcp/lease.ts';
import { LeaseTable } from '../../../src/dhcp/lease-table.ts';
import { boundLease, isDeclined, isFree, standingOffer } from '../../../src/dhcp/lease-table-view.ts';
import { bytes, ip, mac, NOW } from './fake-view.ts';

const POOL = span('10.0.0.10-10.0.0.14');
const NOBODY = (): boolean => false;

function span(text: string): AddressRange {
  const range = parseAddressRange(text);
  if (range === undefined) throw new Error(text);
  return range;
}

function client(number: number): ClientKey {
  return hardwareClientKey(1, Uint8Array.of(2, 0, 0, 0, 0, number));
}

function lease(address: string, owner: number, changes: Partial<Lease> = {}): Lease {
  return {
    address: ip(address),
    state: 'bound',
    client: client(owner),
    clientId: undefined,
    htype: 1,
    hardwareAddress: bytes(`02000000000${owner}`),
    mac: mac(`02:00:00:00:00:0${owner}`),
    startsAt: NOW,
    expiresAt: NOW + 600_000,
    lastSeenAt: NOW,
    bootp: false,
    hostname: undefined,
    vendorClass: undefined,
    relayAgentInfo: undefined,
    ...changes,
  };
}

const offer = (address: string, owner: number, changes: Partial<Lease> = {}): Lease =>
  lease(address, owner, { state: 'offered', expiresAt: NOW + 120_000, offeredVia: 'br-prov', ...changes });

function declined(address: string, at: number): Lease {
  return lease(address, 0, {
    state: 'declined',
    client: undefined,
    mac: undefined,
    startsAt: at,
    expiresAt: at + 86_400_000,
  });
}

function put(table: LeaseTable, now: number, ...leases: readonly Lease[]): void {
  table.apply(
    leases.map((each) => ({ kind: 'put', lease: each })),
    now,
  );
}

/** Addresses in the order in which they would be given, each taken in turn. */
function order(
  table: LeaseTable,
  now: number,
  count: number,
  excluded = NOBODY as (address: Ipv4) => boolean,
): string[] {
  const given: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const free = table.findFree([POOL], now, excluded);
    if (free === undefined) break;
    given.push(formatIpv4(free.address) + (free.declined ? ' declined' : ''));
    put(table, now, offer(formatIpv4(free.address), 9, { expiresAt: now + 1e9 }));
  }
  return given;
}

describe('which address is given next', () => {
  it('is each never used one, from the bottom up, and then none', () => {
    expect(order(new LeaseTable([POOL]), NOW, 9)).toEqual([
      '10.0.0.10',
      '10.0.0.11',
      '10.0.0.12',
      '10.0.0.13',
      '10.0.0.14',
    ]);
  });

  it('is a never used one before one that somebody had', () => {
    const table = new LeaseTable([POOL]);
    put(table, NOW, lease('10.0.0.10', 1, { expiresAt: NOW + 1 }));
    expect(order(table, NOW + 2, 1)).toEqual(['10.0.0.11']);
  });

  it('is the one idle longest, however it became so', () => {
    const table = new LeaseTable([POOL]);
    put(
      table,
      NOW,
      lease('10.0.0.10', 1, { expiresAt: NOW + 5000 }),
      lease('10.0.0.11', 2, { expiresAt: NOW + 3000 }),
      offer('10.0.0.12', 3, { expiresAt: NOW + 4000 }),
      lease('10.0.0.13', 4),
      lease('10.0.0.14', 5),
    );
    put(
      table,
      NOW + 2000,
      lease('10.0.0.13', 4, { state: 'released', expiresAt: NOW + 2000, lastSeenAt: NOW + 2000 }),
    );
    expect(order(table, NOW + 10_000, 5)).toEqual(['10.0.0.13', '10.0.0.11', '10.0.0.12', '10.0.0.10']);
  });

  it('is a declined one only when nothing else is left, the oldest first', () => {
    const table = new LeaseTable([POOL]);
    put(table, NOW, declined('10.0.0.11', NOW + 30), declined('10.0.0.10', NOW + 20));
    expect(order(table, NOW + 40, 5)).toEqual([
      '10.0.0.12',
      '10.0.0.13',
      '10.0.0.14',
      '10.0.0.10 declined',
      '10.0.0.11 declined',
    ]);
  });

  it('is a declined one like any other after its hold', () => {
    const table = new LeaseTable([POOL]);
    put(table, NOW, declined('10.0.0.10', NOW));
    expect(order(table, NOW + 86_400_001, 5)).toContain('10.0.0.10');
  });

  it('is none that is kept for somebody, and that one again when it is kept no more', () => {
    const table = new LeaseTable([POOL]);
    const kept = ip('10.0.0.10');
    expect(order(table, NOW, 4, (address) => address === kept)).toEqual([
      '10.0.0.11',
      '10.0.0.12',
      '10.0.0.13',
      '10.0.0.14',
    ]);
    expect(order(table, NOW + 1000, 1)).toEqual([]);
    expect(order(table, NOW + 61_000, 1)).toEqual(['10.0.0.10']);
  });

  it('looks through several ranges', () => {
    const other = span('10.0.1.1-10.0.1.1');
    const table = new LeaseTable([other, POOL]);
    put(table, NOW, ...['10', '11', '12', '13', '14'].map((last, index) => lease(`10.0.0.${last}`, index)));
    expect(table.findFree([POOL, other], NOW, NOBODY)).toEqual({ address: ip('10.0.1.1'), declined: false });
    expect(table.findFree([POOL], NOW, NOBODY)).toBeUndefined();
  });

  it('compares the idle ones of several ranges', () => {
    const other = span('10.0.1.1-10.0.1.1');
    const table = new LeaseTable([other, POOL]);
    put(
      table,
      NOW,
      ...['10', '11', '12', '13', '14'].map((last, index) => lease(`10.0.0.${last}`, index)),
      lease('10.0.1.1', 5, { expiresAt: NOW + 3000 }),
    );
    put(
      table,
      NOW + 1000,
      lease('10.0.0.12', 2, { state: 'released', expiresAt: NOW + 1000, lastSeenAt: NOW + 1000 }),
    );
    const first = table.findFree([other, POOL], NOW + 5000, NOBODY)?.address;
    expect(first).toBe(ip('10.0.0.12'));
    put(table, NOW + 5000, lease('10.0.0.12', 2, { expiresAt: NOW + 1e6 }));
    expect(table.findFree([other, POOL], NOW + 5000, NOBODY)?.address).toBe(ip('10.0.1.1'));
  });

  it('is first come, first served, whoever takes and returns what in between', () => {
    const step = fc.tuple(fc.constantFrom('give', 'wish', 'return'), fc.integer({ min: 0, max: 4 }));
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 200 }), (steps) => {
        const table = new LeaseTable([POOL]);
        const all = [10, 11, 12, 13, 14].map((last) => `10.0.0.${last}`);
        let queue = [...all];
        let now = NOW;
        for (const [kind, index] of steps) {
          now += 1000;
          const wanted = kind === 'give' ? queue[0] : all[index];
          if (wanted === undefined) continue;
          if (kind === 'return') {
            if (queue.includes(wanted)) continue;
            put(table, now, lease(wanted, 1, { state: 'released', expiresAt: now, lastSeenAt: now }));
            queue.push(wanted);
            continue;
          }
          if (kind === 'give') {
            const address = table.findFree([POOL], now, NOBODY)?.address;
            expect(address && formatIpv4(address)).toBe(wanted);
          }
          queue = queue.filter((each) => each !== wanted);
          put(table, now, lease(wanted, 1, { expiresAt: undefined }));
        }
      }),
    );
  });

  it('survives a forgotten lease', () => {
    const table = new LeaseTable([POOL]);
    expect(order(table, NOW, 5)).toHaveLength(5);
    table.apply([{ kind: 'forget', address: ip('10.0.0.12') }], NOW);
    expect(table.at(ip('10.0.0.12'))).toMatchObject({ lease: undefined, offer: undefined });
    expect(order(table, NOW, 5)).toEqual(['10.0.0.12']);
  });
});

describe('offers', () => {
  it('stand beside a lease, and leave it as it was', () => {
    const table = new LeaseTable([POOL]);
    const former = lease('10.0.0.10', 1, { state: 'released', expiresAt: NOW });
    put(table, NOW, former, offer('10.0.0.10', 2));
    expect(isFree(table.at(ip('10.0.0.10')), NOW)).toBe(false);
    expect(isFree(table.at(ip('10.0.0.10')), NOW + 120_000)).toBe(true);
    table.advance(NOW + 120_001);
    expect(table.at(ip('10.0.0.10'))).toMatchObject({ lease: former, offer: undefined });
    expect(table.ofClient(client(1))).toHaveLength(1);
    expect(table.ofClient(client(2))).toHaveLength(0);
  });

  it('are counted by where they went out, while they stand', () => {
    const table = new LeaseTable([POOL]);
    put(
      table,
      NOW,
      offer('10.0.0.10', 1),
      offer('10.0.0.11', 2, { expiresAt: NOW + 5000 }),
      offer('10.0.0.12', 3, { offeredVia: 'relay' }),
    );
    expect([table.offersVia('br-prov', NOW), table.offersVia('relay', NOW)]).toEqual([2, 1]);
    put(table, NOW, offer('10.0.0.10', 1));
    expect(table.offersVia('br-prov', NOW)).toBe(2);
    put(table, NOW, lease('10.0.0.10', 1));
    expect(table.offersVia('br-prov', NOW)).toBe(1);
    expect(table.offersVia('br-prov', NOW + 5000)).toBe(0);
  });

  it('are taken back by putting one whose time is over', () => {
    const table = new LeaseTable([POOL]);
    put(table, NOW, offer('10.0.0.10', 1), offer('10.0.0.10', 1, { expiresAt: NOW }));
    expect(standingOffer(table.at(ip('10.0.0.10')), NOW)).toBeUndefined();
    expect(table.offersVia('br-prov', NOW)).toBe(0);
  });

  it('need not be durable; everything else must be', () => {
    const changes = [
      offer('10.0.0.10', 1),
      lease('10.0.0.10', 1),
      declined('10.0.0.11', NOW),
      lease('10.0.0.12', 1, { state: 'released' }),
    ].map((each) => ({ kind: 'put', lease: each }) as const);
    const forget = { kind: 'forget', address: ip('10.0.0.13') } as const;
    expect(durableChanges([...changes, forget])).toEqual([...changes.slice(1), forget]);
  });
});

describe('time', () => {
  it('ends a lease at its moment, without a timer', () => {
    const table = new LeaseTable([POOL]);
    put(table, NOW, lease('10.0.0.10', 1));
    const record = table.at(ip('10.0.0.10'));
    expect(boundLease(record, NOW + 599_999)).toBeDefined();
    expect(boundLease(record, NOW + 600_000)).toBeUndefined();
  });

  it('tells a listener once', () => {
    const ended: Lease[] = [];
    const table = new LeaseTable([POOL], (each) => ended.push(each));
    put(table, NOW, lease('10.0.0.10', 1), lease('10.0.0.11', 2, { expiresAt: undefined, bootp: true }));
    table.advance(NOW + 600_000);
    table.advance(NOW + 700_000);
    expect(ended.map(({ address }) => formatIpv4(address))).toEqual(['10.0.0.10']);
    expect(boundLease(table.at(ip('10.0.0.11')), NOW + 1e12)).toBeDefined();
  });

  it('does not bring a lease back to life when the clock steps back', () => {
    const table = new LeaseTable([POOL]);
    put(table, NOW, lease('10.0.0.10', 1));
    expect(table.freeCount(POOL, NOW + 600_000)).toBe(5);
    table.advance(NOW);
    expect(boundLease(table.at(ip('10.0.0.10')), NOW)).toBeUndefined();
    expect(table.freeCount(POOL, NOW)).toBe(5);
  });

  it('voids offers when the clock steps back, since their age is unknown, but not for a tick', () => {
    const table = new LeaseTable([POOL]);
    put(table, NOW, offer('10.0.0.10', 1));
    table.advance(NOW - 900);
    expect(table.offersVia('br-prov', NOW)).toBe(1);
    table.advance(NOW - 3_600_000);
    expect(table.offersVia('br-prov', NOW - 3_600_000)).toBe(0);
  });

  it('keeps what is bound when the clock steps back', () => {
    const table = new LeaseTable([POOL]);
    put(table, NOW, lease('10.0.0.10', 1));
    table.advance(NOW - 3_600_000);
    expect(boundLease(table.at(ip('10.0.0.10')), NOW - 3_600_000)).toBeDefined();
  });

  it.each([
    ['bound', -1, 'bound'],
    ['bound', 0, 'expired'],
    ['offered', 0, 'expired'],
    ['released', 0, 'released'],
    ['declined', 0, 'declined'],
  ] as const)('%s, %i ms from its end, is %s', (state, offset, effective) => {
    expect(effectiveLeaseState(lease('10.0.0.10', 1, { state, expiresAt: NOW }), NOW + offset)).toBe(
      effective,
    );
  });
});

describe('lookups', () => {
  it('find a client’s addresses and forget those that went to others', () => {
    const table = new LeaseTable([POOL]);
    put(table, NOW, lease('10.0.0.10', 1), lease('10.0.0.11', 1), lease('10.0.0.12', 1));
    expect(table.ofClient(client(1))).toHaveLength(3);
    expect(table.byMac(mac('02:00:00:00:00:01'))).toHaveLength(3);
    put(table, NOW, lease('10.0.0.10', 2), declined('10.0.0.12', NOW));
    expect(table.ofClient(client(1)).map(({ address }) => formatIpv4(address))).toEqual(['10.0.0.11']);
    expect(table.byMac(mac('02:00:00:00:00:01'))).toHaveLength(1);
    table.apply([{ kind: 'forget', address: ip('10.0.0.11') }], NOW);
    expect(table.ofClient(client(1))).toEqual([]);
  });

  it('list each address once: an offer only where nothing is bound', () => {
    const table = new LeaseTable([POOL]);
    put(
      table,
      NOW,
      lease('10.0.0.10', 1),
      offer('10.0.0.10', 1),
      offer('10.0.0.11', 2),
      lease('10.0.0.99', 3),
    );
    const listed = Array.from(table.leases(NOW), ({ address, state }) => `${formatIpv4(address)} ${state}`);
    expect(listed.sort()).toEqual(['10.0.0.10 bound', '10.0.0.11 offered', '10.0.0.99 bound']);
  });

  it('know the end of what is declined', () => {
    const table = new LeaseTable([POOL]);
    put(table, NOW, declined('10.0.0.10', NOW));
    expect(isDeclined(table.at(ip('10.0.0.10')), NOW)).toBe(true);
    expect(isDeclined(table.at(ip('10.0.0.10')), NOW + 86_400_000)).toBe(false);
  });
});

describe('a new configuration', () => {
  it('keeps leases, and counts and gives by the new ranges', () => {
    const table = new LeaseTable([POOL]);
    put(
      table,
      NOW,
      lease('10.0.0.10', 1),
      offer('10.0.0.11', 2),
      declined('10.0.0.12', NOW),
      lease('10.0.0.13', 3, { state: 'released', expiresAt: NOW }),
    );
    put(
      table,
      NOW,
      lease('10.0.0.14', 4, { state: 'released', expiresAt: NOW - 1000, lastSeenAt: NOW - 1000 }),
    );
    const wider = span('10.0.0.8-10.0.0.14');
    table.replaceRanges([wider]);
    expect(table.freeCount(wider, NOW)).toBe(4);
    const given = [];
    for (
      let free = table.findFree([wider], NOW, NOBODY);
      free !== undefined;
      free = table.findFree([wider], NOW, NOBODY)
    ) {
      given.push(formatIpv4(free.address));
      put(table, NOW, lease(formatIpv4(free.address), 9));
    }
    expect(given).toEqual(['10.0.0.8', '10.0.0.9', '10.0.0.14', '10.0.0.13', '10.0.0.12']);
    expect(boundLease(table.at(ip('10.0.0.10')), NOW)?.client).toBe(client(1));
  });

  it('still ends leases that are in no range any more', () => {
    const ended: Lease[] = [];
    const table = new LeaseTable([POOL], (each) => ended.push(each));
    put(table, NOW, lease('10.0.0.10', 1));
    table.replaceRanges([]);
    table.advance(NOW + 600_000);
    expect(ended).toHaveLength(1);
  });
});

describe('a start', () => {
  it('takes over what was kept, without news of what ended meanwhile', () => {
    const ended: Lease[] = [];
    const table = new LeaseTable([POOL], (each) => ended.push(each));
    table.restore(
      [
        lease('10.0.0.10', 1, { expiresAt: NOW - 1000 }),
        lease('10.0.0.11', 2, { expiresAt: NOW - 2000 }),
        lease('10.0.0.12', 3),
        declined('10.0.0.13', NOW - 1000),
        lease('10.0.0.14', 4, { expiresAt: undefined, bootp: true }),
      ],
      NOW,
    );
    expect(ended).toEqual([]);
    expect(order(table, NOW, 9)).toEqual(['10.0.0.11', '10.0.0.10', '10.0.0.13 declined']);
  });

  it('takes over 200,000 leases in well under a second', () => {
    const large = span('10.0.0.0-10.3.13.63');
    const leases = Array.from({ length: 200_000 }, (_, index) => ({
      ...lease('10.0.0.10', 1),
      address: ipv4FromNumber(0x0a000000 + index),
      client: hardwareClientKey(1, Uint8Array.of(2, 0, 0, index >>> 16, (index >>> 8) & 255, index & 255)),
      expiresAt: NOW + (index % 1000) * 1000,
    }));
    const table = new LeaseTable([large]);
    const startedAt = process.cpuUsage();
    table.restore(leases, NOW);
    const { user } = process.cpuUsage(startedAt);
    expect(table.freeCount(large, NOW + 500_500)).toBe(200_000 - 99_800);
    expect(user / 1000).toBeLessThan(2000);
  });
});
