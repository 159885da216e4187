import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';

const PACKAGE = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

describe('exit codes', () => {
  it.each([
    [0, ['--help']],
    [0, ['--version']],
    [0, ['version']],
    [0, ['help', 'node']],
    [2, []],
    [2, ['frobnicate']],
    [2, ['--frobnicate']],
    [2, ['node']],
    [2, ['serve']],
    [2, ['serve', '--keep']],
    [2, ['serve', '--demo', '--config', 'x']],
    [2, ['serve', '--observe']],
    [2, ['serve', '--demo', '--observe']],
    [2, ['serve', '--config', 'x', '--leases', 'y']],
    [2, ['serve', '--config', 'x', '--server', '192.168.0.1']],
    [2, ['serve', '--config']],
    [2, ['serve', '--config', '/nonexistent.yaml']],
    [2, ['check']],
    [2, ['check', '--config', '/nonexistent.yaml']],
    [2, ['probe', '--config', '/nonexistent.yaml']],
    [2, ['probe', '--config', '/nonexistent.yaml', '--mac', 'nonsense']],
    [2, ['probe', '--config', '/nonexistent.yaml', '--mac', '0c:c4:7a:0e:2b:6b']],
    [2, ['probe', '--config', '/nonexistent.yaml', '--mac', '0c:c4:7a:0e:2b:6b', '--arch', 'vax']],
    [2, ['lease', 'show', 'nonsense']],
    [2, ['lease', 'release', '192.168.0.1', 'nonsense']],
    [2, ['node', 'set', 'bm1', '--policy', 'sometimes']],
    [2, ['node', 'set', 'bm1', '--mac', 'nonsense']],
    [2, ['node', 'set', 'bm1', '--mac', '0c:c4:7a:0e:2b:6b=nonsense']],
    [2, ['node', 'set', 'bm1', '--profile', 'a', '--kernel', 'b']],
    [2, ['node', 'set', 'bm1', '--no-boot-profile', '--kernel', 'b']],
    [1, ['node', 'list', '--socket', '/nonexistent.sock']],
    [1, ['lease', 'list', '--socket', '/nonexistent.sock']],
    [1, ['observe', 'report', '--socket', '/nonexistent.sock']],
  ])('%i for bootd %j', async (code, words) => {
    const ended = await run(words);
    expect(ended.code).toBe(code);
    expect(ended.out + ended.err).not.toBe('');
    expect(ended.err).not.toMatch(/\n\s+at /);
  });
});

describe('what it says', () => {
  it.each([
    'serve',
    'check',
    'probe',
    'version',
    'node list',
    'node show',
    'node set',
    'node rm',
    'lease list',
    'lease show',
    'lease release',
    'observe report',
  ])('bootd %s --help describes it', async (command) => {
    const { code, out } = await run([...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: bootd ${command}`);
  });

  it.each([
    'check',
    'probe',
    'version',
    'node list',
    'node show',
    'node set',
    'node rm',
    'lease list',
    'lease show',
    'lease release',
    'observe report',
  ])('bootd %s prints JSON when asked', async (command) => {
    expect((await run([...command.split(' '), '--help'])).out).toContain('--json');
  });

  it('the version, for people and for programs', async () => {
    expect((await run(['--version'])).out).toBe(PACKAGE.version);
    expect(JSON.parse((await run(['version', '--json'])).out)).toEqual({
      bootd: PACKAGE.version,
      node: 'v20.20.2',
      platform: 'linux x64',
    });
  });

  it('which socket was tried when no daemon is there', async () => {
    expect((await run(['node', 'list', '--socket', '/nonexistent.sock'])).err).toContain('/nonexistent.sock');
    const { err } = await run(['lease', 'list'], { BOOTD_SOCKET: '/elsewhere.sock' });
    expect(err).toMatch(/^bootd is not running: nobody listens on \/elsewhere\.sock/);
  });

  it('where a configuration is wrong', async () => {
    const { err } = await run(['serve', '--config', '/nonexistent.yaml']);
    expect(err).toMatch(/^\/nonexistent\.yaml:1:1: cannot be read/);
  });
});
