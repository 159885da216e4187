import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadConfig } from '../../../src/config/load-config.ts';
import { planReload } from '../../../src/config/reload-plan.ts';
import { RELOAD_RULES, reloadEffectOf } from '../../../src/config/reload-rules.ts';
import { isSameValue } from '../../../src/config/same-value.ts';
import type { BootdSettings } from '../../../src/config/settings.ts';
import { keysOfSchema } from '../../documents/config-reference.ts';

const EVERYTHING = readFileSync(resolve(import.meta.dirname, '../../data/config/everything.yaml'), 'utf8');

type Raw = Record<string, Record<string, unknown>>;

/** The file with every key, after a change. */
function load(change: (raw: Raw) => void = () => undefined): BootdSettings {
  const raw = parse(EVERYTHING, { merge: true }) as Raw;
  change(raw);
  return loadConfig('/etc/bootd/bootd.yaml', () => stringify(raw)).settings;
}

function planned(change: (raw: Raw) => void): readonly string[] {
  return planReload(load(), load(change)).changes.map(({ key, effect }) => `${key} ${effect.kind}`);
}

const section = (raw: Raw, name: string): Record<string, unknown> => raw[name] ?? {};

describe('the rules', () => {
  it('speak of every key of the schema', () => {
    const keys = keysOfSchema();
    expect(keys.length).toBeGreaterThan(100);
    expect(keys.filter((path) => reloadEffectOf(path) === undefined)).toEqual([]);
  });

  it('speak of no key that the schema does not have', () => {
    const keys = new Set(keysOfSchema().map((path) => path.join('.')));
    expect(RELOAD_RULES.map(({ key }) => key).filter((key) => key !== '' && !keys.has(key))).toEqual([]);
  });

  it('give a reason for each restart', () => {
    for (const { effect } of RELOAD_RULES) {
      if (effect.kind === 'restart') expect(effect.reason).toMatch(/^[a-z].{10,}/);
    }
  });
});

describe('a plan', () => {
  it('is empty where nothing changed, and keeps the very settings', () => {
    const current = load();
    const { changes, settings } = planReload(current, load());
    expect(changes).toEqual([]);
    expect(settings.dhcp).toBe(current.dhcp);
  });

  it.each<[string, (raw: Raw) => void, readonly string[]]>([
    [
      'a range',
      (raw) => void (section(raw, 'dhcp')['subnets'] = [{ subnet: '10.0.0.0/24' }]),
      ['dhcp.subnets live'],
    ],
    [
      'a lease time',
      (raw) => void (section(raw, 'dhcp')['max-lease-time'] = 9000),
      ['dhcp.max-lease-time live'],
    ],
    ['options', (raw) => void (section(raw, 'dhcp')['options'] = {}), ['dhcp.options live']],
    ['the log level', (raw) => Object.assign(raw, { 'log-level': 'warn' }), ['log-level live']],
    ['interfaces', (raw) => Object.assign(raw, { interfaces: ['other'] }), ['interfaces restart']],
    ['the port of DHCP', (raw) => void (section(raw, 'dhcp')['port'] = 67), ['dhcp.port restart']],
    ['the root', (raw) => void (section(raw, 'http-boot')['root'] = '/srv/x'), ['http-boot.root live']],
    [
      'a port and a limit of TFTP',
      (raw) => Object.assign(section(raw, 'tftp'), { port: 70, 'window-size-max': 3 }),
      ['tftp.port restart', 'tftp.window-size-max live'],
    ],
    ['a section that goes', (raw) => void Reflect.deleteProperty(raw, 'tftp'), ['tftp restart']],
  ])('says what becomes of %s', (_, change, expected) => {
    expect(planned(change)).toEqual(expected);
  });

  it('keeps what needs a restart, says so again, and is done when the file is changed back', () => {
    const start = load();
    const moved = load((raw) => Object.assign(raw, { interfaces: ['other'], 'log-level': 'warn' }));
    const first = planReload(start, moved);
    expect(first.settings.interfaces).toEqual(start.interfaces);
    expect(first.settings.logLevel).toBe('warn');
    expect(planReload(first.settings, moved).changes.map(({ key }) => key)).toEqual(['interfaces']);
    expect(planReload(first.settings, start).changes.map(({ key }) => key)).toEqual(['log-level']);
  });

  it('does not tell machines of an HTTP server before it listens there', () => {
    const start = load();
    const moved = load((raw) => void (section(raw, 'http-boot')['listen'] = '192.168.0.9:8080'));
    expect(planReload(start, moved).settings.dhcp?.httpBoot).toEqual(start.dhcp?.httpBoot);
    expect(moved.dhcp?.httpBoot).not.toEqual(start.dhcp?.httpBoot);
  });
});

describe('the same value', () => {
  it.each([
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [new Map([[1, new Uint8Array([1, 2])]]), new Map([[1, new Uint8Array([1, 2])]]), true],
    [new Map([[1, new Uint8Array([1, 2])]]), new Map([[1, new Uint8Array([1, 3])]]), false],
    [[1, 2], [1, 2, 3], false],
    [new Map(), {}, false],
    [null, undefined, false],
  ])('is found in %o and %o: %s', (a, b, expected) => {
    expect(isSameValue(a, b)).toBe(expected);
    expect(isSameValue(b, a)).toBe(expected);
  });
});
