import { describe, expect, it } from 'vitest';
import { loaderFacts, playBootFrom, type PlayedBoot } from './play-boot.ts';

const MAC_FILE = 'pxelinux.cfg/01-0c-c4-7a-0e-2b-6b';

function play(
  files: Readonly<Record<string, string>>,
  lease: { readonly bootFile?: string; readonly pathPrefix?: string; readonly configFile?: string } = {},
): PlayedBoot {
  const facts = loaderFacts({ firmware: 'bootp', bootFile: 'pxelinux.0', ...lease });
  return playBootFrom(facts, { 'pxelinux.0': 'x', 'ldlinux.c32': 'x', kernel: 'x', ramdisk: 'x', ...files });
}

/** A boot with this text as the machine's own configuration. */
function playText(text: string, files: Readonly<Record<string, string>> = {}): PlayedBoot {
  return play({ [MAC_FILE]: text, ...files });
}

describe('the configuration that decides', () => {
  it.each([
    [
      'keywords in any case, tabs',
      'DEFAULT a\nLABEL a\n\tKERNEL kernel\n\tAPPEND initrd=ramdisk x=1  y\n',
      'x=1 y',
    ],
    ['a label in another case', 'default A\nlabel a\nlinux kernel\ninitrd ramdisk\nappend y\n', 'y'],
    ['default with arguments', 'default a extra\nlabel a\nkernel kernel\nappend initrd=ramdisk y\n', 'y'],
    ['an append for all', 'append z\ndefault a\nlabel a\nkernel kernel\ninitrd ramdisk\n', 'z'],
    ['append -', 'append z\ndefault a\nlabel a\nkernel kernel\ninitrd ramdisk\nappend -\n', 'z'],
    ['CRLF', 'default a\r\nlabel a\r\nkernel kernel\r\nappend initrd=ramdisk q\r\n', 'q'],
  ])('%s', (_, text, parameters) => {
    expect(playText(text).verdict).toEqual({
      kind: 'kernel',
      kernel: 'kernel',
      ramdisks: ['ramdisk'],
      parameters,
    });
  });

  it('may ask for several ramdisks', () => {
    const { names } = playText('default a\nlabel a\nkernel kernel\nappend initrd=ramdisk,more\n', {
      more: 'x',
    });
    expect(names.slice(-3)).toEqual(['kernel', 'ramdisk', 'more']);
  });

  it('may include other files, but not without end', () => {
    const { names, verdict } = playText(`include common\ndefault a\n`, {
      common: `menu include more title\ninclude common\n`,
      more: 'label a\nkernel kernel\n',
    });
    expect(verdict).toMatchObject({ kind: 'kernel' });
    expect(names.filter((name) => name === 'common')).toHaveLength(16);
  });

  it('may start a kernel without a label', () => {
    expect(playText('default kernel quiet\n').verdict).toMatchObject({ kind: 'kernel', kernel: 'kernel' });
  });
});

describe('menus, modules and disks', () => {
  it('a menu starts what is its default when its time is up', () => {
    const text = 'ui menu.c32\nlabel a\nkernel other\nlabel b\nmenu default\nkernel kernel\n';
    const { names, verdict } = playText(text, { 'menu.c32': 'x', 'libutil.c32': 'x' });
    expect(names.slice(-3)).toEqual(['menu.c32', 'libutil.c32', 'kernel']);
    expect(verdict).toMatchObject({ kind: 'kernel' });
  });

  it.each([
    ['of old style', 'default menu.c32\nlabel a\nkernel kernel\n'],
    ['with ontimeout', 'default vesamenu.c32\nontimeout b\nlabel a\nkernel other\nlabel b\nkernel kernel\n'],
  ])('a menu %s', (_, text) => {
    expect(playText(text, { 'menu.c32': 'x', 'vesamenu.c32': 'x' }).verdict).toMatchObject({
      kind: 'kernel',
      kernel: 'kernel',
    });
  });

  it.each([
    ['localboot', 'default a\nlabel a\nlocalboot 0\n'],
    ['chain.c32 to a partition', 'default a\nlabel a\ncom32 chain.c32\nappend hd0 1\n'],
    ["chain.c32 to Ironic's disk", 'default a\nlabel a\nCOM32 chain.c32\nappend mbr:0x1234\n'],
  ])('%s is the local disk', (_, text) => {
    expect(playText(text, { 'chain.c32': 'x' }).verdict).toEqual({ kind: 'local-disk' });
  });

  it('any other module is not followed', () => {
    const { verdict } = playText('default a\nlabel a\nkernel reboot.c32\n', { 'reboot.c32': 'x' });
    expect(verdict).toEqual({ kind: 'not-followed', reason: 'label a runs reboot.c32' });
  });
});

describe('names', () => {
  it('begin with the folder of the boot file, even when they begin with a slash', () => {
    const { names } = play(
      {
        '/pxelinux.0': 'x',
        '/ldlinux.c32': 'x',
        [`/${MAC_FILE}`]: 'default a\nlabel a\nkernel /tftpboot/k\nappend initrd=/tftpboot/r\n',
        '//tftpboot/k': 'x',
        '//tftpboot/r': 'x',
      },
      { bootFile: '/pxelinux.0' },
    );
    expect(names.slice(-2)).toEqual(['//tftpboot/k', '//tftpboot/r']);
  });

  it('begin with the prefix of option 210 instead, where it was sent', () => {
    const { names } = play({ '/tftpboot/ldlinux.c32': 'x' }, { pathPrefix: '/tftpboot/' });
    expect(names[2]).toBe(`/tftpboot/${MAC_FILE}`);
  });

  it('stay as they are behind two colons', () => {
    expect(playText('default a\nlabel a\nkernel ::/elsewhere/k\n').names.at(-1)).toBe('/elsewhere/k');
  });

  it('may be URLs', () => {
    const { requests } = playText('default a\nlabel a\nkernel http://192.168.0.1/k\n');
    expect(requests.at(-1)?.source).toEqual({ kind: 'http', method: 'GET', url: 'http://192.168.0.1/k' });
  });

  it('of the configuration come from option 209, where it was sent', () => {
    const { names } = play({}, { configFile: 'mine.cfg' });
    expect(names).toEqual(['pxelinux.0', 'ldlinux.c32', 'mine.cfg']);
  });
});

describe('where it gets stuck', () => {
  it.each([
    ['without its core module', { 'pxelinux.0': 'x' }, 'pxelinux cannot go on without its core module'],
    [
      'without a configuration',
      { 'pxelinux.0': 'x', 'ldlinux.c32': 'x' },
      'pxelinux finds no configuration, not even pxelinux.cfg/default',
    ],
  ])('%s', (_, files, reason) => {
    const { verdict } = playBootFrom(loaderFacts({ firmware: 'bootp', bootFile: 'pxelinux.0' }), files);
    expect(verdict).toMatchObject({ kind: 'stuck', reason: expect.stringContaining(reason) as string });
  });

  it.each([
    [
      'a kernel that is not there',
      'default a\nlabel a\nkernel nothing\n',
      '"nothing": ERROR 1 "File not found"; pxelinux asks for the kernel again every second, without end',
    ],
    [
      'a ramdisk that is not there',
      'default a\nlabel a\nkernel kernel\ninitrd nothing\n',
      '"nothing": ERROR 1 "File not found"; pxelinux does not start a kernel without its ramdisk',
    ],
    [
      'no default',
      'label a\nkernel kernel\n',
      'the configuration of pxelinux names no default, so it waits at its prompt',
    ],
    ['an empty file', '', 'the configuration of pxelinux names no default, so it waits at its prompt'],
    [
      'a menu that is not there',
      'ui menu.c32\n',
      '"menu.c32": ERROR 1 "File not found"; pxelinux waits at its prompt',
    ],
  ])('%s', (_, text, reason) => {
    expect(playText(text).verdict).toEqual({ kind: 'stuck', reason });
  });
});
