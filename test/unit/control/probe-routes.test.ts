import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ipv4, MAC, UUID } from '../boot/samples.ts';
import { TestApi } from './api.ts';

let api: TestApi;
beforeEach(async () => {
  api = new TestApi();
  await api.open();
});
afterEach(() => api.close());

async function announce(
  body: unknown = { mac: MAC },
): Promise<{ status: number; id: string; body: unknown }> {
  const reply = await api.call('POST', '/v1/probes', body);
  return { ...reply, id: (reply.body as { id: string }).id };
}

it('shows a probe from its announcement to its end', async () => {
  const { status, id, body } = await announce();
  expect(status).toBe(201);
  expect(body).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    mac: MAC,
    address: null,
    started_at: '2026-01-01T00:00:00.000Z',
    expires_at: '2026-01-01T00:10:00.000Z',
  });
  expect((await api.call('GET', '/v1/probes')).body).toEqual({ probes: [body] });
  expect(await api.call('DELETE', `/v1/probes/${id}`)).toMatchObject({ status: 204 });
  expect(await api.call('DELETE', `/v1/probes/${id}`)).toMatchObject({ status: 204 });
  expect((await api.call('GET', '/v1/probes')).body).toEqual({ probes: [] });
  expect(api.logged).toContainEqual(
    expect.objectContaining({ event: 'probe.announced', mac: MAC, probe: id }),
  );
});

it('knows from which address the files of a machine are fetched, a moment longer than the probe', async () => {
  const { id, body } = await announce({ mac: MAC, address: '192.168.0.200' });
  expect(body).toMatchObject({ address: '192.168.0.200' });
  const address = ipv4('192.168.0.200');
  expect(api.probes?.machineAt(address)).toBe(MAC);
  expect(api.probes?.machineAt(ipv4('192.168.0.201'))).toBeUndefined();
  await api.call('DELETE', `/v1/probes/${id}`);
  expect(api.probes?.machineAt(address)).toBe(MAC);
  api.clock.advance(2000);
  expect(api.probes?.machineAt(address)).toBeUndefined();
});

it('forgets one that never says that it is over', async () => {
  await announce({ mac: MAC.toUpperCase().replaceAll(':', '-'), lifetime_seconds: 5 });
  api.clock.advance(5000);
  expect((await api.call('GET', '/v1/probes')).body).toEqual({ probes: [] });
});

it.each([
  [{ mac: 'x' }, 422, 'invalid-value'],
  [{ mac: MAC, address: '192.168.0.256' }, 422, 'invalid-value'],
  [{}, 400, 'invalid-document'],
  [{ mac: MAC, lifetime_seconds: 0 }, 400, 'invalid-document'],
  [{ mac: MAC, arch: 'bios' }, 400, 'invalid-document'],
])('refuses %j', async (body, status, code) => {
  expect(await announce(body)).toMatchObject({ status, body: { code } });
});

it('has room for so many and no more', async () => {
  for (let count = 0; count < 64; count += 1) await announce();
  expect(await announce()).toMatchObject({ status: 429, body: { code: 'too-many-probes' } });
});

describe('GET /v1/probes/{id}/file', () => {
  const question = '/file?name=pxelinux.0&address=192.168.0.60';

  it('says what should be served', async () => {
    const { id } = await announce();
    const sha256 = 'a'.repeat(64);
    api.expectedFile = Promise.resolve({
      ...{ kind: 'file', source: 'rendered', path: 'pxelinux.cfg/default', octets: 5, sha256 },
      ...{ node: UUID, generation: 7 },
    });
    expect(await api.call('GET', `/v1/probes/${id}${question}`)).toMatchObject({
      status: 200,
      body: {
        ...{ source: 'rendered', path: 'pxelinux.cfg/default', octets: 5, sha256 },
        ...{ node: UUID, generation: 7, error: null },
      },
    });
  });

  it('says that nothing should be', async () => {
    const { id } = await announce();
    api.expectedFile = Promise.resolve({ kind: 'refused', code: 1, message: 'File not found' });
    expect((await api.call('GET', `/v1/probes/${id}${question}`)).body).toEqual({
      ...{ source: 'none', path: null, octets: null, sha256: null, node: null, generation: null },
      error: { code: 1, message: 'File not found' },
    });
  });

  it('answers only while the probe is under way, and only with TFTP', async () => {
    const { id } = await announce();
    expect(await api.call('GET', `/v1/probes/${id}${question}`)).toMatchObject({ status: 503 });
    expect(await api.call('GET', `/v1/probes/${id}/file?name=x&address=y`)).toMatchObject({ status: 400 });
    await api.call('DELETE', `/v1/probes/${id}`);
    const over = await api.call('GET', `/v1/probes/${id}${question}`);
    expect(over).toMatchObject({ status: 404, body: { code: 'probe-not-found' } });
  });
});
