import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { needs } from '../lab/needs.ts';
import { run } from '../lab/processes.ts';
import { BOOTD } from './folder.ts';
import { expectProberPasses } from './prober.ts';

/**
 * The reference installation of the prober, said in other ways in the language of dhcpd.conf: what `bootd import` makes of
 * them has to serve machines alike. test/unit/import/reference-variants.test.ts compares their answers octet by octet.
 */
const VARIANTS = fileURLToPath(new URL('../data/dhcpd-conf/reference/', import.meta.url));

/** What no dhcpd.conf says: the wire, and where bootd keeps its own. */
const SITE = String.raw`interfaces: [%s]\nstate-directory: %s\ncontrol: { socket: %s }\n`;

const SERVE = `
  mkdir -p "$DHCP_STATE/bootd"
  { printf '${SITE}' "$DHCP_IFACE" "$DHCP_STATE/bootd" "$DHCP_STATE/control.sock"; cat "$IMPORTED"; } >"$DHCP_STATE/bootd.yaml"
  exec "$BOOTD" serve --config "$DHCP_STATE/bootd.yaml"
`;

needs('namespaces', 'judge-tools');

describe('an imported dhcpd.conf', () => {
  // Side by side: the prober waits for most of its minutes.
  it.concurrent.each([
    ['groups and hosts', 'groups-and-hosts.conf'],
    ['classes and pools', 'classes-and-pools.conf'],
    ['includes and a shared network', 'includes-and-shared-network/dhcpd.conf'],
  ])('with %s passes every must and every should of the prober', async (_, file) => {
    const folder = await mkdtemp(join(tmpdir(), 'bootd-imported-'));
    try {
      const imported = join(folder, 'imported.yaml');
      // Both programs end with 0 only where nothing essential was left out, and nothing is wrong.
      await writeFile(imported, await run(BOOTD, ['import', '--dhcpd-conf', join(VARIANTS, file)]));
      await run(BOOTD, ['check', '--config', imported]);
      await expectProberPasses(SERVE, { IMPORTED: imported });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
