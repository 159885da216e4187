import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ipv4 } from '../../src/addr/ipv4.ts';
import { FakeClient, FakeServer, ip, seedSettings, withGlobals } from '../unit/dhcp/fake-view.ts';
import { DhcpSite } from './dhcp-site.ts';

/** The application note's range: 192.168.0.128 to 192.168.0.254. */
const POOL = 127;

/** Three quarters of the range: what offers to newcomers by one relay, or interface, may fill. */
const NEWCOMERS_MAX = 95;

/** DISCOVERs from cards that nobody has, spread evenly. */
function flood(site: DhcpSite, packets: number, overMs: number): void {
  for (let number = 0; number < packets; number += 1) {
    site.clock.after((number * overMs) / packets, () => site.wire.fromMachine(new FakeClient().discover()));
  }
}

async function siteWithHolders(holders: number, seed: number): Promise<DhcpSite> {
  const site = new DhcpSite({
    settings: withGlobals({ defaultLeaseSeconds: 120, minLeaseSeconds: 60 }),
    wire: { lossToClient: 0.05, lossToServer: 0.05, jitterMs: 2 },
    seed,
  });
  site.addMachines(holders);
  await site.start();
  for (const machine of site.machines) machine.switchOn();
  expect(await site.passUntilBound(60_000)).toBeDefined();
  return site;
}

describe('a flood of DISCOVERs from random cards', () => {
  it('keeps a new machine from its address for seconds, not for as long as an offer is held', async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const site = await siteWithHolders(0, seed);
      flood(site, 400, 1000);
      await site.pass(1000);
      site.addMachines(1);
      site.machines[0]?.switchOn();
      expect(await site.passUntilBound(600_000)).toBeLessThan(20_000);
      expect(site.witness.broken).toEqual([]);
    }
  });

  it('costs no machine its lease, nor one that has a lease and is switched on again', async () => {
    const site = await siteWithHolders(40, 7);
    const addresses = site.machines.map(({ lease }) => lease?.address);
    flood(site, 20_000, 200_000);
    for (const machine of site.machines.slice(0, 20)) {
      site.clock.after(site.random() * 60_000, () => machine.switchOff());
      site.clock.after(70_000 + site.random() * 20_000, () => machine.switchOn());
    }
    await site.pass(200_000);
    expect(site.machines.map(({ lease }) => lease?.address)).toEqual(addresses);
    expect(site.machines.every(({ state }) => state === 'bound' || state === 'renewing')).toBe(true);
    expect(site.witness.count.naks).toBe(0);
    expect(site.witness.broken).toEqual([]);
  });

  it('fills no more than its share by any one relay or interface, whatever comes from where', () => {
    const origins = [undefined, ip('192.168.0.2'), ip('192.168.0.3')] as const;
    const packet = fc.record({
      from: fc.nat(origins.length - 1),
      seconds: fc.constantFrom(0, 0, 0, 0, 1, 5),
    });
    fc.assert(
      fc.property(fc.array(packet, { minLength: 100, maxLength: 400 }), (packets) => {
        const server = new FakeServer({ settings: seedSettings() });
        for (const { from, seconds } of packets) {
          server.passSeconds(seconds);
          discoverVia(server, origins[from]);
          for (const origin of ['br-prov', ...origins.map((relay) => `relay ${relay ?? ''}`)]) {
            expect(server.leases.offersVia(origin, server.now)).toBeLessThanOrEqual(NEWCOMERS_MAX);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('through one relay leaves room for those behind another', () => {
    const server = new FakeServer({ settings: seedSettings() });
    for (let number = 0; number < 1000; number += 1) discoverVia(server, ip('192.168.0.2'));
    const others = Array.from({ length: POOL - NEWCOMERS_MAX }, () => discoverVia(server, ip('192.168.0.3')));
    expect(others.every((answered) => answered)).toBe(true);
  });
});

/** A DISCOVER from a card that nobody has, straight or through a relay; whether it was answered. */
function discoverVia(server: FakeServer, relay: Ipv4 | undefined): boolean {
  const header = relay === undefined ? {} : { giaddr: relay };
  return server.handle(new FakeClient().discover([], header)).kind === 'reply';
}
