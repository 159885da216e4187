import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BackgroundProcess } from '../lab/processes.ts';
import { run, type Run } from '../unit/cli/run.ts';
import { judge } from './folder.ts';

// A BMC that was written apart from this project, with both of its cipher suites and its faults.

let folder: string;
let simulator: BackgroundProcess;
const port = 29_623 + (process.pid % 10_000);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bootd-bmc-judge-'));
  await writeFile(join(folder, 'password'), 'secret\n');
  await writeFile(join(folder, 'wrong'), 'nope\n');
  simulator = BackgroundProcess.start('bmc-sim', process.execPath, [
    ...[judge('lab/bmc/bmc-sim.mjs'), '--port', String(port), '--events', join(folder, 'events')],
    ...['--state', join(folder, 'state'), '--drop-every', '4', '--delay-ms', '5'],
  ]);
  await simulator.waitForLine(/listening/, 30_000);
});
afterAll(async () => {
  await simulator.stop();
  await rm(folder, { recursive: true, force: true });
});

function bootd(words: readonly string[], user = 'admin', password = 'password'): Promise<Run> {
  const login = ['--user', user, '--password-file', join(folder, password)];
  return run([...words, '--host', '127.0.0.1', '--port', String(port), ...login]);
}

it.each(['3', '17'])(
  'every command under cipher suite %s, on a wire that loses every fourth reply',
  async (suite) => {
    const command = (...words: string[]): Promise<Run> => bootd([...words, '--cipher-suite', suite]);
    expect((await command('power', 'off')).code).toBe(0);
    expect((await command('power', 'reset')).err).toContain('not possible in the present state');
    expect((await command('bootdev', 'pxe', '--uefi')).code).toBe(0);
    expect((await command('bootdev', 'show', '--json')).out).toContain('"in_force": true');
    expect((await command('power', 'on')).code).toBe(0);
    expect((await command('power', 'status')).out).toMatch(/^power: +on$/m);
    const state = JSON.parse(await readFile(join(folder, 'state'), 'utf8')) as { lastBoot: unknown };
    expect(state.lastBoot).toEqual({ valid: true, persistent: false, efi: true, device: 'pxe' });
    expect((await command('bmc', 'info')).code).toBe(0);
  },
);

it('is pinged', async () => {
  const { code, out } = await run(['bmc', 'ping', '--host', '127.0.0.1', '--port', String(port), '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    pong: { ipmi: true, asf: true },
    ipmi: { versions: expect.arrayContaining(['2.0']) as string[], chosen_suite: 17 },
  });
});

it.each([
  ['an unknown user', 'nobody', 'password', [], 'wrong-username'],
  ['a wrong password', 'admin', 'wrong', [], 'wrong-password'],
  ['a suite that it refuses', 'admin', 'password', ['--cipher-suite', '16'], 'unsupported-suite'],
])('%s has an error of its own', async (_what, user, password, more, code) => {
  expect((await bootd(['power', 'status', ...more], user, password)).err).toMatch(
    new RegExp(`\\(${code}\\)$`),
  );
});
