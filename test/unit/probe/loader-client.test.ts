import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FirmwareShapeName } from '../../../src/probe/firmware-shapes.ts';
import { loaderFacts, playBoot, playBootFrom, programText } from './play-boot.ts';

describe('the firmware', () => {
  it.each<[FirmwareShapeName, readonly string[]]>([
    ['uefi-x64', ['tsize=0 blksize=1468 windowsize=4', 'blksize=1468 windowsize=4']],
    ['uefi-arm64', ['tsize=0 blksize=1468 windowsize=4', 'blksize=1468 windowsize=4']],
    ['bios-undi', ['tsize=0', 'blksize=1456']],
    ['bios', ['blksize=1432 tsize=0']],
    ['ipxe-efi', ['blksize=1432 tsize=0']],
    ['bootp', ['']],
  ])('of %s fetches the boot file with its own options', (firmware, expected) => {
    const { requests } = playBootFrom(loaderFacts({ firmware, bootFile: 'memdisk' }), { memdisk: 'x' });
    const options = requests.map(({ source }) =>
      source.kind === 'tftp'
        ? source.request.options.map(({ name, value }) => `${name}=${value}`).join(' ')
        : '',
    );
    expect(options).toEqual(expected);
  });

  it.each<[FirmwareShapeName, string]>([
    ['uefi-x64', 'the firmware gives up'],
    ['bios-undi', 'the firmware gives up'],
    ['bios', 'iPXE gives up'],
    ['bootp', 'the ROM gives up'],
    ['uefi-http-x64', 'the firmware gives up'],
  ])('of %s gives up without its boot file', (firmware, consequence) => {
    const { verdict } = playBootFrom(loaderFacts({ firmware, bootFile: 'http://h/no' }), {});
    expect(verdict).toMatchObject({ kind: 'stuck', reason: expect.stringContaining(consequence) as string });
  });

  it('gives up as well when nobody answers', () => {
    const { verdict } = playBoot(loaderFacts({ firmware: 'bios', bootFile: 'x' }), () => ({
      kind: 'failed',
      reason: 'no answer to the request, asked 6 times',
    }));
    expect(verdict).toEqual({
      kind: 'stuck',
      reason: '"x": no answer to the request, asked 6 times; iPXE gives up',
    });
  });

  it('goes on to the next boot device without a boot file', () => {
    const { verdict, names } = playBootFrom(loaderFacts({ firmware: 'bios', bootFile: '' }), {});
    expect(names).toEqual([]);
    expect(verdict).toMatchObject({
      kind: 'stuck',
      reason: expect.stringContaining('names no boot file') as string,
    });
  });

  it('cannot start a script of iPXE unless it is iPXE', () => {
    const files = { 'boot.ipxe': '#!ipxe\nexit\n' };
    expect(
      playBootFrom(loaderFacts({ firmware: 'uefi-x64', bootFile: 'boot.ipxe' }), files).verdict,
    ).toMatchObject({
      kind: 'stuck',
      reason: expect.stringContaining('the firmware is no iPXE') as string,
    });
    expect(playBootFrom(loaderFacts({ firmware: 'bios', bootFile: 'boot.ipxe' }), files).verdict).toEqual({
      kind: 'local-disk',
    });
  });
});

describe('a program of the wrong kind', () => {
  it.each<[FirmwareShapeName, string, string, string]>([
    ['uefi-x64', 'pxelinux.0', 'x', 'is no EFI program'],
    ['uefi-http-x64', 'http://192.168.0.1/pxelinux.0', 'x', 'is no EFI program'],
    ['bios', 'bootx64.efi', 'MZ', 'is an EFI program'],
    ['bootp', 'bootx64.efi', 'MZ', 'is an EFI program'],
  ])('stops %s, which got %s', (firmware, bootFile, text, reason) => {
    const { verdict } = playBootFrom(loaderFacts({ firmware, bootFile }), { [bootFile]: text });
    expect(verdict).toMatchObject({ kind: 'stuck', reason: expect.stringContaining(reason) as string });
  });

  it('does not concern a running system, which loads nothing', () => {
    const { names, verdict } = playBootFrom(loaderFacts({ firmware: 'linux', bootFile: 'pxelinux.0' }), {});
    expect(names).toEqual([]);
    expect(verdict).toEqual({ kind: 'address' });
  });
});

describe('the loader behind a boot file', () => {
  it.each<[FirmwareShapeName, string, string]>([
    ['uefi-x64', 'bootx64.efi', 'grubx64.efi'],
    ['uefi-x64', 'EFI/debian/shimx64.efi', 'EFI/debian/grubx64.efi'],
    ['uefi-ia32', 'bootia32.efi', 'grubia32.efi'],
    ['uefi-arm64', '/bootaa64.efi', '/grubaa64.efi'],
  ])('of %s, %s, is shim, which starts %s after its three extras', (firmware, bootFile, grub) => {
    const folder = bootFile.slice(0, bootFile.lastIndexOf('/') + 1);
    const { names, verdict } = playBootFrom(loaderFacts({ firmware, bootFile }), {
      [bootFile]: programText(bootFile),
    });
    expect(names.slice(2)).toEqual(
      ['revocations_sku.efi', 'revocations_sbat.efi', 'shim_certificate_0.efi']
        .map((name) => folder + name)
        .concat(grub),
    );
    expect(verdict).toMatchObject({
      kind: 'stuck',
      reason: expect.stringContaining('shim has nothing to start') as string,
    });
  });

  it.each<[FirmwareShapeName, string, FirmwareShapeName]>([
    ['bios', 'undionly.kpxe', 'ipxe'],
    ['bios-undi', '/ipxe/undionly.kpxe', 'ipxe'],
    ['bios', 'ipxe.pxe', 'ipxe'],
    ['uefi-x64', 'ipxe.efi', 'ipxe-efi'],
    ['uefi-arm64', 'arm64/snponly.efi', 'ipxe-efi'],
    ['uefi-http-x64', 'http://192.168.0.1/ipxe.efi', 'ipxe-efi'],
  ])('of %s, %s, is iPXE', (firmware, bootFile, shape) => {
    const { verdict } = playBootFrom(loaderFacts({ firmware, bootFile }), {
      [bootFile]: programText(bootFile),
    });
    expect(verdict).toEqual({ kind: 'ipxe', shape });
  });

  it('that is not known is served, and not followed', () => {
    const { verdict } = playBootFrom(loaderFacts({ firmware: 'bios', bootFile: 'memdisk' }), {
      memdisk: 'x',
    });
    expect(verdict).toEqual({ kind: 'not-followed', reason: 'what "memdisk" asks for next is not known' });
  });

  it('comes over HTTP with HEAD and GET, and shim asks for GRUB with two slashes', () => {
    const bootFile = 'http://192.168.0.1/http/bootx64.efi';
    const files = {
      [bootFile]: 'MZ',
      'http://192.168.0.1/http//grubx64.efi': 'MZ',
      'http://192.168.0.1/http/EFI/centos/grub.cfg': 'linux /n/kernel quiet\ninitrd /n/ramdisk\nboot\n',
      'http://192.168.0.1/n/kernel': 'k',
      'http://192.168.0.1/n/ramdisk': 'r',
    };
    const { requests, verdict } = playBootFrom(loaderFacts({ firmware: 'uefi-http-x64', bootFile }), files);
    expect(
      requests.map(({ source }) => (source.kind === 'http' ? `${source.method} ${source.url}` : '')),
    ).toEqual([
      'HEAD http://192.168.0.1/http/bootx64.efi',
      'GET http://192.168.0.1/http/bootx64.efi',
      'GET http://192.168.0.1/http/revocations_sku.efi',
      'GET http://192.168.0.1/http/revocations_sbat.efi',
      'GET http://192.168.0.1/http/shim_certificate_0.efi',
      'GET http://192.168.0.1/http//grubx64.efi',
      // In the folder of the boot file, and without the search that it makes over TFTP.
      ...['command', 'fs', 'crypto', 'terminal'].map(
        (list) => `GET http://192.168.0.1/http/EFI/centos/x86_64-efi/${list}.lst`,
      ),
      'GET http://192.168.0.1/http/EFI/centos/grub.cfg',
      'GET http://192.168.0.1/n/kernel',
      'GET http://192.168.0.1/n/ramdisk',
    ]);
    expect(verdict).toEqual({
      kind: 'kernel',
      kernel: 'http://192.168.0.1/n/kernel',
      ramdisks: ['http://192.168.0.1/n/ramdisk'],
      parameters: 'quiet',
    });
  });
});

describe('configurations that bootd renders', () => {
  const golden = (name: string): string =>
    readFileSync(new URL(`../../golden/boot/${name}`, import.meta.url), 'utf8');
  const folder = '40928205-b463-4846-b68a-97099512d8df';
  const [kernel, ramdisk] = [`${folder}/deploy_kernel`, `${folder}/deploy_ramdisk`];

  /** The same boot by each of the three loaders, each with its own rendering of it. */
  function playAll(name: string): readonly (readonly [loader: string, verdict: unknown])[] {
    const files = {
      'pxelinux.0': 'x',
      'ldlinux.c32': 'x',
      'grubx64.efi': 'MZ',
      [kernel]: 'x',
      [ramdisk]: 'x',
      [`/${kernel}`]: 'x',
      [`/${ramdisk}`]: 'x',
    };
    const pxelinux = loaderFacts({ firmware: 'bios-undi', bootFile: 'pxelinux.0' });
    const grub = loaderFacts({ firmware: 'uefi-x64', bootFile: 'grubx64.efi', grubPrefix: '/grub' });
    const ipxe = loaderFacts({ firmware: 'ipxe', bootFile: 'boot.ipxe' });
    return [
      [
        'pxelinux',
        playBootFrom(pxelinux, { ...files, 'pxelinux.cfg/default': golden(`${name}.pxelinux`) }).verdict,
      ],
      ['grub', playBootFrom(grub, { ...files, '/grub/grub.cfg': golden(`${name}.grub`) }).verdict],
      ['ipxe', playBootFrom(ipxe, { ...files, 'boot.ipxe': golden(`${name}.ipxe`) }).verdict],
    ];
  }

  it('of a deployment load kernel and ramdisk in every language', () => {
    for (const [loader, verdict] of playAll('deploy')) {
      const slash = loader === 'pxelinux' ? '' : '/';
      expect
        .soft(verdict, loader)
        .toMatchObject({ kind: 'kernel', kernel: slash + kernel, ramdisks: [slash + ramdisk] });
    }
  });

  it.each(['local-disk', 'no-kernel', 'stranger-local-disk', 'stranger-menu'])(
    'of %s lead to the local disk in every language',
    (name) => {
      for (const [loader, verdict] of playAll(name))
        expect.soft(verdict, loader).toEqual({ kind: 'local-disk' });
    },
  );
});
