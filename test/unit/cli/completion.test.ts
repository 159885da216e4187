import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '../../lab/needs.ts';
import { FakeControl } from './fake-control.ts';
import { run } from './run.ts';

/** Instead of the program: a daemon that knows two nodes, and an echo of every other command line. */
const STAND_IN = `case "$*" in
'completion --values nodes') printf '%s\\n' bm1 bm2 ;;
'completion --values machines') printf '%s\\n' 0c:c4:7a:0e:2b:6b 0c:c4:7a:0e:2b:6c ;;
'completion --values leases') printf '%s\\n' 192.168.0.130 ;;
*) echo "RAN $*" ;;
esac
`;

const folder = mkdtempSync(join(tmpdir(), 'bootd-completion-'));
const environment = { PATH: `${folder}/bin:${process.env['PATH'] ?? ''}`, HOME: folder, TERM: 'dumb' };

beforeAll(async () => {
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/bootd'), `#!/bin/sh\n${STAND_IN}`, { mode: 0o755 });
  for (const [shell, name] of [
    ['bash', 'bootd.bash'],
    ['zsh', '_bootd'],
    ['fish', 'bootd.fish'],
  ] as const) {
    writeFileSync(join(folder, name), (await run(['completion', shell])).out);
  }
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub/bootd.yaml'), '');
});

afterAll(() => rmSync(folder, { recursive: true }));

function shell(command: string, args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(command, args, {
    encoding: 'utf8',
    cwd: folder,
    env: environment,
    timeout: 50_000,
  });
  if (status !== 0) throw new Error(`${command} ended with status ${status ?? 'none'}\n${stdout}${stderr}`);
  return stdout;
}

/** What is offered in place of the last word of each line. */
const OFFERED: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['bootd no', ['node']],
  ['bootd node ', ['list', 'rm', 'set', 'show']],
  ['bootd node show ', ['bm1', 'bm2']],
  ['bootd node rm bm1 b', ['bm1', 'bm2']],
  ['bootd node show --json b', ['bm1', 'bm2']],
  ['bootd node show --socket /run/x b', ['bm1', 'bm2']],
  ['bootd lease list --m', ['--mac']],
  ['bootd probe --arch uefi-a', ['uefi-arm64']],
  ['bootd bootdev p', ['pxe']],
  ['bootd bootdev pxe b', ['bm1', 'bm2']],
  ['bootd lease release 192.168.0.1 ', ['192.168.0.130']],
  ['bootd completion f', ['fish']],
];

describe('bash', () => {
  const offered = (line: string): readonly string[] => {
    const script = `source ./bootd.bash
COMP_LINE=$1 COMP_POINT=\${#1}
_bootd
((\${#COMPREPLY[@]} == 0)) || printf '%s\\n' "\${COMPREPLY[@]}"`;
    return shell('bash', ['--norc', '-c', script, 'bash', line]).split('\n').filter(Boolean).sort();
  };

  it.each(OFFERED)('%j', (line, words) => {
    expect(offered(line)).toEqual(words);
  });

  it.each([
    // bash takes a colon and an equals sign for the end of a word, and replaces only what is behind it.
    ['bootd lease list --mac 0c:c4:7a:0e:2b:6', ['6b', '6c']],
    ['bootd probe --arch=uefi-a', ['uefi-arm64']],
    ['bootd serve --config sub/b', ['sub/bootd.yaml']],
    ['bootd serve --config=sub/b', ['sub/bootd.yaml']],
    ['bootd import --state-directory s', ['sub']],
    ['bootd lease list --subnet ', []],
    ['bootd node show bm1 ', []],
  ])('%j', (line, words) => {
    expect(offered(line)).toEqual(words);
  });

  it('offers every command of the program, and every option of a command', async () => {
    const help = (await run(['--help'])).out;
    const commands = [...(help.split('Commands:')[1] ?? '').matchAll(/^ {2}([a-z]+)/gm)].map(
      ([, name]) => name,
    );
    expect(commands.length).toBeGreaterThan(10);
    expect(offered('bootd ')).toEqual(commands.filter((name) => name !== 'help').sort());
    const serve = (await run(['serve', '--help'])).out;
    const options = [...serve.matchAll(/^ {2,6}(?:(-\w), )?(--[\w-]+)/gm)];
    const spellings = options.flatMap(([, short, long]) => [short, long]).filter((one) => one !== undefined);
    expect(offered('bootd serve -')).toEqual(spellings.sort());
  });
});

describe('fish and zsh', () => {
  needs('other-shells');

  it.each(OFFERED)('fish: %j', (line, words) => {
    const output = shell('fish', ['--no-config', '-c', 'source bootd.fish; complete -C $argv[1]', line]);
    expect(
      output
        .split('\n')
        .filter(Boolean)
        .map((one) => one.split('\t')[0])
        .sort(),
    ).toEqual(words);
  });

  it('zsh completes what is unique, and the line that comes out of it is run', () => {
    const script = `zmodload zsh/zpty
zpty -b shell 'zsh -f -i'
say() { zpty -w "$@" }
say shell 'unsetopt prompt_cr; PS1=; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; echo IS''READY'
zpty -r -m shell text '*ISREADY*'
for line in "$@"; do
  say -n shell "$line"$'\\t\\n'
  zpty -r -m shell text $'*RAN *[\\r\\n]*'
  print -r -- "\${text##*RAN }"
done
zpty -d shell`;
    const lines = ['bootd nod', 'bootd node li', 'bootd probe --arch uefi-a', 'bootd lease list --ma'];
    const output = shell('zsh', ['-f', '-c', script, 'zsh', ...lines]);
    expect(
      output
        .split(/[\r\n]+/)
        .map((one) => one.trim())
        .filter(Boolean),
    ).toEqual(['node', 'node list', 'probe --arch uefi-arm64', 'lease list --mac']);
  });
});

describe('bootd completion --values', () => {
  it('prints what the daemon knows, and leaves out what a shell would expand', async () => {
    const fake = await FakeControl.start();
    const answers: Readonly<Record<string, unknown>> = {
      '/v1/nodes': {
        nodes: [
          {
            uuid: '1be26c0b-03f2-4d2e-ae87-c02d7f33c123',
            name: 'bm1',
            ports: [{ address: '0c:c4:7a:0e:2b:6b' }],
          },
          { uuid: '1be26c0b-03f2-4d2e-ae87-c02d7f33c124', name: '$(reboot)', ports: [] },
          { uuid: '1be26c0b-03f2-4d2e-ae87-c02d7f33c125', ports: [] },
        ],
      },
      '/v1/leases': { leases: [{ address: '192.168.0.130', mac: '0c:c4:7a:0e:2b:6b' }] },
      '/v1/boots': { boots: [{ id: 'tox3k1' }] },
    };
    fake.answersBy(({ path }) => ({ body: answers[path] }));
    try {
      const values = async (kind: string): Promise<string> =>
        (await run(['completion', '--values', kind], { BOOTD_SOCKET: fake.socket })).out;
      expect(await values('nodes')).toBe('bm1\n1be26c0b-03f2-4d2e-ae87-c02d7f33c125');
      expect(await values('machines')).toBe('0c:c4:7a:0e:2b:6b');
      expect(await values('leases')).toBe('192.168.0.130');
      expect(await values('boots')).toBe('tox3k1');
    } finally {
      await fake.stop();
    }
  });

  it('wants a shell otherwise', async () => {
    const ended = await run(['completion']);
    expect(ended).toMatchObject({ code: 2, err: 'bootd: name a shell: bash, zsh, fish' });
  });
});
