import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { debianPackages } from '../../lab/tools.ts';

test('CI installs every package that a test may ask for', () => {
  const script = readFileSync(new URL('../../../.ci/install-tools', import.meta.url), 'utf8');
  const [, list = ''] = /^packages=\(\n([^)]*)^\)/m.exec(script) ?? [];
  const installed = list.replace(/#.*/g, '').split(/\s+/);
  expect(debianPackages().filter((one) => !installed.includes(one))).toEqual([]);
});
