import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BOOTD, judge } from './folder.ts';

const SAMPLES = judge('conformance/dhcpd-conf');
const LEASES = judge('conformance/dhcpd-conf/leases');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-sample-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** How one run of the program ended. */
interface Run {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function bootd(...words: readonly string[]): Run {
  const { status, stdout, stderr } = spawnSync(BOOTD, words, { encoding: 'utf8', timeout: 60_000 });
  return { status, out: stdout, err: stderr };
}

it.each(readdirSync(SAMPLES).filter((name) => name.endsWith('.conf')))(
  '%s is imported, and bootd takes the result',
  (name) => {
    const { status, out, err } = bootd('import', '--dhcpd-conf', join(SAMPLES, name));
    // 3: done, and what is essential and was left out is listed by its place.
    expect(status, err).toBe(/^\S+:\d+:\d+: left out: /m.test(err) ? 3 : 0);
    const file = join(folder, 'bootd.yaml');
    writeFileSync(file, out);
    const checked = bootd('check', '--config', file);
    expect(checked.status, checked.out + checked.err).toBe(0);
  },
);

it.each(readdirSync(LEASES).filter((name) => name.endsWith('.leases')))('%s is imported whole', (name) => {
  const { status, err } = bootd(
    ...['lease', 'import', '--leases', join(LEASES, name), '--state-directory', folder],
  );
  expect([0, 3], err).toContain(status);
  expect(err).not.toContain('this record');
  expect(bootd('lease', 'export', '--state-directory', folder, '--format', 'isc').status).toBe(0);
});
