import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { ipv4, MAC, OTHER_MAC, OTHER_UUID, UUID } from '../boot/samples.ts';
import { reservation, seedSettings } from '../dhcp/fake-view.ts';
import { TestApi } from './api.ts';

let api: TestApi;
beforeEach(async () => {
  api = new TestApi();
  await api.open();
});
afterEach(() => api.close());

const node = `/v1/nodes/${UUID}`;
const minimal = { ports: [{ address: MAC }] };
const whole = {
  uuid: UUID,
  name: 'bm1',
  boot_mode: 'bios',
  ports: [
    {
      address: MAC,
      pxe_enabled: true,
      fixed_address: '192.168.0.20',
      extra: { 'client-id': 'ff:00', gateway_port: '1/1/2', nested: { any: [1, null] } },
    },
    { address: OTHER_MAC, pxe_enabled: false, fixed_address: null, extra: {} },
  ],
  dhcp_options: [
    { opt_name: '67', opt_value: 'pxelinux.0', ip_version: 4 },
    { opt_name: '59', opt_value: 'tftp://192.168.0.1/pxelinux.0', ip_version: 6 },
  ],
  purpose: 'deploy',
  arch: 'x86_64',
  managed_by: 'ironic',
  power: null,
};

/** A configuration that keeps one address for a card, and one for a client identifier. */
function reserving(): DhcpSettings {
  const printer = reservation({ name: 'printer', mac: OTHER_MAC, fixedAddresses: [ipv4('192.168.0.20')] });
  const byId = reservation({ clientId: Uint8Array.of(0x72, 0x31), fixedAddresses: [ipv4('192.168.0.21')] });
  return seedSettings({ reservations: [printer, byId] });
}
const NOTHING_SEEN = { state: 'unknown', seen_at: null, failure: null };

describe('PUT /v1/nodes/{uuid}', () => {
  it('fills in what is left out, and is in effect and on disk when it answers', async () => {
    const reply = await api.call('PUT', node, minimal);
    expect(reply).toMatchObject({ status: 200, headers: { etag: '"1"' } });
    expect(reply.body).toEqual({
      uuid: UUID,
      generation: 1,
      name: null,
      boot_mode: null,
      ports: [{ address: MAC, pxe_enabled: true, fixed_address: null, extra: {} }],
      dhcp_options: [],
      purpose: null,
      arch: null,
      managed_by: null,
      warnings: [],
      power: null,
    });
    expect(api.store.committed).toHaveLength(1);
    expect(api.registry.portByMac(MAC)?.node.uuid).toBe(UUID);
  });

  it('keeps all that it is given', async () => {
    expect((await api.call('PUT', node, whole)).body).toEqual({ ...whole, generation: 1, warnings: [] });
    expect((await api.call('GET', node)).body).toEqual({ ...whole, generation: 1, warnings: [] });
  });

  it('takes back what a GET gave, and changes nothing by it', async () => {
    await api.call('PUT', node, whole);
    const before = (await api.call('GET', node)).body;
    expect(await api.call('PUT', node, before)).toMatchObject({ status: 200, body: before });
    expect(api.store.committed).toHaveLength(1);
  });

  it('takes MACs, UUIDs and null in every spelling of them', async () => {
    const reply = await api.call('PUT', node.toUpperCase().replace('/V1/NODES', '/v1/nodes'), {
      name: null,
      boot_mode: null,
      bmc: null,
      ports: [{ address: '0C-C4-7A-0E-2B-6B', fixed_address: null }],
    });
    expect(reply).toMatchObject({ status: 200, body: { uuid: UUID, ports: [{ address: MAC }] } });
  });

  it('replaces everything', async () => {
    await api.call('PUT', node, whole);
    await api.call('PUT', node, { ports: [] });
    expect((await api.call('GET', node)).body).toMatchObject({ name: null, ports: [], dhcp_options: [] });
  });

  it('never shows a BMC again', async () => {
    const bmc = { address: '10.0.0.1', username: 'ADMIN', password: 'very-secret' };
    const replies = [
      await api.call('PUT', node, { ...minimal, bmc }),
      await api.call('GET', node),
      await api.call('GET', '/v1/nodes'),
    ];
    expect(JSON.stringify(replies)).not.toMatch(/very-secret|ADMIN|bmc/);
    expect(api.registry.nodeByUuid(UUID)?.node.bmc).toMatchObject({ ...bmc, port: 623 });
    expect(JSON.stringify(api.logged)).not.toContain('very-secret');
  });

  const invalid: readonly [string, unknown, string, string][] = [
    ['no ports', {}, '/ports', 'is missing'],
    ['an unknown key', { ...minimal, nome: 'x' }, '/nome', 'is not known'],
    ['an unknown key further down', { ports: [{ address: MAC, vlan: 1 }] }, '/ports/0/vlan', 'is not known'],
    ['a key that must be escaped', { ...minimal, 'a/b~c': 1 }, '/a~1b~0c', 'is not known'],
    ['a MAC that is none', { ports: [{ address: '0c:c4' }] }, '/ports/0/address', 'must match pattern'],
    ['a number for text', { ...minimal, name: 5 }, '/name', 'must be string'],
    [
      'text for a truth',
      { ports: [{ address: MAC, pxe_enabled: 'yes' }] },
      '/ports/0/pxe_enabled',
      'must be boolean',
    ],
    ['a name with a space', { ...minimal, name: 'a b' }, '/name', 'must match pattern'],
    [
      'an IP version 5',
      { ...minimal, dhcp_options: [{ opt_name: '1', opt_value: '', ip_version: 5 }] },
      '/dhcp_options/0/ip_version',
      'must be',
    ],
    ['a list for the whole', [], '', 'must be object'],
    [
      'a BMC without a password',
      { ...minimal, bmc: { address: 'a', username: 'u' } },
      '/bmc/password',
      'is missing',
    ],
  ];
  it.each(invalid)('refuses %s, and points at it', async (_name, body, pointer, detail) => {
    const reply = await api.call('PUT', node, body);
    expect(reply).toMatchObject({
      status: 400,
      headers: { 'content-type': 'application/problem+json; charset=utf-8' },
      body: { type: 'about:blank', status: 400, code: 'invalid-document' },
    });
    const { errors } = reply.body as { errors: { pointer: string; detail: string }[] };
    expect(errors.find((error) => error.pointer === pointer)?.detail).toContain(detail);
    expect(api.registry.listNodes()).toEqual([]);
  });

  it.each<[string, unknown, readonly string[]]>([
    ['another UUID than the path', { ...minimal, uuid: OTHER_UUID }, ['/uuid']],
    ['a MAC twice', { ports: [{ address: MAC }, { address: MAC.toUpperCase() }] }, ['/ports/1/address']],
    [
      'no address for an address',
      { ports: [{ address: MAC, fixed_address: '192.168.0.256' }] },
      ['/ports/0/fixed_address'],
    ],
    [
      'an address twice',
      {
        ports: [
          { address: MAC, fixed_address: '10.0.0.1' },
          { address: OTHER_MAC, fixed_address: '10.0.0.1' },
        ],
      },
      ['/ports/1/fixed_address'],
    ],
    [
      'two mistakes',
      { uuid: 'x', ports: [{ address: MAC, fixed_address: 'y' }] },
      ['/uuid', '/ports/0/fixed_address'],
    ],
  ])('cannot use %s', async (_name, body, pointers) => {
    const reply = await api.call('PUT', node, body);
    expect(reply).toMatchObject({ status: 422, body: { code: 'invalid-value' } });
    const { errors } = reply.body as { errors: { pointer: string }[] };
    expect(errors.map(({ pointer }) => pointer)).toEqual(pointers);
  });

  it('refuses a MAC of another node', async () => {
    await api.call('PUT', node, minimal);
    expect(await api.call('PUT', `/v1/nodes/${OTHER_UUID}`, minimal)).toMatchObject({
      status: 409,
      body: {
        code: 'mac-taken',
        title: 'The MAC belongs to another node',
        detail: `${MAC} belongs to node ${UUID}`,
      },
    });
  });

  it('refuses a fixed address of another node', async () => {
    await api.call('PUT', node, { ports: [{ address: MAC, fixed_address: '192.168.0.20' }] });
    const other = { ports: [{ address: OTHER_MAC, fixed_address: '192.168.0.20' }] };
    expect(await api.call('PUT', `/v1/nodes/${OTHER_UUID}`, other)).toMatchObject({
      status: 409,
      body: { code: 'address-taken' },
    });
  });

  it('refuses a fixed address that a reservation keeps for another machine', async () => {
    api.dhcp = reserving();
    const claiming = (address: string): object => ({ ports: [{ address, fixed_address: '192.168.0.20' }] });
    expect(await api.call('PUT', node, claiming(MAC))).toMatchObject({
      status: 409,
      body: {
        code: 'address-taken',
        detail: `192.168.0.20, the fixed address of ${MAC}, is reserved for printer in the configuration`,
      },
    });
    expect(api.store.committed).toEqual([]);
    expect(await api.call('PUT', node, claiming(OTHER_MAC))).toMatchObject({
      status: 200,
      body: { warnings: [] },
    });
  });

  it('says which options cannot be read, and carries those without a name', async () => {
    api.dhcp = reserving();
    const options = [
      { opt_name: 'colour', opt_value: 'blue' },
      { opt_name: '3', opt_value: 'nowhere' },
      { opt_name: '51', opt_value: '600' },
      { opt_name: '224', opt_value: 'e4:45:74' },
    ];
    const { status, body } = await api.call('PUT', node, { ...minimal, dhcp_options: options });
    expect(status).toBe(200);
    const { warnings } = body as { warnings: string[] };
    expect(warnings).toEqual([
      "dhcp_options: 'colour' names no DHCP option; it is not sent",
      expect.stringMatching(/^dhcp_options: '3': expected an IPv4 address .*; it is not sent$/),
      "dhcp_options: '51': every reply works out option 51 for itself; it is not sent",
    ]);
    const said = api.logged.filter(({ event }) => event === 'node.part.doubted').map(({ msg }) => msg);
    expect(said).toEqual(warnings);
    expect((await api.call('GET', node)).body).toMatchObject({ warnings });
    expect((await api.call('GET', '/v1/nodes')).body).toMatchObject({ nodes: [{ warnings }] });
    expect((await api.call('PUT', node, body)).headers['etag']).toBe('"1"');
  });

  it('says that an address depends on a client identifier, or lies in no subnet', async () => {
    api.dhcp = reserving();
    const ports = [
      { address: MAC, fixed_address: '192.168.0.21' },
      { address: OTHER_MAC, fixed_address: '10.9.9.9' },
    ];
    expect(await api.call('PUT', node, { ports })).toMatchObject({
      status: 200,
      body: {
        warnings: [
          `ports: 192.168.0.21 is reserved for client identifier 72:31; ${MAC} gets it only if it sends that client identifier`,
          `ports: 10.9.9.9 is in no subnet of the configuration, so ${OTHER_MAC} gets an address from a range`,
        ],
      },
    });
  });

  it.each([
    ['no JSON', '{"ports": [', {}, 400, 'malformed-json'],
    ['nothing', '', {}, 400, 'malformed-json'],
    ['another media type', 'ports', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
    ['a megabyte', JSON.stringify({ x: 'y'.repeat(1_100_000) }), {}, 413, 'body-too-large'],
  ])('refuses %s', async (_name, body, headers, status, code) => {
    expect(await api.call('PUT', node, body, headers)).toMatchObject({ status, body: { code } });
  });

  it('refuses a path without a UUID', async () => {
    expect(await api.call('PUT', '/v1/nodes/bm1', minimal)).toMatchObject({
      status: 400,
      body: { code: 'invalid-path' },
    });
  });

  it('says that nothing changed when the store fails', async () => {
    api.store.failure = 'the disk is full';
    expect(await api.call('PUT', node, minimal)).toMatchObject({
      status: 503,
      body: { code: 'not-kept', detail: 'the disk is full' },
    });
    expect((await api.call('GET', node)).status).toBe(404);
  });
});

describe('PATCH /v1/nodes/{uuid}', () => {
  const bmc = { address: '10.0.0.1', port: 623, username: 'ADMIN', password: 'very-secret' };

  it('changes what is named and keeps the rest, the BMC that nobody is shown included', async () => {
    await api.call('PUT', node, { ...whole, bmc });
    const reply = await api.call('PATCH', node, { name: 'bm9' });
    expect(reply).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(reply.body).toEqual({ ...whole, name: 'bm9', generation: 2, power: NOTHING_SEEN, warnings: [] });
    expect(api.registry.portByMac(MAC)?.node.bmc).toMatchObject(bmc);
    expect(api.store.committed).toHaveLength(2);
  });

  it('takes away what is null, and changes nothing when nothing is to change', async () => {
    await api.call('PUT', node, { ...whole, bmc });
    await api.call('PATCH', node, {});
    expect(api.store.committed).toHaveLength(1);
    await api.call('PATCH', node, { bmc: null, boot_mode: null, purpose: null });
    expect((await api.call('GET', node)).body).toEqual({
      ...whole,
      boot_mode: null,
      purpose: null,
      generation: 2,
      warnings: [],
    });
    expect(api.registry.portByMac(MAC)?.node.bmc).toBeUndefined();
  });

  it("takes RFC 7396's media type", async () => {
    await api.call('PUT', node, minimal);
    const headers = { 'content-type': 'application/merge-patch+json' };
    expect(await api.call('PATCH', node, { name: 'bm9' }, headers)).toMatchObject({ body: { name: 'bm9' } });
    expect(await api.call('PATCH', node, '{', headers)).toMatchObject({ status: 400 });
  });

  it.each([
    ['a node that is not there', {}, { name: 'x' }, 404, 'node-not-found'],
    ['an old generation', { 'if-match': '"7"' }, { name: 'x' }, 412, 'precondition-failed'],
    ['an unknown member', {}, { vlan: 3 }, 400, 'invalid-document'],
    ['a MAC twice', {}, { ports: [{ address: MAC }, { address: MAC }] }, 422, 'invalid-value'],
  ])('refuses %s', async (what, headers, body, status, code) => {
    if (!what.includes('not there')) await api.call('PUT', node, minimal);
    expect(await api.call('PATCH', node, body, headers)).toMatchObject({ status, body: { code } });
  });

  it('leaves a node alone whose address was overruled since, as long as its ports are not touched', async () => {
    await api.call('PUT', node, { ports: [{ address: MAC, fixed_address: '192.168.0.20' }] });
    api.dhcp = reserving();
    const [remark] = ((await api.call('GET', node)).body as { warnings: string[] }).warnings;
    expect(remark).toBe(
      `ports: 192.168.0.20 is reserved for printer in the configuration, which wins; ${MAC} gets an address from a range`,
    );
    expect(await api.call('PATCH', node, { name: 'bm7' })).toMatchObject({ status: 200 });
    expect(await api.call('PUT', `${node}/boot-profile`, { policy: 'local-disk' })).toMatchObject({
      status: 200,
    });
    const ports = [{ address: MAC, fixed_address: '192.168.0.20' }];
    expect(await api.call('PATCH', node, { ports })).toMatchObject({
      status: 409,
      body: { code: 'address-taken' },
    });
  });

  it("refuses another node's MAC", async () => {
    await api.call('PUT', node, minimal);
    await api.call('PUT', `/v1/nodes/${OTHER_UUID}`, { ports: [{ address: OTHER_MAC }] });
    const reply = await api.call('PATCH', node, { ports: [{ address: OTHER_MAC }] });
    expect(reply).toMatchObject({ status: 409, body: { code: 'mac-taken' } });
  });
});

describe('preconditions', () => {
  it.each<[string, Record<string, string>, number, string | undefined]>([
    ['If-Match with the ETag', { 'if-match': '"1"' }, 200, undefined],
    ['If-Match with one of several', { 'if-match': '"9", "1"' }, 200, undefined],
    ['If-Match: *', { 'if-match': '*' }, 200, undefined],
    ['If-Match with an old ETag', { 'if-match': '"0"' }, 412, 'precondition-failed'],
    ['If-Match with a weak ETag', { 'if-match': 'W/"1"' }, 412, 'precondition-failed'],
    ['If-None-Match: *', { 'if-none-match': '*' }, 412, 'precondition-failed'],
    ['If-None-Match with an ETag', { 'if-none-match': '"1"' }, 400, 'invalid-header'],
    ['both', { 'if-match': '"1"', 'if-none-match': '*' }, 400, 'invalid-header'],
  ])('%s', async (_name, headers, status, code) => {
    await api.call('PUT', node, minimal);
    const reply = await api.call('PUT', node, { ...minimal, name: 'new' }, headers);
    expect(reply.status).toBe(status);
    if (code !== undefined) expect(reply.body).toMatchObject({ code });
  });

  it('hold for a node that is not there', async () => {
    expect((await api.call('PUT', node, minimal, { 'if-match': '*' })).status).toBe(412);
    expect((await api.call('PUT', node, minimal, { 'if-none-match': '*' })).status).toBe(200);
    expect((await api.call('DELETE', node, undefined, { 'if-match': '"7"' })).status).toBe(412);
    expect((await api.call('DELETE', node, undefined, { 'if-match': '"1"' })).status).toBe(204);
  });
});

describe('GET and DELETE /v1/nodes', () => {
  it('lists nodes in the order of their UUIDs', async () => {
    expect(await api.call('GET', '/v1/nodes')).toMatchObject({ status: 200, body: { nodes: [] } });
    await api.call('PUT', node, minimal);
    await api.call('PUT', `/v1/nodes/${OTHER_UUID}`, { ports: [] });
    const { nodes } = (await api.call('GET', '/v1/nodes')).body as { nodes: { uuid: string }[] };
    expect(nodes.map(({ uuid }) => uuid)).toEqual([OTHER_UUID, UUID]);
  });

  it('gives an ETag, and answers HEAD', async () => {
    await api.call('PUT', node, minimal);
    expect((await api.call('GET', node)).headers['etag']).toBe('"1"');
    expect(await api.call('HEAD', node)).toMatchObject({ status: 200, body: '', headers: { etag: '"1"' } });
  });

  it('knows no node that was not put', async () => {
    expect(await api.call('GET', node)).toMatchObject({ status: 404, body: { code: 'node-not-found' } });
  });

  it('deletes a node as often as asked', async () => {
    await api.call('PUT', node, minimal);
    expect(await api.call('DELETE', node)).toMatchObject({ status: 204, body: '' });
    expect((await api.call('DELETE', node)).status).toBe(204);
    expect((await api.call('GET', node)).status).toBe(404);
  });

  it('does not know other methods and paths', async () => {
    expect(await api.call('POST', node, {})).toMatchObject({
      status: 405,
      body: { code: 'method-not-allowed' },
      headers: { allow: 'DELETE, GET, HEAD, PATCH, PUT' },
    });
    expect(await api.call('GET', '/v2')).toMatchObject({ status: 404, body: { code: 'route-not-found' } });
  });
});
