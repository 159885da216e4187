import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestBmc } from '../../lab/bmc/test-bmc.ts';
import { TestApi } from './api.ts';

const UUID = '1be26c0b-03f2-4d2e-ae87-c02d7f33c123';
const PATH = `/v1/nodes/${UUID}`;

let api: TestApi;
let bmc: TestBmc;

beforeEach(async () => {
  api = new TestApi();
  bmc = await TestBmc.start();
  await api.open();
});

afterEach(async () => {
  await api.close();
  await bmc.stop();
});

function putNode(access: Record<string, unknown> = {}): Promise<{ status: number; body: unknown }> {
  const login = { address: '127.0.0.1', port: bmc.port, username: 'admin', password: 'secret' };
  return api.call('PUT', PATH, { name: 'bm1', ports: [], bmc: { ...login, ...access } });
}

describe('power', () => {
  it('is asked and set, and then known to the node', async () => {
    await putNode();
    expect((await api.call('GET', PATH)).body).toMatchObject({
      power: { state: 'unknown', seen_at: null, failure: null },
    });
    expect((await api.call('GET', `${PATH}/power`)).body).toEqual({
      state: 'off',
      restore_policy: 'always-on',
      faults: [],
      last_events: ['switched on by command'],
    });
    expect(await api.call('POST', `${PATH}/power`, { action: 'on' })).toMatchObject({
      status: 200,
      body: { action: 'on' },
    });
    expect(bmc.machine.power).toBe('on');
    const { body } = await api.call('GET', PATH);
    expect(body).toMatchObject({ power: { state: 'on', seen_at: expect.any(String) as string } });
    // What a GET gave can be PUT back.
    expect((await api.call('PUT', PATH, body)).status).toBe(200);
  });

  it('takes actions that there are, and no other member', async () => {
    await putNode();
    for (const body of [{ action: 'explode' }, {}, { action: 'on', force: true }]) {
      expect(await api.call('POST', `${PATH}/power`, body)).toMatchObject({
        status: 400,
        body: { code: 'invalid-document' },
      });
    }
    expect(bmc.requests).toEqual([]);
  });

  it('wants a node, and a BMC of it', async () => {
    expect(await api.call('GET', `${PATH}/power`)).toMatchObject({
      status: 404,
      body: { code: 'node-not-found' },
    });
    await api.call('PUT', PATH, { ports: [] });
    expect(await api.call('GET', `${PATH}/power`)).toMatchObject({ status: 409, body: { code: 'no-bmc' } });
    expect((await api.call('GET', PATH)).body).toMatchObject({ power: null });
  });
});

describe('the rest of a BMC', () => {
  it('boot device, identify, device, event log, sensors and raw commands', async () => {
    await putNode();
    const order = { device: 'pxe', uefi: true, persistent: true };
    expect((await api.call('PUT', `${PATH}/boot-device`, order)).body).toEqual({ ...order, expires: true });
    expect((await api.call('GET', `${PATH}/boot-device`)).body).toEqual({ ...order, in_force: true });
    expect((await api.call('GET', `${PATH}/bmc`)).body).toMatchObject({
      firmware: '2.83',
      manufacturer: null,
    });
    expect((await api.call('GET', `${PATH}/bmc/ping`)).body).toMatchObject({
      pong: { ipmi: true, round_trip_ms: expect.any(Number) as number },
      ipmi: { versions: ['1.5', '2.0'], cipher_suites: [3, 17], chosen_suite: 17, named_users: true },
    });
    expect((await api.call('GET', `${PATH}/bmc/sel`)).body).toMatchObject({
      entries: [{ id: 1, event: 'PXE server not found', at: '2026-01-01T00:00:00.000Z' }, {}, {}],
    });
    expect((await api.call('GET', `${PATH}/bmc/sensors`)).body).toMatchObject({
      sensors: [{ name: 'Inlet Temp', value: 23, unit: '°C' }, {}, { name: 'FAN1', available: false }, {}],
    });
    expect((await api.call('POST', `${PATH}/bmc/identify`, { seconds: 20 })).status).toBe(200);
    expect(bmc.machine.identifySeconds).toBe(20);
    expect((await api.call('POST', `${PATH}/bmc/raw`, { net_fn: 0, command: 99 })).body).toEqual({
      completion_code: 0xc1,
      meaning: 'the controller does not know this command (completion code 0xc1)',
      data: '',
    });
  });
});

describe('a failure', () => {
  it.each([
    ['a wrong password', { password: 'hunter2' }, 502, 'bmc-wrong-password'],
    ['an unknown user', { username: 'nobody' }, 502, 'bmc-wrong-username'],
    ['a suite that it lacks', { cipher_suite: 16 }, 502, 'bmc-unsupported-suite'],
    ['too much privilege', { username: 'user', password: 'view' }, 502, 'bmc-insufficient-privilege'],
  ])(
    '%s has a code of its own, is shown with the node, and shows no secret',
    async (_what, access, status, code) => {
      await putNode(access);
      expect(await api.call('GET', `${PATH}/power`)).toMatchObject({ status, body: { code } });
      const shown = await api.call('GET', PATH);
      expect(shown.body).toMatchObject({ power: { state: 'unknown', failure: { code: code.slice(4) } } });
      const all = JSON.stringify([shown.body, api.logged]);
      expect(all).toContain('power.command.failed');
      for (const secret of ['hunter2', 'secret', 'password":']) expect(all).not.toContain(secret);
    },
  );

  it('of the machine itself is said in words', async () => {
    await putNode();
    expect(await api.call('POST', `${PATH}/power`, { action: 'reset' })).toMatchObject({
      status: 502,
      body: {
        code: 'bmc-refused',
        detail: expect.stringContaining('present state of the machine') as string,
      },
    });
  });

  it('is forgotten with the BMC that it came from', async () => {
    await putNode({ password: 'wrong' });
    await api.call('GET', `${PATH}/power`);
    await putNode();
    expect((await api.call('GET', PATH)).body).toMatchObject({ power: { failure: null } });
    expect((await api.call('GET', `${PATH}/power`)).status).toBe(200);
  });

  it('of the document is found before anybody is asked', async () => {
    expect(await putNode({ password: 'ü'.repeat(11) })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/bmc/password', detail: 'has 22 octets; IPMI allows 20' }] },
    });
    for (const wrong of [{ kg: 'xyz' }, { cipher_suite: 8 }, { privilege: 'root' }]) {
      expect((await putNode(wrong)).status).toBe(400);
    }
  });
});
