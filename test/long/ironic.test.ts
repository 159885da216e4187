import { afterAll, beforeAll, describe, test } from 'vitest';
import { liveThrough } from '../lab/ironic/life-cycle.ts';
import { IronicSite } from '../lab/ironic/site.ts';
import { closeLabs } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';

// Every road, firmware and deploy interface: twelve lives of machines, in about fifteen minutes.

const able = needs('namespaces', 'virtual-machines', 'ironic');

describe.each(['A', 'B', 'C'] as const)('road %s', (road) => {
  let site: IronicSite;
  beforeAll(async () => {
    if (able) site = await IronicSite.open(road);
  });
  afterAll(async () => {
    if (able) await site.close();
    await closeLabs();
  });

  test.each([
    ['bios', 'ramdisk'],
    ['bios', 'direct'],
    ['uefi', 'ramdisk'],
    ['uefi', 'direct'],
  ] as const)('%s, %s', async (firmware, deployInterface) => {
    await liveThrough(site, { road, firmware, deployInterface });
  });
});
