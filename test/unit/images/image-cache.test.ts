import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { imageKey, type ImageSource } from '../../../src/boot/cached-image.ts';
import type { ChecksumAlgorithm } from '../../../src/boot/image-checksum.ts';
import { ImageCache, type ImageCacheOptions } from '../../../src/images/image-cache.ts';

const IMAGE = randomBytes(1_000_000);

let folder: string;
let requests: string[];
let used: Set<string>;
let events: string[];
let now: number;
let routes: Record<string, (request: IncomingMessage, response: ServerResponse) => void>;
let server: Server;
let base: string;
const caches: ImageCache[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-images-'));
  requests = [];
  used = new Set();
  events = [];
  now = 1_000_000_000_000;
  routes = { '/image': (_, response) => void response.end(IMAGE) };
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    const route = routes[request.url ?? ''];
    if (route === undefined) response.writeHead(404).end();
    else route(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await Promise.all(caches.splice(0).map((cache) => cache.close()));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function openCache(options: Partial<ImageCacheOptions> = {}): Promise<ImageCache> {
  const cache = new ImageCache({
    folder,
    maxBytes: 10_000_000,
    timeoutMs: 10_000,
    silenceMs: 5000,
    now: () => now,
    inUse: () => used,
    listener: {
      started: ({ source }) => events.push(`started ${source.url}`),
      progressed: () => undefined,
      ended: ({ source }, failure) => events.push(`${failure?.code ?? 'done'} ${source.url}`),
      evicted: ({ key }) => events.push(`evicted ${key}`),
    },
    ...options,
  });
  caches.push(cache);
  await cache.open();
  return cache;
}

function sourceOf(url: string, octets: Uint8Array, algorithm: ChecksumAlgorithm = 'sha256'): ImageSource {
  return { url, checksum: { algorithm, digest: createHash(algorithm).update(octets).digest('hex') } };
}

/** Serves octets under a path of their own. */
function serve(path: string, octets: Uint8Array): ImageSource {
  routes[path] = (_, response) => void response.end(octets);
  return sourceOf(base + path, octets);
}

const files = (): string[] => readdirSync(folder).sort();

describe('an image', () => {
  it.each(['md5', 'sha256', 'sha512'] as const)(
    'is fetched once and kept by its %s checksum',
    async (algorithm) => {
      const cache = await openCache();
      const source = sourceOf(`${base}/image`, IMAGE, algorithm);
      for (let again = 0; again < 3; again += 1) (await cache.hold(source))();
      expect(requests).toEqual(['/image']);
      expect(files()).toEqual([imageKey(source.checksum)]);
      expect(readFileSync(join(folder, imageKey(source.checksum))).equals(IMAGE)).toBe(true);
      expect(cache.list()).toEqual([{ key: imageKey(source.checksum), size: 1_000_000, lastUsedAt: now }]);
    },
  );

  it('that many want at the same time is fetched once', async () => {
    const cache = await openCache();
    const source = sourceOf(`${base}/image`, IMAGE);
    await Promise.all(Array.from({ length: 10 }, () => cache.hold(source)));
    expect(requests).toEqual(['/image']);
  });

  it('waits for its turn when many are on their way', async () => {
    const cache = await openCache();
    const answers: (() => void)[] = [];
    const sources = Array.from({ length: 6 }, (_, index) => {
      const octets = Buffer.alloc(1000, index + 1);
      routes[`/${index}`] = (_request, response) => void answers.push(() => void response.end(octets));
      return sourceOf(`${base}/${index}`, octets);
    });
    const held = sources.map((source) => cache.hold(source));
    await vi.waitFor(() => expect(answers).toHaveLength(4));
    expect(cache.fetches()).toHaveLength(6);
    for (let index = 0; index < 6; index += 1) {
      await vi.waitFor(() => expect(answers.length).toBeGreaterThan(index));
      answers[index]?.();
    }
    await Promise.all(held);
    expect(cache.list()).toHaveLength(6);
  });

  it('comes from the second place when the first one fails', async () => {
    const cache = await openCache();
    const dead = cache.hold(sourceOf(`${base}/missing`, IMAGE));
    const alive = cache.hold(sourceOf(`${base}/image`, IMAGE));
    await expect(dead).rejects.toMatchObject({ code: 'source-failed' });
    await alive;
    expect(requests).toEqual(['/missing', '/image']);
  });

  it('is still there after a restart, and what was half-fetched is not', async () => {
    const source = sourceOf(`${base}/image`, IMAGE);
    await (await openCache()).hold(source);
    writeFileSync(join(folder, 'partial-7'), 'half');
    writeFileSync(join(folder, 'readme'), 'of the admin');
    const again = await openCache();
    expect(again.has(imageKey(source.checksum))).toBe(true);
    await again.hold(source);
    expect(requests).toEqual(['/image']);
    expect(files()).toEqual(['readme', imageKey(source.checksum)].sort());
  });

  it('of a file of this host is taken in', async () => {
    const file = join(folder, 'an image with spaces');
    writeFileSync(file, IMAGE);
    const cache = await openCache({ folder: join(folder, 'cache') });
    await cache.hold(sourceOf(pathToFileURL(file).href, IMAGE));
    expect(readdirSync(join(folder, 'cache'))).toHaveLength(1);
  });

  it('is no pipe, which would be waited for', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const cache = await openCache({ folder: join(folder, 'cache') });
    await expect(cache.hold(sourceOf(pathToFileURL(pipe).href, IMAGE))).rejects.toThrow('is no regular file');
  });

  it('is followed over redirects', async () => {
    routes['/a'] = (_, response) => void response.writeHead(302, { location: '/b' }).end();
    routes['/b'] = (_, response) => void response.writeHead(307, { location: `${base}/image` }).end();
    const cache = await openCache();
    await cache.hold(sourceOf(`${base}/a`, IMAGE));
    expect(requests).toEqual(['/a', '/b', '/image']);
  });

  it('that the server calls gzip is kept as it is', async () => {
    const packed = gzipSync(IMAGE);
    routes['/initrd.gz'] = (_, response) =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    const cache = await openCache();
    await cache.hold(sourceOf(`${base}/initrd.gz`, packed));
    expect(cache.list()).toMatchObject([{ size: packed.length }]);
  });

  it('tells how far it is', async () => {
    let finish = (): void => undefined;
    routes['/slow'] = (_, response) => {
      response.writeHead(200, { 'content-length': IMAGE.length });
      response.write(IMAGE.subarray(0, 1000));
      finish = () => void response.end(IMAGE.subarray(1000));
    };
    const cache = await openCache();
    const held = cache.hold(sourceOf(`${base}/slow`, IMAGE));
    await vi.waitFor(() => expect(cache.fetches()).toMatchObject([{ received: 1000, size: 1_000_000 }]));
    // Nothing of it has the name that machines know it by.
    expect(files()).toEqual(['partial-1']);
    expect(cache.list()).toEqual([]);
    finish();
    await held;
    expect(cache.fetches()).toEqual([]);
  });
});

describe('a source', () => {
  const dead: Record<string, [(request: IncomingMessage, response: ServerResponse) => void, RegExp]> = {
    'that has no such file': [
      (_, response) => void response.writeHead(404).end(),
      /\/x answers 404 Not Found$/,
    ],
    'that fails': [(_, response) => void response.writeHead(503).end(), /answers 503/],
    'that goes in circles': [
      (_, response) => void response.writeHead(302, { location: '/x' }).end(),
      /redirects more than 5 times$/,
    ],
    'that leads to a file of this host': [
      (_, response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      /redirects to file:\/\/\/etc\/passwd, which is no http or https URL$/,
    ],
    'that breaks off': [
      (_, response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('half');
        setTimeout(() => response.destroy(), 20);
      },
      /cannot fetch .*\/x: .*(ECONNRESET|aborted)/,
    ],
    'that falls silent': [
      (_, response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('half');
      },
      /\/x was silent for 0\.2 s$/,
    ],
    'that never answers': [() => undefined, /\/x was silent for 0\.2 s$/],
  };

  it.each(Object.entries(dead))(
    '%s is an error in words, and leaves nothing behind',
    async (_, [route, words]) => {
      routes['/x'] = route;
      const cache = await openCache({ silenceMs: 200 });
      await expect(cache.hold(sourceOf(`${base}/x`, IMAGE))).rejects.toMatchObject({
        code: 'source-failed',
        message: expect.stringMatching(words) as string,
      });
      expect(files()).toEqual([]);
      expect(cache.list()).toEqual([]);
    },
  );

  it('that drips is given up when its time is over', async () => {
    routes['/x'] = (_, response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    };
    const cache = await openCache({ timeoutMs: 300 });
    await expect(cache.hold(sourceOf(`${base}/x`, IMAGE))).rejects.toMatchObject({
      code: 'source-failed',
      message: `${base}/x was not there whole after 0.3 s`,
    });
    expect(files()).toEqual([]);
  });

  it('that nobody listens at is an error', async () => {
    const cache = await openCache();
    await expect(cache.hold(sourceOf('http://127.0.0.1:1/x', IMAGE))).rejects.toThrow(/ECONNREFUSED/);
    await expect(cache.hold(sourceOf('file:///no/such/file', IMAGE))).rejects.toThrow(/ENOENT/);
    await expect(cache.hold(sourceOf('file:///etc', IMAGE))).rejects.toThrow(/\/etc is no regular file$/);
  });

  it('of other octets is an error that has both checksums', async () => {
    routes['/x'] = (_, response) => void response.end('something else');
    const cache = await openCache();
    const source = sourceOf(`${base}/x`, IMAGE);
    await expect(cache.hold(source)).rejects.toMatchObject({
      code: 'checksum-mismatch',
      message: expect.stringContaining(source.checksum.digest) as string,
    });
    expect(files()).toEqual([]);
    // It is asked anew each time: the source may have been mended.
    routes['/x'] = routes['/image'] ?? routes['/x'];
    await cache.hold(source);
  });

  it('of this host is an error that does not tell the checksum of a file', async () => {
    const path = join(folder, 'secret');
    writeFileSync(path, 'something else');
    const cache = await openCache();
    const url = pathToFileURL(path).href.replace('file:', 'FILE:');
    const source = sourceOf(url, IMAGE);
    await expect(cache.hold(source)).rejects.toMatchObject({
      code: 'checksum-mismatch',
      message: `${url} does not have the ${source.checksum.algorithm} checksum ${source.checksum.digest}`,
    });
  });
});

describe('room', () => {
  const octets = (seed: number): Buffer => Buffer.alloc(400_000, seed);

  it('is made by what was not used for longest', async () => {
    const cache = await openCache({ maxBytes: 1_000_000 });
    const [a, b, c] = [serve('/a', octets(1)), serve('/b', octets(2)), serve('/c', octets(3))];
    for (const source of [a, b]) {
      (await cache.hold(source))();
      now += 7_200_000;
    }
    cache.used(imageKey(a.checksum));
    (await cache.hold(c))();
    expect(cache.list().map(({ key }) => key)).toEqual([imageKey(a.checksum), imageKey(c.checksum)].sort());
    expect(files()).toEqual([imageKey(a.checksum), imageKey(c.checksum)].sort());
    expect(events).toContain(`evicted ${imageKey(b.checksum)}`);
  });

  it('is not made by what profiles use, or somebody is about to', async () => {
    const cache = await openCache({ maxBytes: 1_000_000 });
    const [a, b, c] = [serve('/a', octets(1)), serve('/b', octets(2)), serve('/c', octets(3))];
    (await cache.hold(a))();
    used.add(imageKey(a.checksum));
    const letGo = await cache.hold(b);
    await expect(cache.hold(c)).rejects.toMatchObject({
      code: 'no-room',
      message: `${base}/c has 400000 octets, and 200000 of images.max-bytes (1000000) are not taken by images that profiles use`,
    });
    letGo();
    letGo();
    (await cache.hold(c))();
    expect(events).toContain(`evicted ${imageKey(b.checksum)}`);
    expect(cache.has(imageKey(a.checksum))).toBe(true);
  });

  it('is not made for what has no room even then', async () => {
    const cache = await openCache({ maxBytes: 1_000_000 });
    const [a, b] = [serve('/a', octets(1)), serve('/b', octets(2))];
    (await cache.hold(a))();
    (await cache.hold(b))();
    // A source can announce what it likes.
    for (const size of [1_000_001, 2 ** 50]) {
      routes['/huge'] = (_, response) => response.writeHead(200, { 'content-length': size }).flushHeaders();
      await expect(cache.hold(sourceOf(`${base}/huge`, IMAGE))).rejects.toMatchObject({ code: 'no-room' });
    }
    expect(files()).toEqual([imageKey(a.checksum), imageKey(b.checksum)].sort());
  });

  it('is taken from nobody else by what has no room', async () => {
    const cache = await openCache({ maxBytes: 1_000_000 });
    const [old, good] = [serve('/old', octets(1)), serve('/good', octets(2))];
    (await cache.hold(old))();
    let finish: () => void = () => undefined;
    routes['/slow'] = (_, response) => {
      response.writeHead(200, { 'content-length': 400_000 }).write(octets(3).subarray(0, 1000));
      finish = () => void response.end(octets(3).subarray(1000));
    };
    const slow = cache.hold(sourceOf(`${base}/slow`, octets(3)));
    await vi.waitFor(() => expect(cache.fetches()[0]?.received).toBe(1000));
    routes['/huge'] = (_, response) => response.writeHead(200, { 'content-length': 2 ** 50 }).flushHeaders();
    const huge = cache.hold(sourceOf(`${base}/huge`, IMAGE));
    const [refused] = await Promise.allSettled([huge, cache.hold(good)]);
    expect(refused).toMatchObject({ reason: { code: 'no-room' } });
    finish();
    await slow;
    expect(cache.has(imageKey(good.checksum))).toBe(true);
  });

  it('is not exceeded by what does not say how large it is', async () => {
    routes['/endless'] = (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    };
    const cache = await openCache({ maxBytes: 500_000 });
    await expect(cache.hold(sourceOf(`${base}/endless`, IMAGE))).rejects.toMatchObject({ code: 'no-room' });
    expect(files()).toEqual([]);
  });

  it('is refused before anything is fetched when the size is known', async () => {
    const cache = await openCache({ maxBytes: 999_999 });
    await expect(cache.hold(sourceOf(`${base}/image`, IMAGE))).rejects.toMatchObject({ code: 'no-room' });
  });
});

it('gives a fetch up when it is closed', async () => {
  routes['/never'] = () => undefined;
  const cache = await openCache();
  const held = cache.hold(sourceOf(`${base}/never`, IMAGE));
  await vi.waitFor(() => expect(requests).toEqual(['/never']));
  await cache.close();
  await expect(held).rejects.toThrow(/was given up, since bootd stops$/);
  expect(files()).toEqual([]);
});
