import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needs } from '../lab/needs.ts';

const SHIPPED = fileURLToPath(new URL('../../systemd', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));
/** What systemd 252 makes of the unit: 0 is a service that can do nothing at all, 10 one that can do everything. */
const EXPOSURE_MAX = 1.8;

const able = needs('unit-checks');
let folder: string;

/** The shipped units with the drop-ins of a configuration, as the generator would have made them. */
beforeAll(() => {
  if (!able) return;
  folder = mkdtempSync(join(tmpdir(), 'bootd-units-'));
  cpSync(SHIPPED, folder, { recursive: true });
  // `verify` wants the program to be there.
  edit('bootd.service', 'ExecStart=/usr/bin/bootd', 'ExecStart=/bin/true');
  const config = join(folder, 'bootd.yaml');
  writeFileSync(
    config,
    'interfaces: [br-prov, bond0.42]\nstate-directory: /srv/bootd\ntftp: { root: /tftpboot }\n' +
      'dhcp: { subnets: [{ subnet: 192.168.0.0/24, ranges: [{ range: 192.168.0.9-192.168.0.99 }] }] }\n',
  );
  execFileSync(process.execPath, [PROGRAM, 'units', '--config', config, '--write', folder]);
  for (const purpose of ['dhcp', 'tftp']) {
    for (const device of ['br-prov', 'bond0.42']) {
      symlinkSync(`bootd-${purpose}@.socket`, join(folder, `bootd-${purpose}@${device}.socket`));
    }
  }
});

afterAll(() => {
  if (able) rmSync(folder, { recursive: true });
});

function edit(file: string, from: string, to: string): void {
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
}

function analyze(...words: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', words, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` },
  });
  return { status, output: stdout + stderr };
}

/** Complaints about other units of this machine are not ours. */
function complaints(): readonly string[] {
  const units = readdirSync(folder).filter(
    (name) => /^bootd.*\.(service|socket)$/.test(name) && !name.includes('@.'),
  );
  expect(units).toHaveLength(5);
  const { output } = analyze('verify', '--man=no', ...units.map((unit) => `./${unit}`));
  return output.split('\n').filter((line) => line.includes('bootd') || line.includes(folder));
}

/** The switches that are not on, as systemd calls them. */
function exposures(): readonly string[] {
  const { output } = analyze('security', '--offline=yes', '--json=short', './bootd.service');
  const items = JSON.parse(output) as { name: string; exposure: string | null }[];
  return items
    .filter(({ exposure }) => Number(exposure) > 0)
    .map(({ name }) => name.replace(/=$/, ''))
    .sort();
}

describe('systemd-analyze', () => {
  test('finds no fault with the units and their drop-ins', () => {
    expect(complaints()).toEqual([]);
  });

  test('reads the drop-ins and the templates: a mistake in one of them is told', () => {
    edit('bootd-dhcp@bond0.42.socket.d/10-bootd.conf', 'BindToDevice=', 'BindToDevcie=');
    edit('bootd-tftp@.socket', 'TriggerLimitBurst=', 'TriggerLimitBusrt=');
    try {
      const told = complaints().join('\n');
      expect(told).toContain('BindToDevcie');
      expect(told).toContain('TriggerLimitBusrt');
    } finally {
      edit('bootd-dhcp@bond0.42.socket.d/10-bootd.conf', 'BindToDevcie=', 'BindToDevice=');
      edit('bootd-tftp@.socket', 'TriggerLimitBusrt=', 'TriggerLimitBurst=');
    }
  });

  test(`gives the service an exposure of at most ${EXPOSURE_MAX}`, () => {
    const { status, output } = analyze(
      ...['security', '--no-pager', '--offline=yes', `--threshold=${EXPOSURE_MAX * 10}`, './bootd.service'],
    );
    expect(status, output).toBe(0);
    const [, exposure] = /exposure level for bootd\.service: (\d+\.\d)/.exec(output) ?? [];
    expect(Number(exposure)).toBeLessThanOrEqual(EXPOSURE_MAX);
  });

  test('has nothing against it but what bootd cannot do without', () => {
    expect(exposures()).toEqual([
      // Two capabilities, and why: systemd/bootd.service and docs/operations.md.
      'AmbientCapabilities',
      'CapabilityBoundingSet=~CAP_NET_(BIND_SERVICE|BROADCAST|RAW)',
      // What ProtectClock= implies.
      'DeviceAllow',
      // Any machine may boot.
      'IPAddressDeny',
      'MemoryDenyWriteExecute',
      'PrivateNetwork',
      // With it, capabilities would not reach the host's network.
      'PrivateUsers',
      'RestrictAddressFamilies=~AF_(INET|INET6)',
      'RestrictAddressFamilies=~AF_NETLINK',
      'RestrictAddressFamilies=~AF_PACKET',
      'RestrictAddressFamilies=~AF_UNIX',
      'RootDirectory=/RootImage',
      // setpriority(2).
      'SystemCallFilter=~@resources',
    ]);
  });

  test('would tell of a switch that is taken away', () => {
    edit('bootd.service', 'ProtectClock=yes', 'ProtectClock=no');
    try {
      expect(exposures()).toContain('ProtectClock');
    } finally {
      edit('bootd.service', 'ProtectClock=no', 'ProtectClock=yes');
    }
  });
});
