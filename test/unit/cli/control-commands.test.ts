import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ControlClient, ControlError, ControlUnreachableError } from '../../../src/cli/control-client.ts';
import { FakeControl } from './fake-control.ts';
import { run, type Run } from './run.ts';

const UUID = '1be26c0b-03f2-4d2e-ae87-c02d7f33c123';
const MAC = '0c:c4:7a:0e:2b:6b';
const NODE = {
  uuid: UUID,
  generation: 3,
  name: 'bm1',
  boot_mode: null,
  ports: [{ address: MAC, pxe_enabled: true, fixed_address: '192.168.0.20', extra: {} }],
  dhcp_options: [{ opt_name: '67', opt_value: 'pxelinux.0', ip_version: 4 }],
};
const PROFILE = {
  purpose: 'deploy',
  kernel: 'old/kernel',
  ramdisk: 'old/ramdisk',
  kernel_append_params: 'quiet',
  template: null,
  policy: 'always',
  done_at: null,
  generation: 3,
  warnings: ['there is no file old/kernel'],
};
const LEASE = {
  address: '192.168.0.130',
  state: 'bound',
  mac: MAC,
  hardware_type: 1,
  hardware_address: MAC,
  client_id: null,
  hostname: 'evil\u001b[2J',
  vendor_class: null,
  node: UUID,
  bootp: false,
  starts_at: '2026-01-01T00:00:00.000Z',
  expires_at: '2026-01-01T00:10:00.000Z',
  last_seen_at: '2026-01-01T00:00:00.000Z',
  relay_agent_info: null,
};

let control: FakeControl;

beforeAll(async () => {
  control = await FakeControl.start();
});

afterAll(() => control.stop());

function bootd(...words: readonly string[]): Promise<Run> {
  return run(words, { BOOTD_SOCKET: control.socket });
}

function calls(): readonly string[] {
  return control.calls.map(({ method, path }) => `${method} ${path}`);
}

describe('the client of the control socket', () => {
  it('makes a problem document readable', async () => {
    const body = {
      title: 'A value of the document cannot be used',
      status: 422,
      code: 'invalid-value',
      detail: 'The node cannot be taken as it is',
      errors: [{ pointer: '/ports/0/address', detail: 'is no MAC' }],
    };
    control.answers({ 'PUT /v1/x': { status: 422, body } });
    const call = new ControlClient(control.socket).put('/v1/x', {});
    await expect(call).rejects.toThrow(ControlError);
    await expect(call).rejects.toMatchObject({
      status: 422,
      code: 'invalid-value',
      message: 'The node cannot be taken as it is\n  /ports/0/address is no MAC (invalid-value)',
    });
  });

  it('says something also about an answer that is no document', async () => {
    control.answers({ 'GET /v1/x': { status: 502, raw: '<html>' } });
    await expect(new ControlClient(control.socket).get('/v1/x')).rejects.toMatchObject({
      message: 'the API answered with status 502',
    });
  });

  it('gives the entity tag and sends the precondition', async () => {
    control.answers({ 'PUT /v1/x': { body: { a: 1 }, etag: '"4"' } });
    const reply = await new ControlClient(control.socket).put('/v1/x', { b: 2 }, { 'if-match': '"3"' });
    expect(reply).toEqual({ status: 200, body: { a: 1 }, etag: '"4"' });
    expect(control.calls[0]).toMatchObject({
      body: { b: 2 },
      headers: { 'if-match': '"3"', 'content-type': 'application/json' },
    });
  });

  it('says that nobody is there', async () => {
    const call = new ControlClient('/nonexistent.sock').get('/v1/x');
    await expect(call).rejects.toThrow(ControlUnreachableError);
    await expect(call).rejects.toThrow('bootd is not running: nobody listens on /nonexistent.sock');
  });
});

describe('bootd node', () => {
  it('list is a table, or JSON', async () => {
    control.answers({ 'GET /v1/nodes': { body: { nodes: [NODE] } } });
    expect((await bootd('node', 'list')).out.split('\n')).toEqual([
      'UUID                                  NAME  BOOT MODE  PURPOSE  PORTS',
      `${UUID}  bm1   any        -        ${MAC}`,
    ]);
    expect(JSON.parse((await bootd('node', 'list', '--json')).out)).toEqual([NODE]);
  });

  it('list says that there are none, and prints an empty list for programs', async () => {
    control.answers({ 'GET /v1/nodes': { body: { nodes: [] } } });
    expect(await bootd('node', 'list')).toMatchObject({ code: 0, out: '', err: 'No nodes.' });
    expect((await bootd('node', 'list', '--json')).out).toBe('[]');
  });

  it.each([UUID, 'bm1', MAC, MAC.toUpperCase().replaceAll(':', '-')])(
    'show finds it as %s',
    async (wanted) => {
      control.answers({
        'GET /v1/nodes': { body: { nodes: [NODE] } },
        [`GET /v1/nodes/${UUID}`]: { body: { ...NODE, warnings: ['option x is not sent'] } },
        [`GET /v1/nodes/${UUID}/boot-profile`]: { body: PROFILE },
        [`GET /v1/nodes/${UUID}/leases`]: { body: { addresses: ['192.168.0.20'], leases: [] } },
      });
      const { code, out } = await bootd('node', 'show', wanted);
      expect(code).toBe(0);
      expect(out.split('\n')).toEqual([
        `uuid:         ${UUID}`,
        'name:         bm1',
        'boot mode:    any',
        'purpose:      -',
        'managed by:   -',
        `port:         ${MAC}, fixed at 192.168.0.20`,
        'dhcp option:  67 = pxelinux.0',
        'warning:      option x is not sent',
        'boots:        always, deploy',
        'kernel:       old/kernel',
        'ramdisk:      old/ramdisk',
        'arguments:    quiet',
        'template:     -',
        'warning:      there is no file old/kernel',
        'addresses:    192.168.0.20',
      ]);
    },
  );

  it('show says what Ironic made of it, and which port of which switch each of its ports hangs on', async () => {
    const ports = [
      {
        address: MAC,
        pxe_enabled: false,
        extra: { gateway_name: '17.100.36.110', gateway_port: '1/1/5', gateway_vlan: 0 },
      },
    ];
    const node = { ...NODE, purpose: 'clean', managed_by: 'ironic', ports };
    control.answers({
      'GET /v1/nodes': { body: { nodes: [node] } },
      [`GET /v1/nodes/${UUID}`]: { body: node },
      [`GET /v1/nodes/${UUID}/leases`]: { body: { addresses: [], leases: [] } },
    });
    const lines = (await bootd('node', 'show', UUID)).out.split('\n');
    expect(lines).toContain('purpose:      clean');
    expect(lines).toContain('managed by:   ironic');
    expect(lines).toContain(`port:         ${MAC}, no PXE, on 17.100.36.110 port 1/1/5 vlan 0`);
  });

  it('show fails for a name that nobody has, or that two have', async () => {
    control.answers({
      'GET /v1/nodes': { body: { nodes: [NODE, { ...NODE, uuid: UUID.replace('1', '2') }] } },
    });
    expect(await bootd('node', 'show', 'other')).toMatchObject({
      code: 1,
      err: 'bootd: no node is called "other"',
    });
    expect(await bootd('node', 'show', 'bm1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('2 nodes') as string,
    });
  });

  it('set creates a node under a new UUID, only if nothing is there', async () => {
    const answer = { 'GET /v1/nodes': { body: { nodes: [] } } };
    control.answers(answer);
    await bootd(
      'node',
      'set',
      'bm2',
      '--mac',
      `${MAC}=192.168.0.21`,
      '--mac',
      '52:54:00:00:00:01',
      '--boot-mode',
      'uefi',
    );
    const put = control.calls.find(({ method }) => method === 'PUT');
    expect(put?.path).toMatch(/^\/v1\/nodes\/[0-9a-f-]{36}$/);
    expect(put?.headers['if-none-match']).toBe('*');
    expect(put?.body).toEqual({
      name: 'bm2',
      boot_mode: 'uefi',
      ports: [{ address: MAC, fixed_address: '192.168.0.21' }, { address: '52:54:00:00:00:01' }],
    });
  });

  it('set changes what is named and keeps the rest, as it was read', async () => {
    const path = `/v1/nodes/${UUID}`;
    control.answers({
      [`GET ${path}`]: { body: NODE, etag: '"3"' },
      [`PATCH ${path}`]: { body: { ...NODE, warnings: ['option x is not sent'] }, etag: '"4"' },
      [`GET ${path}/boot-profile`]: { body: PROFILE, etag: '"4"' },
      [`PUT ${path}/boot-profile`]: { body: PROFILE },
    });
    const { code, err } = await bootd(
      'node',
      'set',
      UUID,
      '--name',
      'bm9',
      '--kernel',
      'new/kernel',
      '--policy',
      'once',
    );
    expect(code).toBe(0);
    const [node, profile] = control.calls.filter(({ method }) => method === 'PATCH' || method === 'PUT');
    // Only what changes: a BMC, which no answer shows, stays.
    expect(node).toMatchObject({ method: 'PATCH', path, headers: { 'if-match': '"3"' } });
    expect(node?.body).toEqual({ name: 'bm9' });
    expect(profile).toMatchObject({
      path: `${path}/boot-profile`,
      body: { kernel: 'new/kernel', ramdisk: 'old/ramdisk', kernel_append_params: 'quiet', policy: 'once' },
      headers: { 'if-match': '"4"' },
    });
    expect(err.split('\n')).toEqual([
      'warning: option x is not sent',
      'warning: there is no file old/kernel',
    ]);
  });

  it('set leaves the node alone when only its boot changes', async () => {
    const path = `/v1/nodes/${UUID}`;
    control.answers({
      [`GET ${path}`]: { body: NODE, etag: '"3"' },
      [`PUT ${path}/boot-profile`]: { body: { ...PROFILE, warnings: [] } },
    });
    const { err } = await bootd('node', 'set', UUID, '--profile', 'rescue');
    const puts = control.calls.filter(({ method }) => method === 'PUT');
    expect(puts).toMatchObject([{ path: `${path}/boot-profile`, body: { name: 'rescue' } }]);
    expect(err).toBe('');
  });

  it('set replaces a shared profile by one of its own', async () => {
    const path = `/v1/nodes/${UUID}`;
    control.answers({
      [`GET ${path}`]: { body: NODE, etag: '"3"' },
      [`GET ${path}/boot-profile`]: {
        body: { name: 'rescue', done_at: null, generation: 3, warnings: [] },
        etag: '"3"',
      },
      [`PUT ${path}/boot-profile`]: { body: PROFILE },
    });
    await bootd('node', 'set', UUID, '--kernel', 'k');
    expect(control.calls.find(({ method }) => method === 'PUT')?.body).toEqual({ kernel: 'k' });
  });

  it('set can take the boot profile away', async () => {
    const path = `/v1/nodes/${UUID}`;
    control.answers({ [`GET ${path}`]: { body: NODE }, [`DELETE ${path}/boot-profile`]: { status: 204 } });
    expect((await bootd('node', 'set', UUID, '--no-boot-profile')).code).toBe(0);
    expect(calls()).toContain(`DELETE ${path}/boot-profile`);
  });

  it('set does not take an unknown MAC for a name', async () => {
    control.answers({ 'GET /v1/nodes': { body: { nodes: [] } } });
    expect(await bootd('node', 'set', MAC)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`--mac ${MAC}`) as string,
    });
  });

  it('rm takes several, by name and UUID', async () => {
    control.answers({
      'GET /v1/nodes': { body: { nodes: [NODE] } },
      [`DELETE /v1/nodes/${UUID}`]: { status: 204 },
    });
    const { code, out } = await bootd('node', 'rm', 'bm1', UUID, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ removed: [UUID, UUID] });
  });
});

describe('bootd lease', () => {
  it('list shows who has what, and nothing that can harm a terminal', async () => {
    control.answers({
      'GET /v1/leases?mac=0c%3Ac4%3A7a%3A0e%3A2b%3A6b&state=bound': { body: { leases: [LEASE] } },
    });
    const { out } = await bootd('lease', 'list', '--mac', MAC, '--state', 'bound');
    expect(out.split('\n')[1]).toBe(
      `192.168.0.130  bound  ${MAC}  2026-01-01T00:10:00.000Z  evil\\x1b[2J  ${UUID}`,
    );
  });

  it('list passes on what the API says of a wrong question', async () => {
    const body = { title: 't', detail: 'state: must be one of offered, bound', code: 'invalid-query' };
    control.answers({ 'GET /v1/leases?state=lost': { status: 400, body } });
    expect(await bootd('lease', 'list', '--state', 'lost')).toMatchObject({
      code: 1,
      err: 'bootd: state: must be one of offered, bound (invalid-query)',
    });
  });

  it.each([
    ['192.168.0.130', 'GET /v1/leases/192.168.0.130'],
    [MAC, 'GET /v1/leases?mac=0c%3Ac4%3A7a%3A0e%3A2b%3A6b'],
  ])('show %s asks %s', async (subject, call) => {
    control.answers({ [call]: { body: subject === MAC ? { leases: [LEASE] } : LEASE } });
    const { code, out } = await bootd('lease', 'show', subject);
    expect(code).toBe(0);
    expect(out).toContain('address:       192.168.0.130');
    expect(out).toContain('protocol:      DHCP');
  });

  it('show fails where there is none', async () => {
    control.answers({ 'GET /v1/leases?mac=0c%3Ac4%3A7a%3A0e%3A2b%3A6b': { body: { leases: [] } } });
    expect(await bootd('lease', 'show', MAC)).toMatchObject({ code: 1, err: `${MAC} has no lease.` });
  });

  it('release frees each', async () => {
    control.answers({
      'DELETE /v1/leases/192.168.0.130': { status: 204 },
      'DELETE /v1/leases/192.168.0.131': { status: 204 },
    });
    const { out } = await bootd('lease', 'release', '192.168.0.130', '192.168.0.131');
    expect(out).toBe('192.168.0.130 is free\n192.168.0.131 is free');
  });
});
