// @ts-check

import { readBoots, readHealth, readLeases, readNodes, Refusal } from './control-api.js';
import { BOOTS_MAX, LEASES_MAX } from './site.js';

/** Documents of one answer: small enough that bootd's other work does not wait for it. */
const CHUNK = 1000;

/**
 * Reads everything anew; what is no longer there is forgotten. Events that come meanwhile are to be applied afterwards.
 *
 * @param {import('./site.js').Site} site
 */
export async function resync(site) {
  const [health, nodes] = await Promise.all([readHealth(), readNodes()]);
  site.checks = health.body.checks;
  site.takeNodes(nodes.body.nodes);
  await Promise.all([takeAllLeases(site), takeAllBoots(site)]);
}

/** @param {import('./site.js').Site} site */
async function takeAllLeases(site) {
  /** @type {Set<string>} */
  const there = new Set();
  try {
    let after = /** @type {string | undefined} */ (undefined);
    for (let more = true; more && there.size < LEASES_MAX;) {
      const { leases } = (await readLeases(CHUNK, after)).body;
      for (const lease of leases) {
        there.add(lease.address);
        site.takeLease(lease);
      }
      more = leases.length === CHUNK;
      after = leases.at(-1)?.address;
    }
  } catch (error) {
    // DHCP is off: there are none.
    if (!(error instanceof Refusal && error.code === 'service-off')) throw error;
  }
  for (const address of site.leases.keys()) if (!there.has(address)) site.leases.delete(address);
}

/** @param {import('./site.js').Site} site */
async function takeAllBoots(site) {
  /** @type {Set<string>} */
  const there = new Set();
  let after = /** @type {string | undefined} */ (undefined);
  for (let more = true; more && there.size < BOOTS_MAX;) {
    const { boots } = (await readBoots(CHUNK, after)).body;
    for (const boot of boots) {
      there.add(boot.id);
      site.takeBoot(boot);
    }
    more = boots.length === CHUNK;
    after = boots.at(-1)?.id;
  }
  for (const id of site.boots.keys()) if (!there.has(id)) site.boots.delete(id);
}
