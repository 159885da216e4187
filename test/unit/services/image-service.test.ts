import { createHash } from 'node:crypto';
import {
  mkdtempSync,
  readdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  closeSync,
  readFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { imagePath } from '../../../src/boot/cached-image.ts';
import { NodeRegistry } from '../../../src/boot/node-registry.ts';
import type { BootProfile } from '../../../src/boot/boot-profile.ts';
import { systemClock } from '../../../src/io/clock.ts';
import { BootTree } from '../../../src/services/boot-tree.ts';
import { ImageService } from '../../../src/services/image-service.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { startHttpBoot, ask } from './http-boot-harness.ts';
import { fetchFile, startTftp } from './tftp-harness.ts';

const KERNEL = Buffer.alloc(300_000, 'kernel');

let folder: string;
let lines: Record<string, unknown>[];
let registry: NodeRegistry;
let service: ImageService;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-image-service-'));
  lines = [];
  registry = new NodeRegistry();
  writeFileSync(join(folder, 'kernel'), KERNEL);
  service = createService();
  await service.start();
});

afterEach(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

function createService(): ImageService {
  return new ImageService({
    settings: { cacheDirectory: join(folder, 'cache'), maxBytes: 1_000_000, timeoutSeconds: 10 },
    registry,
    clock: systemClock,
    logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
    metrics: createMetrics(),
  });
}

const checksum = { algorithm: 'sha256', digest: createHash('sha256').update(KERNEL).digest('hex') } as const;
const profile = (): BootProfile => ({
  purpose: undefined,
  kernel: `file://${folder}/kernel`,
  ramdisk: undefined,
  kernelChecksum: checksum,
  kernelAppendParams: '',
  template: undefined,
  policy: 'always',
});
const path = (): string => imagePath({ url: `file://${folder}/kernel`, checksum });
const events = (): unknown[] => lines.map((line) => line['event']);

/** As the node service does it. */
async function use(): Promise<void> {
  const held = await service.holdFor(profile());
  if (typeof held !== 'function') throw new Error(held.reason);
  const shared = { name: 'shared', profile: profile(), generation: 1 };
  registry.apply([{ kind: 'shared-profile.put', shared }]);
  held();
}

describe('an image of a profile', () => {
  it('is there before the profile is, and is told of', async () => {
    await use();
    expect(service.list()).toMatchObject([
      { state: 'ready', url: `file://${folder}/kernel`, size: 300_000, received: 300_000, inUse: true },
    ]);
    expect(events()).toEqual(['image.fetch.started', 'image.fetch.done']);
  });

  it('that cannot be had is a failure in words', async () => {
    writeFileSync(join(folder, 'kernel'), 'another');
    const failure = await service.holdFor(profile());
    expect(failure).toMatchObject({ part: 'kernel', code: 'checksum-mismatch' });
    expect(service.list()).toEqual([]);
    expect(events()).toEqual(['image.fetch.started', 'image.fetch.failed']);
  });

  it('is opened by its path, and no other file is', async () => {
    await use();
    const opened = await service.open(path());
    if (opened?.kind !== 'file') throw new Error('it is not served');
    expect(readFileSync(opened.fd).equals(KERNEL)).toBe(true);
    closeSync(opened.fd);
    expect(await service.open(path().replace(/[0-9a-f]{10}/, '0000000000'))).toMatchObject({
      reason: 'not-found',
    });
    expect(await service.open('kernel')).toBeUndefined();
    expect(await service.open('bootd-images/partial-1/x')).toBeUndefined();
  });

  it('is fetched again at start when somebody deleted it', async () => {
    await use();
    const [name = ''] = readdirSync(join(folder, 'cache'));
    unlinkSync(join(folder, 'cache', name));
    expect(await service.open(path())).toMatchObject({ kind: 'failed', reason: 'not-found' });
    expect(service.list()).toEqual([]);
    const next = createService();
    await next.start();
    await vi.waitFor(() => expect(next.list()).toMatchObject([{ state: 'ready', inUse: true }]));
    await next.stop();
  });

  it('goes over HTTP and TFTP like any file, under each of its names', async () => {
    await use();
    const images = { open: (name: string) => service.open(name) };
    const http = await startHttpBoot({ images });
    const tftp = await startTftp({ images });
    try {
      for (const name of [path(), `/${path()}`, `//tftpboot/${path()}`]) {
        expect((await ask(http, name.startsWith('/') ? name : `/${name}`)).body.equals(KERNEL)).toBe(true);
      }
      const tag = (await ask(http, `/${path()}`)).headers.etag;
      expect((await ask(http, `/${path()}`, { headers: { 'If-None-Match': tag ?? '' } })).status).toBe(304);
      expect((await fetchFile(tftp.port, path())).bytes.equals(KERNEL)).toBe(true);
    } finally {
      await Promise.all([http.stop(), tftp.stop()]);
    }
  });
});

describe('the tree', () => {
  it('has nothing where there is neither an image nor a root', async () => {
    const tree = new BootTree(service, undefined);
    expect(await tree.open('kernel')).toMatchObject({ kind: 'failed', reason: 'not-found' });
    expect(await new BootTree(undefined, undefined).open(path())).toMatchObject({ reason: 'not-found' });
  });
});
