import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, it } from 'vitest';
import { MAC, UUID } from '../boot/samples.ts';
import { TestApi } from './api.ts';

let api: TestApi;
async function open(...access: Parameters<TestApi['open']>): Promise<void> {
  api = new TestApi();
  await api.open(...access);
}
afterEach(() => api.close());

const node = `/v1/nodes/${UUID}`;
const body = { ports: [{ address: MAC }] };

describe('health', () => {
  it('is alive', async () => {
    await open();
    expect(await api.call('GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  it('is ready when every check is well, and says which is not', async () => {
    await open();
    api.health = [{ name: 'store', ok: true, problems: [] }];
    expect(await api.call('GET', '/readyz')).toMatchObject({
      status: 200,
      body: { ready: true, checks: api.health },
    });
    api.health = [...api.health, { name: 'templates', ok: false, problems: ['grub.tmpl:3:1: broken'] }];
    expect(await api.call('GET', '/readyz')).toMatchObject({
      status: 503,
      body: { ready: false, checks: api.health },
    });
  });

  it('shows metrics to Prometheus', async () => {
    await open();
    await api.call('PUT', node, body);
    api.health = [
      { name: 'store', ok: true, problems: [] },
      { name: 'dhcp', ok: false, problems: ['eth9 is not there'] },
    ];
    const reply = await api.call('GET', '/metrics');
    expect(reply).toMatchObject({
      status: 200,
      headers: { 'content-type': expect.stringMatching(/^text\/plain; version=0\.0\.4/) as string },
    });
    expect(reply.body).toMatch(/^bootd_nodes 1$/m);
    expect(reply.body).toMatch(/^bootd_check_ok\{check="store"\} 1$/m);
    expect(reply.body).toMatch(/^bootd_check_ok\{check="dhcp"\} 0$/m);
  });
});

describe('the read-only side', () => {
  const token = 'a-long-token';

  it.each(['/healthz', '/metrics', '/v1/nodes', '/v1/leases', '/v1/openapi.json'])(
    'shows %s',
    async (path) => {
      await open({ kind: 'read-only', token: undefined });
      expect((await api.call('GET', path)).status).toBe(200);
      expect((await api.call('HEAD', path)).status).toBe(200);
    },
  );

  it('lets nothing be changed without a token file', async () => {
    await open({ kind: 'read-only', token: undefined });
    for (const method of ['PUT', 'DELETE', 'POST'] as const) {
      expect(
        await api.call(method, node, method === 'DELETE' ? undefined : body, { authorization: 'Bearer ' }),
      ).toMatchObject({
        status: 403,
        body: { code: 'changes-not-allowed' },
      });
    }
    expect(api.registry.listNodes()).toEqual([]);
  });

  it.each<[string, Record<string, string>, number]>([
    ['the token', { authorization: `Bearer ${token}` }, 200],
    ['the token, scheme in small letters', { authorization: `bearer ${token}` }, 200],
    ['no token', {}, 401],
    ['a wrong token', { authorization: 'Bearer a-long-tokem' }, 401],
    ['a part of the token', { authorization: 'Bearer a-long' }, 401],
    ['more than the token', { authorization: `Bearer ${token}x` }, 401],
    ['an empty token', { authorization: 'Bearer ' }, 401],
    ['another scheme', { authorization: `Basic ${token}` }, 401],
  ])('with %s: a PUT', async (_name, headers, status) => {
    await open({ kind: 'read-only', token });
    const reply = await api.call('PUT', node, body, headers);
    expect(reply.status).toBe(status);
    expect(api.registry.listNodes()).toHaveLength(status === 200 ? 1 : 0);
    if (status === 401) {
      expect(reply).toMatchObject({
        body: { code: 'token-required' },
        headers: { 'www-authenticate': 'Bearer realm="bootd"' },
      });
    }
  });

  it('refuses before it looks at the body', async () => {
    await open({ kind: 'read-only', token });
    expect((await api.call('PUT', node, '{')).status).toBe(401);
  });
});

describe('a body', () => {
  it('of more than 1 MiB is refused, whatever it holds', async () => {
    await open();
    const large = JSON.stringify({ name: 'x'.repeat(2 ** 20), ports: [] });
    expect(await api.call('PUT', node, large)).toMatchObject({
      status: 413,
      body: { code: 'body-too-large' },
    });
  });

  it.each(['{"__proto__":{"x":1},"ports":[]}', '{"constructor":{"prototype":{"x":1}},"ports":[]}'])(
    'that would change what all objects are is refused: %s',
    async (text) => {
      await open();
      expect((await api.call('PUT', node, text)).status).toBe(400);
      expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    },
  );
});

describe('every answer', () => {
  it('is neither cached nor guessed at', async () => {
    await open();
    for (const path of ['/healthz', '/v1/nodes', '/nothing']) {
      expect((await api.call('GET', path)).headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
    }
  });

  it('to a failure inside tells nothing of the inside, and is in the log', async () => {
    await open();
    api.store.commit = () => Promise.reject(new TypeError('secret detail'));
    const reply = await api.call('PUT', node, body);
    expect(reply).toMatchObject({ status: 500, body: { code: 'internal-error' } });
    expect(JSON.stringify(reply.body)).not.toContain('secret detail');
    expect(JSON.stringify(api.logged)).toContain('secret detail');
  });
});

describe('/v1/openapi.json', () => {
  interface Description {
    readonly openapi: string;
    readonly info: { readonly version: string };
    readonly paths: Record<
      string,
      Record<
        string,
        {
          readonly operationId?: string;
          readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
        }
      >
    >;
  }

  async function description(): Promise<Description> {
    await open();
    return (await api.call('GET', '/v1/openapi.json')).body as Description;
  }

  it('describes every path of the API', async () => {
    const { openapi, info, paths } = await description();
    expect(openapi).toBe('3.1.0');
    expect(info.version).toBe('1.2.3');
    expect(
      Object.entries(paths)
        .map(([path, methods]) => `${path} ${Object.keys(methods).sort().join(' ')}`)
        .sort(),
    ).toEqual([
      '/healthz get',
      '/metrics get',
      '/readyz get',
      '/v1/boots get',
      '/v1/boots/{id} get',
      '/v1/events get',
      '/v1/images get',
      '/v1/leases get',
      '/v1/leases/{address} delete get',
      '/v1/nodes get',
      '/v1/nodes/{uuid} delete get patch put',
      '/v1/nodes/{uuid}/bmc get',
      '/v1/nodes/{uuid}/bmc/identify post',
      '/v1/nodes/{uuid}/bmc/ping get',
      '/v1/nodes/{uuid}/bmc/raw post',
      '/v1/nodes/{uuid}/bmc/sel get',
      '/v1/nodes/{uuid}/bmc/sensors get',
      '/v1/nodes/{uuid}/boot delete get post',
      '/v1/nodes/{uuid}/boot-device get put',
      '/v1/nodes/{uuid}/boot-profile delete get put',
      '/v1/nodes/{uuid}/console post',
      '/v1/nodes/{uuid}/leases get',
      '/v1/nodes/{uuid}/power get post',
      '/v1/observations get',
      '/v1/probes get post',
      '/v1/probes/{id} delete',
      '/v1/probes/{id}/file get',
      '/v1/profiles get',
      '/v1/profiles/{name} delete get put',
      '/v1/reload post',
    ]);
  });

  it('gives every operation a name of its own', async () => {
    const { paths } = await description();
    const names = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(names).not.toContain(undefined);
    expect(new Set(names).size).toBe(names.length);
  });

  it('holds the schemas that validate', async () => {
    const { paths } = await description();
    const schema = paths['/v1/nodes/{uuid}']!['put']!.requestBody!.content['application/json']!.schema;
    const validate = new Ajv2020({ strict: false }).compile(schema);
    expect(validate(body)).toBe(true);
    expect(validate({ ...body, nome: 'x' })).toBe(false);
  });
});
