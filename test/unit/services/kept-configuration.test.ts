import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { KeptConfiguration } from '../../../src/services/kept-configuration.ts';

const PATIENCE = { timeout: 20_000, interval: 20 };

let folder: string;
let file: string;
let lines: string[];
let kept: KeptConfiguration;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-kept-'));
  file = join(folder, 'bootd.yaml');
  writeFileSync(file, 'one');
  lines = [];
  const readText = (name: string): string => readFileSync(name, 'utf8');
  const logger = pino({}, { write: (line) => lines.push(line) });
  kept = new KeptConfiguration({ file, text: 'one', readText }, logger);
});

afterEach(async () => {
  await kept.stop();
  rmSync(folder, { recursive: true });
});

const isOther = (): void => expect(kept.problems).toEqual([expect.stringContaining('begin another one')]);

it('is a problem, said once, from when the file is another one until it is the same again', async () => {
  await kept.start();
  expect(kept.problems).toEqual([]);
  writeFileSync(file, 'two');
  await vi.waitFor(isOther, PATIENCE);
  rmSync(file);
  await new Promise((resolve) => setTimeout(resolve, 400));
  isOther();
  expect(lines).toEqual([expect.stringContaining('"config.warned"')]);
  writeFileSync(file, 'one');
  await vi.waitFor(() => expect(kept.problems).toEqual([]), PATIENCE);
});

it('notices what was written before it began to watch', async () => {
  writeFileSync(file, 'two');
  await kept.start();
  isOther();
});
