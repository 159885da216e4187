import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi } from './api.ts';

const FOLDER = fileURLToPath(new URL('../../../status-page', import.meta.url));
const SCRIPTS = readdirSync(FOLDER).filter((name) => name.endsWith('.js'));

let api: TestApi;
beforeAll(async () => {
  api = new TestApi();
  await api.open({ kind: 'read-only', token: undefined });
});
afterAll(() => api.close());

describe('GET /', () => {
  it('is the page, by its own policy, and revalidated', async () => {
    const page = await api.call('GET', '/');
    expect(page.status).toBe(200);
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringContaining("default-src 'none'; script-src 'self';") as string,
    });
    expect(page.headers['content-security-policy']).not.toMatch(/unsafe|\*|data:|https?:/);
    const again = await api.call('GET', '/', undefined, { 'if-none-match': String(page.headers['etag']) });
    expect([again.status, again.body]).toEqual([304, '']);
    expect(await api.call('GET', '/', undefined, { 'if-none-match': '"other"' })).toMatchObject({
      status: 200,
    });
    expect(await api.call('HEAD', '/')).toMatchObject({ status: 200, body: '' });
  });

  it('names nothing but files that are served, by the media types that browsers want', async () => {
    const { body } = await api.call('GET', '/');
    const named = [...String(body).matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, name]) => name ?? '');
    const imported = SCRIPTS.flatMap((script) =>
      [...readFileSync(join(FOLDER, script), 'utf8').matchAll(/^(?:import|\} from) .*'\.\/([^']+)';$/gm)].map(
        ([, name]) => `page/${name ?? ''}`,
      ),
    );
    for (const name of new Set([...named, ...imported])) {
      const { status, headers } = await api.call('GET', `/${name}`);
      expect([name, status]).toEqual([name, 200]);
      const type = name.endsWith('.js')
        ? 'text/javascript'
        : name.endsWith('.css')
          ? 'text/css'
          : 'image/svg+xml';
      expect(headers['content-type']).toContain(type);
    }
    expect(imported.length).toBeGreaterThan(20);
  });

  it('has nothing else of the folder', async () => {
    for (const path of [
      '/page/tsconfig.json',
      '/page/',
      '/page/../package.json',
      '/page/..%2fpackage.json',
    ]) {
      expect((await api.call('GET', path)).status).toBe(404);
    }
  });
});

describe('the scripts', () => {
  // The policy would stop most of this in browsers that have trusted types; the others have only this test.
  it.each(SCRIPTS)('%s makes no markup out of text, and runs none', (script) => {
    const text = readFileSync(join(FOLDER, script), 'utf8').replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
    expect(text).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|createContextualFragment|DOMParser|srcdoc|localStorage|sessionStorage|document\.cookie|'style'/,
    );
  });
});

describe('every other answer', () => {
  it.each(['/v1/nodes', '/healthz', '/nowhere', '/v1/leases/x'])(
    '%s is data for this origin',
    async (path) => {
      expect((await api.call('GET', path)).headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.stringContaining("default-src 'none'") as string,
        'cross-origin-resource-policy': 'same-origin',
      });
    },
  );

  it('is refused to the name of a stranger, and to a page of his', async () => {
    expect(await api.call('GET', '/', undefined, { host: 'evil.example.net' })).toMatchObject({
      status: 421,
      body: { code: 'wrong-host' },
    });
    expect(
      await api.call('DELETE', '/v1/leases/192.168.0.1', undefined, { 'sec-fetch-site': 'cross-site' }),
    ).toMatchObject({ status: 403, body: { code: 'foreign-page' } });
  });
});
