import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from './run.ts';

let folder: string;
let config: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-map-'));
  config = join(folder, 'bootd.yaml');
  mkdirSync(join(folder, 'root/u'), { recursive: true });
  writeFileSync(join(folder, 'root/pxelinux.0'), 'abc');
  writeFileSync(join(folder, 'root/u/kernel'), 'kernel');
});

beforeEach(() => {
  writeConfig('interfaces: [lo]\ntftp:\n  root: root\n  map-file: map-file\n');
  writeMap(`re ^/tftpboot/ ${folder}/root/\nre ^(/) ${folder}/root/\\1\nre ^([^/]) ${folder}/root/\\1\n`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function writeConfig(text: string): void {
  writeFileSync(config, text);
}

function writeMap(text: string): void {
  writeFileSync(join(folder, 'map-file'), text);
}

interface Report {
  readonly request: string;
  readonly mapped: string | null;
  readonly refusal: { readonly message: string } | null;
  readonly served: {
    readonly octets: number | null;
    readonly rendered: boolean;
    readonly error: { readonly message: string } | null;
  } | null;
}

async function mapped(...words: readonly string[]): Promise<readonly Report[]> {
  const { code, out } = await run(['map', '--config', config, '--json', ...words]);
  expect(code).toBe(0);
  return JSON.parse(out) as Report[];
}

describe('bootd map', () => {
  it('says for people which rule did what, and what is on disk', async () => {
    const { code, out } = await run(['map', '--config', config, 'pxelinux.0']);
    expect(code).toBe(0);
    expect(out).toContain('RRQ from 192.0.2.1: "pxelinux.0"');
    expect(out).toContain('rule 2, line 3');
    expect(out).toContain('on disk: 3 octets');
  });

  it('explains several requests for programs', async () => {
    const [found, missing, refused] = await mapped('/pxelinux.0', 'nothing', '../etc/passwd');
    expect(found).toMatchObject({
      request: '/pxelinux.0',
      served: { octets: 3, error: null, rendered: false },
    });
    expect(missing).toMatchObject({ served: { octets: null, error: { message: 'File not found' } } });
    expect(refused).toMatchObject({ refusal: { message: 'Reverse path not allowed' }, served: null });
  });

  it("follows pxelinux's doubled slash to the second attempt", async () => {
    const reports = await mapped('//tftpboot/u/kernel');
    expect(reports.map(({ request }) => request)).toEqual(['//tftpboot/u/kernel', '/tftpboot/u/kernel']);
    expect(reports[1]).toMatchObject({ served: { octets: 6 } });
  });

  it('says where a rendered configuration would come instead', async () => {
    const [report] = await mapped('pxelinux.cfg/01-0c-c4-7a-0e-2b-6b');
    expect(report).toMatchObject({ served: { rendered: true, error: { message: 'File not found' } } });
  });

  it('asks as the peer that is named', async () => {
    writeMap(`re4 ^f$ ${folder}/root/\\x\nre6 ^f$ ${folder}/root/\\i\n`);
    const [ipv4] = await mapped('--peer', '192.168.0.130', 'f');
    const [ipv6] = await mapped('--peer', '2001:DB8::5', 'f');
    expect(ipv4?.mapped).toBe(`${folder}/root/C0A80082`);
    expect(ipv6?.mapped).toBe(`${folder}/root/2001:db8::5`);
  });

  it('takes a write request only as far as its rules', async () => {
    writeMap(`aP ^.*$ No\\ uploads\\ here\n`);
    const [report] = await mapped('--write', 'f');
    expect(report).toMatchObject({ refusal: { message: 'No uploads here' }, served: null });
  });

  it.each([
    ['a bad peer', ['--peer', 'nobody', 'f']],
    ['no request', []],
  ])('%s is wrong use', async (_, words) => {
    expect((await run(['map', '--config', config, ...words])).code).toBe(2);
  });

  it('cannot work with a bad map-file, nor without TFTP', async () => {
    writeMap('rx ^a b\n');
    expect(await run(['map', '--config', config, 'f'])).toMatchObject({
      code: 2,
      err: `${join(folder, 'map-file')}:1:1: Remap command "rx" on line 1 contains invalid char "x"`,
    });
    writeConfig('interfaces: [lo]\n');
    expect(await run(['map', '--config', config, 'f'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('no tftp section') as string,
    });
  });
});

describe('bootd check', () => {
  it('has nothing to say of what is good', async () => {
    expect(await run(['check', '--config', config])).toEqual({
      code: 0,
      out: '',
      err: `${config}: no problems found`,
    });
  });

  it('finds five mistakes of five kinds in one go, each at its place', async () => {
    mkdirSync(join(folder, 'templates'), { recursive: true });
    writeFileSync(join(folder, 'templates/grub.tmpl'), 'set timeout=0\nlinux {{ nothing_known }}\n');
    writeMap('# fine\nr ([ b\n');
    writeConfig(
      'interfaces: [lo]\nfrobnicate: 1\ntemplates: templates\nhttp: { listen: somewhere }\ntftp:\n  root: root\n  map-file: map-file\n  port: 99999\n',
    );
    const { code, out } = await run(['check', '--config', config]);
    expect(code).toBe(2);
    const places = out
      .split('\n')
      .map((line) => line.slice(folder.length + 1).replace(/^([^:]+:\d+:\d+): .*/, '$1'));
    expect(places).toEqual([
      'bootd.yaml:2:1',
      'bootd.yaml:4:17',
      'bootd.yaml:8:9',
      'map-file:2:1',
      'templates/grub.tmpl:2:10',
    ]);
  });

  it('places a missing file where it is named', async () => {
    writeConfig('interfaces: [lo]\ntftp:\n  root: nowhere\n  map-file: nofile\n');
    const { code, out } = await run(['check', '--config', config]);
    expect(code).toBe(2);
    expect(out.split('\n')).toEqual([
      `${config}:3:9: warning: there is no folder ${folder}/nowhere`,
      `${config}:4:13: Cannot open map file: ${folder}/nofile: No such file or directory`,
    ]);
  });

  it('ends well with warnings alone, and gives them to programs', async () => {
    writeConfig('interfaces: [lo]\ntftp:\n  root: nowhere\n');
    const { code, out } = await run(['check', '--config', config, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ problems: [{ severity: 'warning', line: 3, column: 9 }] });
  });
});
