import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAC, UUID } from '../boot/samples.ts';
import { TestApi } from './api.ts';

let api: TestApi;
beforeEach(async () => {
  api = new TestApi();
  await api.open();
  await api.call('PUT', `/v1/nodes/${UUID}`, { ports: [{ address: MAC }] });
});
afterEach(() => api.close());

const bootProfile = `/v1/nodes/${UUID}/boot-profile`;
const deploy = {
  purpose: 'deploy',
  kernel: `${UUID}/deploy_kernel`,
  ramdisk: `${UUID}/deploy_ramdisk`,
  kernel_append_params: 'nofb nomodeset',
};

describe('/v1/nodes/{uuid}/boot-profile', () => {
  it('says what the node boots, with what is not there yet', async () => {
    api.files.add(deploy.kernel);
    const reply = await api.call('PUT', bootProfile, deploy);
    expect(reply).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(reply.body).toEqual({
      ...deploy,
      kernel_checksum: null,
      ramdisk_checksum: null,
      template: null,
      policy: 'always',
      done_at: null,
      generation: 2,
      warnings: [`ramdisk: there is no file ${deploy.ramdisk} below /tftpboot`],
    });
    expect((await api.call('GET', bootProfile)).body).toEqual(reply.body);
    expect(api.store.committed).toHaveLength(2);
  });

  it('takes back what a GET gave, and changes nothing by it', async () => {
    await api.call('PUT', bootProfile, deploy);
    const before = (await api.call('GET', bootProfile)).body;
    expect((await api.call('PUT', bootProfile, before)).body).toEqual(before);
    expect(api.store.committed).toHaveLength(2);
  });

  it('shows when policy once had its boot; a PUT asks for one more', async () => {
    await api.call('PUT', bootProfile, { ...deploy, policy: 'once' });
    const plan = api.registry.plan({ kind: 'boot-profile.complete', uuid: UUID, at: 0 });
    if (plan.kind === 'changes') api.registry.apply(plan.changes);
    const done = (await api.call('GET', bootProfile)).body;
    expect(done).toMatchObject({ policy: 'once', done_at: '1970-01-01T00:00:00.000Z' });
    expect((await api.call('PUT', bootProfile, done)).body).toMatchObject({ policy: 'once', done_at: null });
  });

  it('needs a node', async () => {
    await api.call('DELETE', `/v1/nodes/${UUID}`);
    expect(await api.call('PUT', bootProfile, deploy)).toMatchObject({
      status: 404,
      body: { code: 'node-not-found' },
    });
    expect(await api.call('GET', bootProfile)).toMatchObject({
      status: 404,
      body: { code: 'node-not-found' },
    });
    expect((await api.call('DELETE', bootProfile)).status).toBe(204);
  });

  it('is deleted as often as asked', async () => {
    await api.call('PUT', bootProfile, deploy);
    expect((await api.call('DELETE', bootProfile)).status).toBe(204);
    expect((await api.call('DELETE', bootProfile)).status).toBe(204);
    expect(await api.call('GET', bootProfile)).toMatchObject({
      status: 404,
      body: { code: 'boot-profile-not-found' },
    });
  });

  it.each<[string, unknown, readonly string[]]>([
    ['no kernel', { purpose: 'deploy' }, ['/kernel']],
    ['a kernel outside the root', { kernel: '../../etc/passwd' }, ['/kernel']],
    ['a ramdisk with a space', { kernel: 'k', ramdisk: 'a b' }, ['/ramdisk']],
    ['a URL that is none', { kernel: 'http://' }, ['/kernel']],
    ['a URL of another scheme', { kernel: 'nfs://host/k' }, ['/kernel']],
    [
      'a line end in the arguments',
      { kernel: 'k', kernel_append_params: 'a\nreboot' },
      ['/kernel_append_params'],
    ],
    ['a name and more', { name: 'rescue', kernel: 'k', policy: 'once' }, ['/kernel', '/policy']],
    ['an unknown name', { name: 'rescue' }, ['/name']],
  ])('cannot use %s', async (_name, body, pointers) => {
    const reply = await api.call('PUT', bootProfile, body);
    expect(reply.status).toBe(422);
    const { errors } = reply.body as { errors: { pointer: string }[] };
    expect(errors.map(({ pointer }) => pointer)).toEqual(pointers);
    expect(api.registry.bootOf(UUID)).toBeUndefined();
  });

  it.each<[string, unknown, string]>([
    ['an unknown key', { kernel: 'k', kernal: 'k' }, '/kernal'],
    ['an unknown policy', { kernel: 'k', policy: 'twice' }, '/policy'],
    ['a template with a path', { kernel: 'k', template: '../x' }, '/template'],
    [
      'arguments that no kernel takes',
      { kernel: 'k', kernel_append_params: 'a'.repeat(2048) },
      '/kernel_append_params',
    ],
  ])('refuses %s', async (_name, body, pointer) => {
    const reply = await api.call('PUT', bootProfile, body);
    expect(reply).toMatchObject({ status: 400, body: { code: 'invalid-document' } });
    const { errors } = reply.body as { errors: { pointer: string }[] };
    expect(errors.map((error) => error.pointer)).toContain(pointer);
  });

  it('refuses what a loader has no words for', async () => {
    expect(await api.call('PUT', bootProfile, { kernel: 'k', kernel_append_params: 'a ; b' })).toMatchObject({
      status: 422,
      body: { code: 'template-failed' },
    });
  });

  it.each<[string, unknown]>([
    ['the local disk', { policy: 'local-disk' }],
    ['a template without a kernel', { template: 'memtest' }],
    ['null for what is left out', { kernel: 'k', ramdisk: null, purpose: null, template: null, name: null }],
    ['a URL', { kernel: 'http://192.168.0.1:8080/k', ramdisk: 'https://images.example/r' }],
  ])('takes %s', async (_name, body) => {
    expect((await api.call('PUT', bootProfile, body)).status).toBe(200);
  });

  it('may depend on the ETag, which it shares with its node', async () => {
    await api.call('PUT', bootProfile, deploy);
    expect((await api.call('GET', `/v1/nodes/${UUID}`)).headers['etag']).toBe('"2"');
    expect((await api.call('PUT', bootProfile, { kernel: 'x' }, { 'if-match': '"1"' })).status).toBe(412);
    expect((await api.call('PUT', bootProfile, { kernel: 'x' }, { 'if-match': '"2"' })).status).toBe(200);
    expect((await api.call('PUT', bootProfile, { kernel: 'y' }, { 'if-none-match': '*' })).status).toBe(412);
    expect((await api.call('DELETE', bootProfile, undefined, { 'if-match': '"2"' })).status).toBe(412);
  });
});

describe('images by URL', () => {
  const SHA256 = 'ab'.repeat(32);
  const byUrl = { kernel: 'http://host/k', kernel_checksum: `sha256:${SHA256}` };

  it('have checksums that are read in every form, and shown in one', async () => {
    const reply = await api.call('PUT', bootProfile, {
      ...byUrl,
      ramdisk: 'file:///srv/r',
      ramdisk_checksum: 'CD'.repeat(16),
    });
    expect(reply).toMatchObject({
      status: 200,
      body: {
        ...byUrl,
        ramdisk_checksum: `md5:${'cd'.repeat(16)}`,
        warnings: [
          'kernel: http://host/k is not fetched yet, or no longer there',
          'ramdisk: file:///srv/r is not fetched yet, or no longer there',
        ],
      },
    });
    expect((await api.call('PUT', bootProfile, reply.body)).body).toEqual(reply.body);
  });

  it.each([
    [{ ...byUrl, kernel_checksum: 'sha256:12' }, '/kernel_checksum'],
    [{ ...byUrl, kernel: 'a/path' }, '/kernel'],
    [{ kernel: 'k', ramdisk_checksum: SHA256 }, '/ramdisk_checksum'],
    [{ kernel: 'file:///etc/shadow' }, '/kernel'],
  ])('%j is refused', async (profile, pointer) => {
    expect(await api.call('PUT', bootProfile, profile)).toMatchObject({
      status: 422,
      body: { code: 'invalid-value', errors: [{ pointer }] },
    });
  });

  it.each([
    ['source-failed', 'image-not-fetched', '/kernel'],
    ['checksum-mismatch', 'image-checksum-mismatch', '/kernel_checksum'],
    ['no-room', 'image-no-room', '/kernel'],
  ] as const)('that fail by %s are a problem, and nothing has changed', async (code, problem, pointer) => {
    api.imageFailure = { part: 'kernel', code, reason: 'words for people' };
    for (const path of [bootProfile, '/v1/profiles/shared']) {
      expect(await api.call('PUT', path, byUrl)).toMatchObject({
        status: 422,
        body: { code: problem, detail: 'words for people', errors: [{ pointer }] },
      });
      expect((await api.call('GET', path)).status).toBe(404);
    }
  });

  it('are listed with their progress', async () => {
    api.images = [
      {
        key: `sha256-${SHA256}`,
        state: 'fetching',
        url: 'http://host/k',
        size: 100,
        received: 40,
        inUse: false,
        lastUsedAt: undefined,
      },
    ];
    expect((await api.call('GET', '/v1/images')).body).toEqual({
      images: [
        {
          checksum: `sha256:${SHA256}`,
          state: 'fetching',
          url: 'http://host/k',
          size_bytes: 100,
          received_bytes: 40,
          in_use: false,
          last_used_at: null,
        },
      ],
    });
  });
});

describe('/v1/profiles', () => {
  const profile = '/v1/profiles/rescue';

  it('keeps a profile that nodes share', async () => {
    const reply = await api.call('PUT', profile, deploy);
    expect(reply).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(reply.body).toMatchObject({ ...deploy, name: 'rescue', policy: 'always', generation: 2 });
    expect(await api.call('PUT', bootProfile, { name: 'rescue' })).toMatchObject({ status: 200 });
    expect((await api.call('GET', bootProfile)).body).toEqual({
      name: 'rescue',
      done_at: null,
      generation: 3,
      warnings: [
        `kernel: there is no file ${deploy.kernel} below /tftpboot`,
        `ramdisk: there is no file ${deploy.ramdisk} below /tftpboot`,
      ],
    });
    expect(api.registry.portByMac(MAC)?.profile?.purpose).toBe('deploy');
  });

  it('lists them in the order of their names', async () => {
    await api.call('PUT', profile, deploy);
    await api.call('PUT', '/v1/profiles/discovery', deploy);
    const { profiles } = (await api.call('GET', '/v1/profiles')).body as { profiles: { name: string }[] };
    expect(profiles.map(({ name }) => name)).toEqual(['discovery', 'rescue']);
  });

  it('is not deleted while a node uses it', async () => {
    await api.call('PUT', profile, deploy);
    await api.call('PUT', bootProfile, { name: 'rescue' });
    expect(await api.call('DELETE', profile)).toMatchObject({
      status: 409,
      body: { code: 'profile-in-use' },
    });
    await api.call('DELETE', bootProfile);
    expect((await api.call('DELETE', profile)).status).toBe(204);
    expect((await api.call('DELETE', profile)).status).toBe(204);
    expect(await api.call('GET', profile)).toMatchObject({
      status: 404,
      body: { code: 'profile-not-found' },
    });
  });

  it('refuses another name than the path, and names that are none', async () => {
    expect(await api.call('PUT', profile, { ...deploy, name: 'other' })).toMatchObject({ status: 422 });
    expect(await api.call('PUT', '/v1/profiles/a%20b', deploy)).toMatchObject({
      status: 400,
      body: { code: 'invalid-path' },
    });
  });

  it('may depend on the ETag', async () => {
    await api.call('PUT', profile, deploy);
    expect((await api.call('PUT', profile, { kernel: 'x' }, { 'if-match': '"1"' })).status).toBe(412);
    expect((await api.call('PUT', profile, { kernel: 'x' }, { 'if-match': '"2"' })).status).toBe(200);
    expect((await api.call('DELETE', profile, undefined, { 'if-match': '"2"' })).status).toBe(412);
  });
});
