import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import Module from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/** Node's own loader of packages, as far as this test replaces it. */
const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
const load = loader._load;

beforeAll(() => {
  vi.resetModules();
  loader._load = (request, ...rest) => {
    if (request === 'koffi') throw new Error("Cannot find module 'koffi'");
    return load.call(Module, request, ...rest);
  };
});

afterAll(() => {
  loader._load = load;
  vi.resetModules();
});

const IMAGE = randomBytes(300_000);

describe('TFTP without koffi', () => {
  it.each([
    ['', {}],
    [' from a range of ports', { portRange: { first: 42_200, last: 42_209 } }],
  ])('sends files one packet a system call%s', async (_title, settings) => {
    const { fetchFile, option, startTftp } = await import('./tftp-harness.ts');
    const tftp = await startTftp({
      settings,
      prepare: (root) => writeFileSync(join(root, 'image'), IMAGE),
    });
    try {
      expect(tftp.log).toMatchObject([{ event: 'tftp.socket.opened', batched: false }]);
      const options = [option('blksize', 1408), option('windowsize', 8)];
      const all = await Promise.all(Array.from({ length: 8 }, () => fetchFile(tftp.port, 'image', options)));
      expect(all.every(({ bytes }) => bytes.equals(IMAGE))).toBe(true);
      await expect(fetchFile(tftp.port, 'missing')).rejects.toThrow('File not found');
    } finally {
      await tftp.stop();
    }
  });

  it('sends them from one port too', async () => {
    const { fetchFile, openHandClient, startTftp } = await import('./tftp-harness.ts');
    const probe = await openHandClient(0);
    const { port } = probe;
    probe.close();
    const tftp = await startTftp({
      settings: { singlePort: true, port },
      prepare: (root) => writeFileSync(join(root, 'image'), IMAGE),
    });
    try {
      expect((await fetchFile(port, 'image')).bytes.equals(IMAGE)).toBe(true);
    } finally {
      await tftp.stop();
    }
  });
});
