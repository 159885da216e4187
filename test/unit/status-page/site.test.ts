import { describe, expect, it } from 'vitest';
import type { BootSummaryDocument } from '../../../src/control/boot-documents.ts';
import type { LeaseDocument } from '../../../src/control/lease-documents.ts';
import type { NodeDocument } from '../../../src/control/node-documents.ts';
import { BOOTS_MAX, leaseStateAt, Site, standingOf } from '../../../status-page/site.js';
import { switchPortOf } from '../../../status-page/switch-port.js';

const END = '2026-01-01T00:10:00.000Z';

const lease = (change: Partial<LeaseDocument> = {}): LeaseDocument => ({
  address: '192.168.0.128',
  state: 'bound',
  mac: '0c:c4:7a:0e:2b:6b',
  hardware_type: 1,
  hardware_address: '0c:c4:7a:0e:2b:6b',
  client_id: null,
  hostname: null,
  vendor_class: null,
  node: null,
  bootp: false,
  starts_at: '2026-01-01T00:00:00.000Z',
  expires_at: END,
  last_seen_at: '2026-01-01T00:00:00.000Z',
  relay_agent_info: null,
  ...change,
});

const finding = { code: 'under-way', sentence: 'asks for an address', cause: '', remedy: '' };

const boot = (change: Partial<BootSummaryDocument> = {}): BootSummaryDocument => ({
  id: 'b1',
  mac: '0c:c4:7a:0e:2b:6b',
  node: null,
  probe: false,
  started_at: '2026-01-01T00:00:00.000Z',
  last_at: '2026-01-01T00:00:00.000Z',
  ended_at: null,
  firmware: null,
  loader: null,
  phase: 'address',
  address: null,
  interface: null,
  relay: null,
  hostname: null,
  system_uuid: null,
  boot_file: null,
  state: 'under-way',
  verdict: finding,
  notices: [],
  ...change,
});

const node = (uuid: string, name: string | null, mac: string): NodeDocument => ({
  ...{ uuid, generation: 1, name, boot_mode: null, dhcp_options: [], arch: null, purpose: null },
  ...{ managed_by: null, warnings: [], power: null },
  ports: [{ address: mac, pxe_enabled: true, fixed_address: null, extra: {} }],
});

describe('a lease', () => {
  it.each([
    ['bound', -1, 'bound'],
    ['bound', 0, 'expired'],
    ['offered', 1, 'expired'],
    ['released', 1, 'released'],
    ['declined', 1, 'declined'],
  ] as const)('that is %s is, %d ms after its end, %s', (state, after, expected) => {
    expect(leaseStateAt(lease({ state }), Date.parse(END) + after)).toBe(expected);
  });

  it('of BOOTP has no end', () => {
    expect(leaseStateAt(lease({ expires_at: null }), Infinity)).toBe('bound');
  });
});

describe('a boot', () => {
  it.each([
    [{}, 'running'],
    [{ verdict: { ...finding, code: 'file-not-found' } }, 'trouble'],
    [{ state: 'stuck' }, 'stuck'],
    [{ state: 'stuck', ended_at: END }, 'over'],
    [{ ended_at: END }, 'over'],
    [{ state: 'done', ended_at: END }, 'done'],
  ] as const)('%j is %s', (change, standing) => {
    expect(standingOf(boot(change))).toBe(standing);
  });
});

describe('the site', () => {
  it('calls machines by the name of their node, their own, or their MAC', () => {
    const site = new Site();
    expect(site.machineName(boot())).toBe('0c:c4:7a:0e:2b:6b');
    expect(site.machineName(boot({ hostname: 'db1' }))).toBe('db1');
    site.takeNodes([node('u1', 'bm1', '0c:c4:7a:0e:2b:6b'), node('u2', null, '0c:c4:7a:0e:2b:6c')]);
    expect(site.machineName(boot({ hostname: 'db1' }))).toBe('bm1');
    expect(site.machineName(boot({ node: 'u2', hostname: 'db2', mac: '0c:c4:7a:0e:2b:6c' }))).toBe('db2');
    site.takeNode('u1', undefined);
    expect(site.machineName(boot())).toBe('0c:c4:7a:0e:2b:6b');
  });

  it('lists the boots of a node, the newest first, by its UUID and its ports', () => {
    const site = new Site();
    site.takeBoot(boot({ id: 'old' }));
    site.takeBoot(boot({ id: 'new', started_at: END, mac: 'x', node: 'u1' }));
    site.takeBoot(boot({ id: 'other', mac: 'y' }));
    expect(site.bootsOf(node('u1', null, '0c:c4:7a:0e:2b:6b')).map(({ id }) => id)).toEqual(['new', 'old']);
  });

  it('stays within its bounds however long it is open', () => {
    const site = new Site();
    for (let number = 0; number < BOOTS_MAX + 10; number += 1) {
      site.takeBoot(boot({ id: String(number), started_at: new Date(number * 1000).toISOString() }));
    }
    expect(site.boots.size).toBe(BOOTS_MAX);
    expect(site.boots.has('9')).toBe(false);
    expect(site.isCut).toBe(true);
  });
});

it('names a switch port as far as it is known', () => {
  expect(switchPortOf({ gateway_name: 'vsg-1', gateway_port: '1-1-3', gateway_vlan: 1204 })).toBe(
    'vsg-1 port 1-1-3 VLAN 1204',
  );
  expect(switchPortOf({ gateway_name: 'vsg-1', gateway_port: null })).toBe('vsg-1');
  expect(switchPortOf({ gateway_name: { a: 1 } })).toBeUndefined();
});
