import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DhcpSettings } from '../../src/dhcp/dhcp-settings.ts';
import { alone, range, seedSettings, subnet } from '../unit/dhcp/fake-view.ts';
import { DhcpSite } from './dhcp-site.ts';

const MACHINES = 1000;

/** The application note's configuration with a pool of 2,000 addresses. */
function settings(): DhcpSettings {
  return seedSettings({
    sharedNetworks: alone(subnet('192.168.0.0/20', [range('192.168.1.0-192.168.8.207')])),
  });
}

const wire = fc.record({
  lossToClient: fc.double({ min: 0, max: 0.2, noNaN: true }),
  lossToServer: fc.double({ min: 0, max: 0.2, noNaN: true }),
  duplicates: fc.double({ min: 0, max: 0.3, noNaN: true }),
  delayMs: fc.double({ min: 0.05, max: 5, noNaN: true }),
  jitterMs: fc.double({ min: 0, max: 100, noNaN: true }),
});

const disk = fc.record({
  flushMs: fc.double({ min: 0.1, max: 50, noNaN: true }),
  jitterMs: fc.double({ min: 0, max: 200, noNaN: true }),
});

/** Switches a thousand machines on within a second, and checks what became of them. */
async function switchOnARack(site: DhcpSite): Promise<void> {
  site.addMachines(MACHINES);
  await site.start();
  for (const machine of site.machines) site.clock.after(site.random() * 1000, () => machine.switchOn());
  await site.pass(1000);
  const boundAfter = await site.passUntilBound(600_000);
  expect(boundAfter).toBeDefined();
  expect(site.witness.broken).toEqual([]);
  expect(site.witness.count.naks).toBe(0);
  expect(new Set(site.machines.map(({ lease }) => lease?.address)).size).toBe(MACHINES);
}

describe(`${MACHINES} machines that are switched on within one second, with a pool of 2,000`, () => {
  it('are all bound without a second offer, a NAK or a retransmission on a good wire', async () => {
    const site = new DhcpSite({ settings: settings(), seed: 1 });
    await switchOnARack(site);
    // Each of them waits for its own conflict check, and for nobody else's.
    expect(site.clock.now()).toBeLessThan(2_200);
    expect(site.witness.count).toEqual({ offers: MACHINES, acks: MACHINES, naks: 0 });
  });

  it('are all bound, each with an address of its own, however bad the wire and slow the disk', async () => {
    const given = fc.record({ wire, disk, seed: fc.integer() });
    await fc.assert(
      fc.asyncProperty(given, async (conditions) => {
        await switchOnARack(new DhcpSite({ settings: settings(), ...conditions }));
      }),
      { numRuns: 6 },
    );
  });
});
