import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from './run.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-hostile-files-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function written(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('a file that somebody else wrote', () => {
  const CONTROLS = '\u001b]0;mine\u0007\u009b2J';

  it.each<[string, string, string]>([
    ['dhcpd.conf with a statement that nobody knows', 'bad.conf', `unknown "${CONTROLS}";`],
    ['dhcpd.conf that is broken', 'bad.conf', `subnet "${CONTROLS}" }`],
    ['dhcpd.conf that includes a file of such a name', 'bad.conf', `include "/${CONTROLS}";`],
    ['dhcpd.leases', 'bad.leases', `lease "${CONTROLS}" { }\nlease 10.0.0.1 { }\n`],
  ])('gives the terminal nothing to obey: %s', async (_, name, text) => {
    const file = written(name, text);
    mkdirSync(join(folder, 'state'));
    const words = name.endsWith('conf')
      ? ['import', '--dhcpd-conf', file]
      : ['lease', 'import', '--leases', file, '--state-directory', join(folder, 'state')];
    const { code, err } = await run(words);
    expect(code).toBeGreaterThan(0);
    expect(err).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(err).toContain(name);
  });

  it('gives the terminal nothing to obey: bootd.yaml', async () => {
    const { out } = await run(['check', '--config', written('bootd.yaml', '"a\\e[2J\\u009b": 1\n')]);
    expect(out).toContain('\\x1b[2J\\x9b');
    expect(out).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ['a FIFO', (path) => void execFileSync('mkfifo', [path]), /included: it is no regular file$/],
    ['a folder', (path) => mkdirSync(path), /included: it is no regular file$/],
    [
      'a terabyte',
      (path) => {
        writeFileSync(path, '');
        truncateSync(path, 2 ** 40);
      },
      /it is longer than 33554432/,
    ],
  ])('is not read when it includes %s', async (_, make, reason) => {
    make(join(folder, 'included'));
    const { code, err } = await run(['import', '--dhcpd-conf', written('a.conf', 'include "included";')]);
    expect(code).toBe(2);
    expect(err).toMatch(reason);
  });

  it('is not read when it includes a device that never ends', async () => {
    const { err } = await run(['import', '--dhcpd-conf', written('a.conf', 'include "/dev/zero";')]);
    expect(err).toMatch(/a.conf:1:1: cannot read \/dev\/zero: it is no regular file$/);
  });
});
