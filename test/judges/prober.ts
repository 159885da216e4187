import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { BackgroundProcess } from '../lab/processes.ts';
import { BOOTD, judge } from './folder.ts';

/** One case of the DHCP prober. */
interface Case {
  readonly name: string;
  readonly level: 'must' | 'should' | 'info';
  readonly result: string;
  readonly detail: string;
}

/**
 * Lets the DHCP prober judge the server that `command` starts in the foreground, in namespaces of its own; the command
 * finds $DHCP_IFACE, $DHCP_STATE and $BOOTD. Fails when one case that is more than information does not pass.
 */
export async function expectProberPasses(
  command: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bootd-dhcp-judge-'));
  const result = join(folder, 'result.json');
  const run = BackgroundProcess.start(
    'run-against.sh',
    judge('conformance/dhcp/run-against.sh'),
    ['-n', 'bootd', '-o', result, command],
    { BOOTD, DHCP_NS_PREFIX: 'bootd-judge-', ...environment },
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
}
