import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { needs } from '../lab/needs.ts';

needs('promtool');

const root = join(import.meta.dirname, '../..');

/** promtool's answer; fails with what it says. */
async function promtool(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('promtool', args, { cwd: root, timeout: 120_000 });
  return stdout;
}

test('Prometheus takes the alert rules', async () => {
  expect(await promtool('check', 'rules', 'docs/monitoring/alerts.yaml')).toMatch(/SUCCESS: \d+ rules found/);
});

test('Prometheus takes the example of its own configuration, with the rules beside it', async () => {
  expect(await promtool('check', 'config', 'docs/monitoring/scrape.yaml')).toMatch(/1 rule files found/);
});

test('alerts ring when they should, and not else', async () => {
  expect(await promtool('test', 'rules', 'test/data/monitoring/alerts.test.yaml')).toMatch(/SUCCESS/);
});
