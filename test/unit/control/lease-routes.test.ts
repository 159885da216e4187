import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lease, LeaseState } from '../../../src/dhcp/lease.ts';
import type { LeaseView } from '../../../src/control/lease-queries.ts';
import { ipv4, MAC, OTHER_MAC, UUID } from '../boot/samples.ts';
import { TestApi } from './api.ts';

let api: TestApi;
beforeEach(() => {
  api = new TestApi();
});
afterEach(() => api.close());

function view(address: string, state: LeaseState, changes: Partial<Lease> = {}): LeaseView {
  const lease: Lease = {
    address: ipv4(address),
    state: 'bound',
    client: undefined,
    clientId: undefined,
    htype: 1,
    hardwareAddress: Uint8Array.of(0x0c, 0xc4, 0x7a, 0x0e, 0x2b, 0x6b),
    mac: MAC,
    startsAt: 1_700_000_000_000,
    expiresAt: 1_700_000_600_000,
    lastSeenAt: 1_700_000_000_500,
    bootp: false,
    hostname: undefined,
    vendorClass: undefined,
    relayAgentInfo: undefined,
    ...changes,
  };
  return { lease, state };
}

describe('/v1/leases', () => {
  beforeEach(async () => {
    api.leases.add(
      view('192.168.0.130', 'bound', {
        clientId: Uint8Array.of(1, 0xff),
        hostname: 'bm1',
        vendorClass: 'PXEClient',
        relayAgentInfo: Uint8Array.of(1, 2, 3),
      }),
    );
    api.leases.add(view('192.168.0.131', 'expired', { mac: OTHER_MAC }));
    api.leases.add(view('10.0.0.9', 'bound', { mac: undefined, expiresAt: undefined, bootp: true }));
    await api.open();
    await api.call('PUT', `/v1/nodes/${UUID}`, { ports: [{ address: MAC, fixed_address: '192.168.0.20' }] });
  });

  it('says exactly what a machine calls itself, and shows a terminal nothing else', async () => {
    const hostname = 'bm1\u202e1mb\u200f\u009b2J\u{e0041}';
    api.leases.add(view('192.168.0.132', 'bound', { hostname, vendorClass: '\u2066PXEClient\u3164' }));
    const { body, text } = await api.call('GET', '/v1/leases/192.168.0.132');
    expect(body).toMatchObject({ hostname, vendor_class: '\u2066PXEClient\u3164' });
    expect(text).toMatch(/^[\x20-\x7e]+$/);
  });

  it('shows one lease whole', async () => {
    expect((await api.call('GET', '/v1/leases/192.168.0.130')).body).toEqual({
      address: '192.168.0.130',
      state: 'bound',
      mac: MAC,
      hardware_type: 1,
      hardware_address: '0c:c4:7a:0e:2b:6b',
      client_id: '01:ff',
      hostname: 'bm1',
      vendor_class: 'PXEClient',
      node: UUID,
      bootp: false,
      starts_at: '2023-11-14T22:13:20.000Z',
      expires_at: '2023-11-14T22:23:20.000Z',
      last_seen_at: '2023-11-14T22:13:20.500Z',
      relay_agent_info: '01:02:03',
    });
  });

  it('shows what there is not as null', async () => {
    expect((await api.call('GET', '/v1/leases/10.0.0.9')).body).toMatchObject({
      mac: null,
      client_id: null,
      node: null,
      expires_at: null,
      bootp: true,
      relay_agent_info: null,
    });
  });

  it.each([
    ['', ['192.168.0.130', '192.168.0.131', '10.0.0.9']],
    [`?mac=${MAC}`, ['192.168.0.130']],
    ['?mac=0C-C4-7A-0E-2B-6C', ['192.168.0.131']],
    ['?state=expired', ['192.168.0.131']],
    ['?subnet=192.168.0.0/24', ['192.168.0.130', '192.168.0.131']],
    [`?subnet=192.168.0.0/24&state=bound&mac=${MAC}`, ['192.168.0.130']],
    [`?state=declined`, []],
  ])('lists %s', async (query, addresses) => {
    const { leases } = (await api.call('GET', `/v1/leases${query}`)).body as {
      leases: { address: string }[];
    };
    expect(leases.map(({ address }) => address)).toEqual(addresses);
  });

  it.each(['?mac=x', '?state=lost', '?subnet=192.168.0.1/24', '?unknown=1'])('refuses %s', async (query) => {
    expect(await api.call('GET', `/v1/leases${query}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid-query' },
    });
  });

  it('does not know every address', async () => {
    expect(await api.call('GET', '/v1/leases/192.168.0.1')).toMatchObject({
      status: 404,
      body: { code: 'lease-not-found' },
    });
    expect(await api.call('GET', '/v1/leases/nowhere')).toMatchObject({
      status: 400,
      body: { code: 'invalid-path' },
    });
  });

  it('frees an address as often as asked', async () => {
    expect((await api.call('DELETE', '/v1/leases/192.168.0.130')).status).toBe(204);
    expect((await api.call('DELETE', '/v1/leases/192.168.0.130')).status).toBe(204);
    expect((await api.call('GET', '/v1/leases/192.168.0.130')).status).toBe(404);
  });

  it('says that nothing changed when the store fails', async () => {
    api.leases.failure = new Error('the disk is full');
    expect(await api.call('DELETE', '/v1/leases/192.168.0.130')).toMatchObject({
      status: 503,
      body: { code: 'not-kept', detail: 'the disk is full' },
    });
    expect(api.logged.filter(({ event }) => event === 'control.request.failed')).toHaveLength(1);
  });

  it('lists what the ports of a node have, or will get', async () => {
    const reply = await api.call('GET', `/v1/nodes/${UUID}/leases`);
    expect(reply).toMatchObject({
      status: 200,
      body: {
        addresses: ['192.168.0.20', '192.168.0.130'],
        leases: [{ address: '192.168.0.130', node: UUID }],
      },
    });
    expect(await api.call('GET', '/v1/nodes/1f70d3aa-7c1a-4f45-ac1c-dd0e3342553f/leases')).toMatchObject({
      status: 404,
    });
  });

  it('does not call an expired lease an address of the node', async () => {
    await api.call('PUT', `/v1/nodes/${UUID}`, { ports: [{ address: OTHER_MAC }] });
    expect((await api.call('GET', `/v1/nodes/${UUID}/leases`)).body).toMatchObject({
      addresses: [],
      leases: [{ state: 'expired' }],
    });
  });
});

describe('while DHCP is off', () => {
  beforeEach(async () => {
    api.dhcpIsOff = true;
    await api.open();
  });

  it.each([
    ['GET', '/v1/leases'],
    ['GET', '/v1/leases/192.168.0.1'],
    ['DELETE', '/v1/leases/192.168.0.1'],
  ] as const)('%s %s says so', async (method, path) => {
    expect(await api.call(method, path)).toMatchObject({ status: 503, body: { code: 'service-off' } });
  });

  it('a node has its fixed addresses all the same', async () => {
    await api.call('PUT', `/v1/nodes/${UUID}`, { ports: [{ address: MAC, fixed_address: '192.168.0.20' }] });
    expect((await api.call('GET', `/v1/nodes/${UUID}/leases`)).body).toEqual({
      addresses: ['192.168.0.20'],
      leases: [],
    });
  });
});
