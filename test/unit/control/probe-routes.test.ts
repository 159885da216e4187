import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAC } from '../boot/samples.ts';
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

it('forgets one that never says that it is over', async () => {
  await announce({ mac: MAC.toUpperCase().replaceAll(':', '-'), lifetime_seconds: 5 });
  api.clock.advance(5000);
  expect((await api.call('GET', '/v1/probes')).body).toEqual({ probes: [] });
});

it.each([
  [{ mac: 'x' }, 422, 'invalid-value'],
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
