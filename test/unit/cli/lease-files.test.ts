import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDhcpdLeases } from '../../../src/import/dhcpd-leases-parser.ts';
import { openLevelStore } from '../../../src/store/level-store.ts';
import { run } from './run.ts';

const SAMPLES = resolve(import.meta.dirname, '../../data/dhcpd-conf');
const LEASES = join(SAMPLES, 'leases/02-features.leases');
const CONF = join(SAMPLES, '01-seed.conf');

let folder = '';
let state = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-lease-files-'));
  state = join(folder, 'state');
  mkdirSync(state);
});
afterEach(() => rmSync(folder, { recursive: true }));

function written(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const exported = (format: string): ReturnType<typeof run> =>
  run(['lease', 'export', '--state-directory', state, '--format', format]);

async function addressesInStore(): Promise<readonly string[]> {
  const { out } = await exported('json');
  return (JSON.parse(out) as { address: string }[]).map(({ address }) => address).sort();
}

describe('leases of dhcpd', () => {
  it('come with its configuration, and hosts that OMAPI made become reservations', async () => {
    const words = ['import', '--dhcpd-conf', CONF, '--leases', LEASES, '--state-directory', state];
    const { code, out, err } = await run(words);
    expect(code).toBe(3);
    expect(out).toMatch(
      /name: omapi-made +#.*\n +hardware-ethernet: '52:54:00:00:00:02'\n +fixed-address: 192.168.0.20/,
    );
    expect(out).not.toContain('omapi-gone');
    expect(err).toContain(`${LEASES}: 4 leases are in ${state} now`);
    expect(err).toMatch(
      /02-features.leases:44:1: left out: reserved 192.168.0.140: bootd takes the lease as it is/,
    );
    expect(await addressesInStore()).toEqual([
      '192.168.0.140',
      '192.168.0.141',
      '192.168.0.142',
      '192.168.0.143',
    ]);
  });

  it('alone leave the hosts to the admin, by line and column', async () => {
    const { code, out, err } = await run(['lease', 'import', '--leases', LEASES, '--state-directory', state]);
    expect(code).toBe(3);
    expect(out).toBe(`${LEASES}: 4 leases are in ${state} now`);
    expect(err).toMatch(/02-features.leases:\d+:1: left out: host omapi-made: OMAPI made it/);
  });

  it('that are in no range of the configuration are kept, and said', async () => {
    const outside = written(
      'x.leases',
      'lease 10.9.9.9 { hardware ethernet 52:54:00:00:00:01; binding state active; ends never; }\n',
    );
    const { code, err } = await run([
      'import',
      '--dhcpd-conf',
      CONF,
      '--leases',
      outside,
      '--state-directory',
      state,
    ]);
    expect(code).toBe(0);
    expect(err).toContain(
      'note: lease 10.9.9.9: no range of the configuration holds it; it is kept all the same',
    );
    expect(await addressesInStore()).toEqual(['10.9.9.9']);
  });

  it('do not take the place of what the store knows newer', async () => {
    const lease = (second: number, name: string): string =>
      `lease 192.168.0.150 { hardware ethernet 52:54:00:00:00:01; binding state active; ends never;
       cltt 0 2026/11/22 17:00:0${second}; client-hostname "${name}"; }\n`;
    const importing = (text: string): ReturnType<typeof run> =>
      run(['lease', 'import', '--leases', written('a.leases', text), '--state-directory', state]);
    await importing(lease(5, 'newer'));
    expect((await importing(lease(1, 'older'))).out).toContain(
      'of 1 addresses the store knew something newer',
    );
    expect((await exported('json')).out).toContain('"newer"');
    await importing(lease(6, 'newest'));
    expect((await exported('json')).out).toContain('"newest"');
  });

  it('are refused while the daemon has the store', async () => {
    const { store } = await openLevelStore(join(state, 'store'));
    try {
      for (const words of [['import', '--leases', LEASES], ['export']]) {
        const { code, err } = await run(['lease', ...words, '--state-directory', state]);
        expect(code).toBe(1);
        expect(err).toMatch(/in use|locked|running/i);
      }
    } finally {
      await store.close();
    }
  });
});

describe('leases for others', () => {
  it('in the format of dhcpd say what was imported from dhcpd', async () => {
    await run(['lease', 'import', '--leases', LEASES, '--state-directory', state]);
    const { code, out } = await exported('isc');
    expect(code).toBe(0);
    const before = parseDhcpdLeases(readFileSync(LEASES, 'utf8'), 'f').records;
    const after = parseDhcpdLeases(out, 'f').records;
    // bootd has reservations in place of `reserved`; the vendor class is of the record that no longer counts.
    const essence = (records: typeof before): unknown =>
      records.map((record) => ({ ...record, place: 0, reserved: false, vendorClass: '' }));
    expect(essence(after)).toEqual(essence(before));
  });

  it('as JSON come back into another store', async () => {
    await run(['lease', 'import', '--leases', LEASES, '--state-directory', state]);
    const json = (await exported('json')).out;
    const other = join(folder, 'other');
    mkdirSync(other);
    const file = written('leases.json', json);
    expect((await run(['lease', 'import', '--leases', file, '--state-directory', other])).code).toBe(0);
    expect((await run(['lease', 'export', '--state-directory', other, '--json'])).out).toBe(json);
  });

  it('as CSV have a row each', async () => {
    await run(['lease', 'import', '--leases', LEASES, '--state-directory', state]);
    expect((await exported('csv')).out.trim().split(/\r?\n/)).toHaveLength(5);
  });

  it.each([
    [['lease', 'export', '--format', 'xml']],
    [['lease', 'export', '--json', '--format', 'csv']],
    [['lease', 'export', '--state-directory', '/nonexistent']],
    [['lease', 'import', '--leases', '/nonexistent']],
    [['import', '--leases', LEASES]],
    [['import']],
  ])('bootd %j is wrong use', async (words) => {
    expect((await run(words)).code).toBe(2);
  });
});
