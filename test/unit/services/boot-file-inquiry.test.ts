import { createHash } from 'node:crypto';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { expectFile } from '../../../src/services/boot-file-inquiry.ts';
import { OpenedFile } from '../../../src/services/boot-file-opener.ts';
import { refusal } from '../../../src/services/tftp-resolver.ts';
import { ipv4, UUID } from '../boot/samples.ts';

const PEER = ipv4('192.168.0.60');

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'bootd-inquiry-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

it.each([0, 1, 300_000])('reads a file of %d octets from disk, and closes it', async (size) => {
  const octets = Buffer.alloc(size, 'boot');
  const file = join(folder, 'file');
  writeFileSync(file, octets);
  const fd = openSync(file, 'r');
  const opened = new OpenedFile({ kind: 'file', fd, size, identity: '', modifiedAt: 0 }, 1);
  const inquire = () => Promise.resolve({ kind: 'file', path: 'file', opened } as const);
  expect(await expectFile({ inquire }, 'file', PEER)).toMatchObject({
    ...{ kind: 'file', source: 'disk', path: 'file', octets: size, sha256: sha256(octets) },
  });
  // Its number is free again for whoever opens next.
  await expect.poll(() => openSync(file, 'r')).toBeLessThanOrEqual(fd);
});

it('knows what is rendered, for whom, and of which generation', async () => {
  const bytes = new TextEncoder().encode('default boot\n');
  const rendered = { bytes, node: UUID, generation: 7 };
  const inquire = () =>
    Promise.resolve({ kind: 'rendered', path: 'pxelinux.cfg/default', rendered, origin: 'machine' } as const);
  expect(await expectFile({ inquire }, '/pxelinux.cfg/default', PEER)).toEqual({
    ...{ kind: 'file', source: 'rendered', path: 'pxelinux.cfg/default' },
    ...{ octets: 13, sha256: sha256(bytes), node: UUID, generation: 7 },
  });
});

it('knows what is refused', async () => {
  const inquire = () => Promise.resolve(refusal('not-found'));
  expect(await expectFile({ inquire }, 'x', PEER)).toEqual({
    kind: 'refused',
    code: 1,
    message: 'File not found',
  });
});
