import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run, type Run } from './run.ts';

/** Packages as their distributions lay them out, each file with its own path as its content. */
const DEBIAN = [
  'usr/lib/PXELINUX/pxelinux.0',
  'usr/lib/PXELINUX/lpxelinux.0',
  'usr/lib/syslinux/modules/bios/ldlinux.c32',
  'usr/lib/syslinux/modules/bios/menu.c32',
  'usr/lib/shim/shimx64.efi.signed',
  'usr/lib/shim/shimx64.efi',
  'usr/lib/shim/mmx64.efi.signed',
  'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed',
  'usr/lib/grub/x86_64-efi/monolithic/grubnetx64.efi',
  'usr/lib/ipxe/undionly.kpxe',
  'usr/lib/ipxe/ipxe.efi',
  'usr/lib/ipxe/snponly.efi',
];
const FEDORA = [
  'usr/share/syslinux/pxelinux.0',
  'usr/share/syslinux/ldlinux.c32',
  'usr/share/syslinux/chain.c32',
  'boot/efi/EFI/BOOT/fbx64.efi',
  'boot/efi/EFI/centos/shimx64.efi',
  'boot/efi/EFI/centos/grubx64.efi',
  'boot/efi/EFI/centos/mmx64.efi',
  'boot/efi/EFI/centos/shimaa64.efi',
  'boot/efi/EFI/centos/grubaa64.efi',
  'usr/share/ipxe/undionly.kpxe',
  'usr/share/ipxe/ipxe-x86_64.efi',
  'usr/share/ipxe/ipxe-snponly-x86_64.efi',
  'usr/share/ipxe/arm64-efi/snponly.efi',
];
const SUSE = [
  'usr/share/efi/x86_64/shim.efi',
  'usr/share/efi/x86_64/grub.efi',
  'usr/share/efi/x86_64/MokManager.efi',
];

const NOTE = 'filename: /pxelinux.0\n  filename-by-arch: { uefi-x64: bootx64.efi }';

let folder: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-loaders-'));
  root = join(folder, 'tftpboot');
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function packages(files: readonly string[]): void {
  for (const file of files) put(join(folder, 'packages', file), file);
}

function install(dhcp: string, ...words: readonly string[]): Promise<Run> {
  const config = join(folder, 'bootd.yaml');
  const subnet = '  subnets: [{ subnet: 192.168.0.0/24 }]';
  writeFileSync(
    config,
    `interfaces: [prov0]\nstate-directory: ${folder}\n${dhcp === '' ? '' : `dhcp:\n  ${dhcp}\n${subnet}\n`}tftp: { root: ${root} }\n`,
  );
  return run(['loaders', 'install', '-c', config, '--from', join(folder, 'packages'), ...words]);
}

/** What is below the root now, by name. */
function installed(): Readonly<Record<string, string>> {
  const names = existsSync(root) ? readdirSync(root, { recursive: true, encoding: 'utf8' }) : [];
  return Object.fromEntries(
    names
      .filter((name) => statSync(join(root, name)).isFile())
      .sort()
      .map((name) => [name, readFileSync(join(root, name), 'utf8')]),
  );
}

describe('bootd loaders install', () => {
  it("takes the note's loaders out of Debian's packages, signed, under the names that machines are told", async () => {
    packages(DEBIAN);
    const { code, out, err } = await install(NOTE);
    expect(code).toBe(0);
    expect(installed()).toEqual({
      'bootx64.efi': 'usr/lib/shim/shimx64.efi.signed',
      'grubx64.efi': 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed',
      'ldlinux.c32': 'usr/lib/syslinux/modules/bios/ldlinux.c32',
      'menu.c32': 'usr/lib/syslinux/modules/bios/menu.c32',
      'mmx64.efi': 'usr/lib/shim/mmx64.efi.signed',
      'pxelinux.0': 'usr/lib/PXELINUX/pxelinux.0',
    });
    expect(out).toMatch(/^grubx64\.efi +installed +\S+grubnetx64\.efi\.signed +grub-efi-amd64-signed$/m);
    expect(err).toBe('');
    expect(statSync(join(root, 'bootx64.efi')).mode & 0o777).toBe(0o644);
  });

  it("takes them out of RPM's packages", async () => {
    packages(FEDORA);
    const all = NOTE.replace(' }', ', uefi-arm64: arm/bootaa64.efi }');
    expect((await install(all)).code).toBe(0);
    expect(installed()).toEqual({
      'arm/bootaa64.efi': 'boot/efi/EFI/centos/shimaa64.efi',
      'arm/grubaa64.efi': 'boot/efi/EFI/centos/grubaa64.efi',
      'bootx64.efi': 'boot/efi/EFI/centos/shimx64.efi',
      'chain.c32': 'usr/share/syslinux/chain.c32',
      'grubx64.efi': 'boot/efi/EFI/centos/grubx64.efi',
      'ldlinux.c32': 'usr/share/syslinux/ldlinux.c32',
      'mmx64.efi': 'boot/efi/EFI/centos/mmx64.efi',
      'pxelinux.0': 'usr/share/syslinux/pxelinux.0',
    });
  });

  it("takes openSUSE's shim with its GRUB", async () => {
    packages(SUSE);
    await install('filename: bootx64.efi');
    expect(installed()).toEqual({
      'MokManager.efi': 'usr/share/efi/x86_64/MokManager.efi',
      'bootx64.efi': 'usr/share/efi/x86_64/shim.efi',
      'grubx64.efi': 'usr/share/efi/x86_64/grub.efi',
    });
  });

  it.each<[string, readonly string[], string, string]>([
    ['undionly.kpxe', DEBIAN, 'filename: undionly.kpxe', 'usr/lib/ipxe/undionly.kpxe'],
    ['ipxe.efi', DEBIAN, 'filename: ipxe.efi', 'usr/lib/ipxe/ipxe.efi'],
    ['snponly.efi', DEBIAN, 'filename-by-arch: { uefi-x64: snponly.efi }', 'usr/lib/ipxe/snponly.efi'],
    ['ipxe.efi', FEDORA, 'filename: ipxe.efi', 'usr/share/ipxe/ipxe-x86_64.efi'],
    ['snponly.efi', FEDORA, 'filename: snponly.efi', 'usr/share/ipxe/ipxe-snponly-x86_64.efi'],
    [
      'snponly.efi',
      FEDORA,
      'filename-by-arch: { uefi-arm64: snponly.efi }',
      'usr/share/ipxe/arm64-efi/snponly.efi',
    ],
    ['grubx64.efi', DEBIAN, 'filename: grubx64.efi', 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'],
    [
      'http/ipxe.efi',
      DEBIAN,
      'filename-by-arch: { uefi-http-x64: "http://192.168.0.1:8080/http/ipxe.efi" }',
      'usr/lib/ipxe/ipxe.efi',
    ],
  ])('installs %s', async (name, files, dhcp, source) => {
    packages(files);
    expect((await install(dhcp)).code).toBe(0);
    expect(installed()).toEqual({ [name]: source });
  });

  it('asks every scope for its boot files, and no script of iPXE', async () => {
    packages(DEBIAN);
    const dhcp = [
      'filename: boot.ipxe',
      'classes: [{ name: old, match: "known", filename: lpxelinux.0 }]',
      'reservations: [{ hardware-ethernet: 0c:c4:7a:0e:2b:6b, filename: undionly.kpxe }]',
    ].join('\n  ');
    await install(dhcp);
    expect(Object.keys(installed())).toEqual(['ldlinux.c32', 'lpxelinux.0', 'menu.c32', 'undionly.kpxe']);
  });

  it("installs the note's two where the configuration names none", async () => {
    packages(DEBIAN);
    await install('');
    expect(Object.keys(installed())).toEqual(
      expect.arrayContaining(['pxelinux.0', 'ldlinux.c32', 'bootx64.efi', 'grubx64.efi']),
    );
  });

  it('takes loaders that lie in a folder by themselves', async () => {
    packages(['pxelinux.0', 'ldlinux.c32', 'bootx64.efi', 'grubx64.efi']);
    expect((await install(NOTE)).code).toBe(0);
    expect(Object.keys(installed())).toEqual(['bootx64.efi', 'grubx64.efi', 'ldlinux.c32', 'pxelinux.0']);
  });

  it('never mixes distributions: shim refuses the GRUB of another', async () => {
    packages(['usr/lib/shim/shimx64.efi.signed', ...FEDORA]);
    await install('filename: bootx64.efi');
    expect(installed()).toMatchObject({
      'bootx64.efi': 'boot/efi/EFI/centos/shimx64.efi',
      'grubx64.efi': 'boot/efi/EFI/centos/grubx64.efi',
    });
  });
});

describe('what is missing', () => {
  it('is named with the packages that bring it, and the rest is installed', async () => {
    packages(DEBIAN.filter((file) => !file.includes('shim')));
    const { code, err } = await install(NOTE);
    expect(code).toBe(3);
    expect(err.split('\n')).toEqual([
      'bootx64.efi is missing: install shim-signed grub-efi-amd64-signed (Debian, Ubuntu), or shim-x64 grub2-efi-x64 ' +
        '(Fedora, RHEL, CentOS), or shim grub2-x86_64-efi (openSUSE)',
    ]);
    expect(Object.keys(installed())).toContain('pxelinux.0');
  });

  it('may be a part only', async () => {
    packages(DEBIAN.filter((file) => !file.includes('grub')));
    const { code, err } = await install('filename: bootx64.efi');
    expect(code).toBe(3);
    expect(err).toBe('grubx64.efi is missing: install grub-efi-amd64-signed (Debian, Ubuntu)');
  });

  it('is a failure when it is everything', async () => {
    expect((await install(NOTE)).code).toBe(1);
  });

  it('may be what no package brings, unless it was put there by hand', async () => {
    packages(DEBIAN);
    const { err } = await install('filename: special.bin');
    expect(err).toBe('special.bin is not there, and no package is known to bring it: put it there by hand');
    put(join(root, 'special.bin'), 'by hand');
    expect((await install('filename: special.bin')).code).toBe(0);
  });

  it('may be a signature', async () => {
    packages(['usr/lib/grub/x86_64-efi/monolithic/grubnetx64.efi']);
    const { code, err } = await install('filename: grubx64.efi');
    expect(code).toBe(0);
    expect(err).toBe('grubx64.efi is not signed: firmware with Secure Boot refuses it');
  });
});

describe('what is there already', () => {
  it('is left alone when it is the same', async () => {
    packages(DEBIAN);
    await install(NOTE);
    const before = statSync(join(root, 'bootx64.efi'));
    const { code, out } = await install(NOTE);
    expect(code).toBe(0);
    expect(out).not.toMatch(/installed|replaced/);
    expect(statSync(join(root, 'bootx64.efi')).ino).toBe(before.ino);
  });

  it('stays when it differs, until --force says otherwise', async () => {
    packages(DEBIAN);
    put(join(root, 'pxelinux.0'), 'mine');
    const { code, err } = await install('filename: pxelinux.0');
    expect(code).toBe(3);
    expect(err).toMatch(/^pxelinux\.0 is there and differs from .*: it stays; --force replaces it$/);
    expect(installed()['pxelinux.0']).toBe('mine');
    expect((await install('filename: pxelinux.0', '--force')).code).toBe(0);
    expect(installed()['pxelinux.0']).toBe('usr/lib/PXELINUX/pxelinux.0');
  });

  it('is not touched when the disk refuses, which is a failure', async () => {
    packages(DEBIAN);
    writeFileSync(root, 'no folder');
    const { code, err } = await install(NOTE);
    expect(code).toBe(1);
    expect(err).toContain(`cannot install ${root}/pxelinux.0`);
    expect(readFileSync(root, 'utf8')).toBe('no folder');
  });
});

it('prints JSON for programs', async () => {
  packages(DEBIAN.filter((file) => !file.includes('grubnetx64')));
  const { out } = await install('filename: bootx64.efi', '--json');
  expect(JSON.parse(out)).toEqual({
    root,
    files: [
      {
        path: 'bootx64.efi',
        action: 'installed',
        required: true,
        source: join(folder, 'packages/usr/lib/shim/shimx64.efi.signed'),
        package: 'shim-signed',
        signed: true,
        wanted: [],
      },
      {
        path: 'grubx64.efi',
        action: 'missing',
        required: true,
        source: null,
        package: null,
        signed: null,
        wanted: [{ distribution: 'Debian, Ubuntu', packages: ['grub-efi-amd64-signed'] }],
      },
      {
        path: 'mmx64.efi',
        action: 'installed',
        required: false,
        source: join(folder, 'packages/usr/lib/shim/mmx64.efi.signed'),
        package: 'shim-helpers-amd64-signed',
        signed: true,
        wanted: [],
      },
    ],
  });
});

it('wants a tftp section', async () => {
  const config = join(folder, 'bootd.yaml');
  writeFileSync(config, `state-directory: ${folder}\n`);
  expect(await run(['loaders', 'install', '-c', config])).toMatchObject({
    code: 2,
    err: expect.stringContaining('has no tftp section') as string,
  });
});
