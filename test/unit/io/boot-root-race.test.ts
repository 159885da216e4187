import { closeSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BootRoot } from '../../../src/io/boot-root.ts';

/** Exchanges the names of its list, as fast as it can, until it is ended. */
const SWAPPER = `
const { renameSync } = require('node:fs');
const { workerData, parentPort } = require('node:worker_threads');
const [name, inside, outside] = workerData;
parentPort.postMessage('begun');
for (;;) {
  renameSync(name, inside);
  renameSync(outside, name);
  renameSync(name, outside);
  renameSync(inside, name);
}`;

const OPENINGS = 3000;

let folder: string;
let root: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-race-'));
  root = join(folder, 'root');
  mkdirSync(join(root, 'dir'), { recursive: true });
  mkdirSync(join(folder, 'elsewhere'));
  writeFileSync(join(root, 'file'), 'inside');
  writeFileSync(join(root, 'dir', 'file'), 'inside');
  writeFileSync(join(folder, 'elsewhere', 'file'), 'secret');
  symlinkSync(join(folder, 'elsewhere', 'file'), join(root, 'link'));
  symlinkSync(join(folder, 'elsewhere'), join(root, 'link-dir'));
});

afterEach(() => rmSync(folder, { recursive: true }));

it.each([
  { what: 'a file', asked: 'file', name: 'file', link: 'link' },
  { what: 'a folder on the way to it', asked: 'dir/file', name: 'dir', link: 'link-dir' },
])('never serves what is outside while $what is exchanged for a link again and again', async (row) => {
  const names = [join(root, row.name), join(root, 'aside'), join(root, row.link)];
  const swapper = new Worker(SWAPPER, { eval: true, workerData: names });
  await new Promise((resolve) => swapper.once('message', resolve));
  const boot = new BootRoot({ root, followSymlinksTo: [], permissive: false, chrootLinks: false });
  const seen = new Map<string, number>();
  for (let count = 0; count < OPENINGS; count += 1) {
    const outcome = await boot.open(row.asked);
    const what = outcome.kind === 'failed' ? outcome.reason : readFileSync(outcome.fd, 'utf8');
    if (outcome.kind === 'file') closeSync(outcome.fd);
    seen.set(what, (seen.get(what) ?? 0) + 1);
  }
  await swapper.terminate();
  expect(seen.get('secret')).toBeUndefined();
  // The exchange was met at each of its stages, or nothing was shown.
  expect(seen.get('inside')).toBeGreaterThan(0);
  expect(seen.get('outside-root')).toBeGreaterThan(0);
});
