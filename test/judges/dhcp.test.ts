import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { needs } from '../lab/needs.ts';
import { BackgroundProcess } from '../lab/processes.ts';
import { BOOTD, judge } from './folder.ts';

needs('namespaces', 'judge-tools');

/** One case of the prober. */
interface Case {
  readonly name: string;
  readonly level: 'must' | 'should' | 'info';
  readonly result: string;
  readonly detail: string;
}

test('the DHCP prober finds nothing wrong: every must and every should', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bootd-dhcp-judge-'));
  const result = join(folder, 'result.json');
  const run = BackgroundProcess.start(
    'run-against.sh',
    judge('conformance/dhcp/run-against.sh'),
    ['-n', 'bootd', '-o', result, '$DHCP_REF/run-bootd.sh'],
    { BOOTD, DHCP_NS_PREFIX: 'bootd-judge-' },
  );
  try {
    await run.ended;
    const cases = JSON.parse(await readFile(result, 'utf8').catch(() => '[]')) as readonly Case[];
    expect(cases.length, run.tail()).toBeGreaterThan(100);
    const wrong = cases.filter((one) => one.level !== 'info' && one.result !== 'pass');
    expect(wrong.map((one) => `${one.level} ${one.name}: ${one.result} ${one.detail}`)).toEqual([]);
  } finally {
    await run.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
