import { describe, expect, it } from 'vitest';
import { expandIpxeVariables, isIpxeScript } from '../../../src/probe/ipxe-script.ts';
import { loaderFacts, playBootFrom, type PlayedBoot } from './play-boot.ts';

/** A boot of iPXE with this script as its boot file. */
function playScript(
  script: string,
  files: Readonly<Record<string, string>> = {},
  bootFile = 'boot.ipxe',
): PlayedBoot {
  const facts = loaderFacts({ firmware: 'ipxe', bootFile });
  return playBootFrom(facts, { [bootFile]: `#!ipxe\n${script}`, k: 'x', r: 'x', ...files });
}

const KERNEL = { kind: 'kernel', kernel: 'k', ramdisks: ['r'], parameters: 'quiet' };

describe('the language', () => {
  it.each([
    ['plain commands', 'kernel k initrd=r quiet\ninitrd r\nboot'],
    ['flags', 'kernel --name linux k quiet\ninitrd --name r r\nboot --autofree'],
    ['what fails and is passed over', 'kernel nothing ||\nkernel k quiet\ninitrd r\nboot'],
    ['|| after what worked', 'kernel k quiet || goto no\ninitrd r && boot || goto no\n:no\nexit'],
    ['labels', 'goto b\n:a\ninitrd r\nboot\n:b\nkernel k quiet\ngoto a'],
    ['variables', 'set f:string k\nkernel ${f} quiet\nset g r\ninitrd ${g}\nboot'],
    [
      'isset',
      'isset ${net1/mac} && goto no ||\nisset ${net0/mac} && goto yes ||\n:no\nexit\n:yes\nkernel k quiet\ninitrd r\nboot',
    ],
    ['iseq', 'iseq ${platform} pcbios && goto bios ||\nexit\n:bios\nkernel k quiet\ninitrd r\nboot'],
    ['counting', 'set n:int32 -1\n:loop\ninc n\niseq ${n} 2 || goto loop\nkernel k quiet\ninitrd r\nboot'],
    ['imgargs', 'kernel k loud\nimgargs k quiet\ninitrd r\nboot'],
    ['imgfree', 'initrd nothing ||\ninitrd r\nimgfree\nkernel k quiet\ninitrd r\nboot'],
    ['comments and continued lines', '# x\nkernel k \\\n  quiet # why\ninitrd r\nboot'],
    [
      'a menu',
      'choose --default yes --timeout 1000 t && goto ${t} || goto no\n:no\nexit\n:yes\nkernel k quiet\ninitrd r\nboot',
    ],
  ])('%s', (_, script) => {
    expect(playScript(script).verdict).toEqual(KERNEL);
  });

  it('replaces the innermost variable first, and knows the formats of addresses', () => {
    const settings: Readonly<Record<string, string>> = { id: '0', 'net0/mac': '0c:c4:7a:0e:2b:6b' };
    const expand = (text: string): string => expandIpxeVariables(text, (name) => settings[name] ?? '');
    expect(expand('${net${id}/mac:hexhyp} ${net0/mac:hexraw} ${none}.')).toBe(
      '0c-c4-7a-0e-2b-6b 0cc47a0e2b6b .',
    );
  });

  it.each([
    ['#!ipxe\n', true],
    ['#!ipxe', true],
    ['#!ipxe\r\nboot', true],
    ['#!ipxecfg\n', false],
    ['#!/bin/sh\n', false],
    ['', false],
  ])('%j is a script: %s', (text, expected) => {
    expect(isIpxeScript(text)).toBe(expected);
  });
});

describe('where files come from', () => {
  it.each([
    ['boot.ipxe', 'k', 'k'],
    ['/boot.ipxe', 'k', '/k'],
    ['boot.ipxe', '/tftpboot/k', 'tftpboot/k'],
    ['ipxe/boot.ipxe', 'k', 'ipxe/k'],
    ['boot.ipxe', 'tftp://192.168.0.1/a/k', 'a/k'],
  ])('the script %s asks for %s as %s', (bootFile, name, expected) => {
    expect(playScript(`kernel ${name}`, {}, bootFile).names.at(-1)).toBe(expected);
  });

  it('a script that came over HTTP stays with HTTP', () => {
    const url = 'http://192.168.0.1:8080/ipxe/boot.ipxe';
    const { names } = playScript('kernel ../k || kernel /l', {}, url);
    expect(names.slice(1)).toEqual(['http://192.168.0.1:8080/k', 'http://192.168.0.1:8080/l']);
  });

  it("Ironic's boot.ipxe finds the script of the machine by its MAC", () => {
    const script = [
      'set netid:int32 -1',
      ':loop',
      'inc netid',
      'isset ${net${netid}/mac} || chain pxelinux.cfg/${mac:hexhyp} || goto error',
      'chain pxelinux.cfg/${net${netid}/mac:hexhyp} || goto loop',
      ':error',
      'exit',
    ].join('\n');
    const own = '#!ipxe\nkernel k quiet\ninitrd r\nboot\n';
    const { verdict, names } = playScript(script, {
      'pxelinux.cfg/0c-c4-7a-0e-2b-6b': own,
      'pxelinux.cfg/k': 'x',
      'pxelinux.cfg/r': 'x',
    });
    expect(names).toEqual([
      'boot.ipxe',
      'pxelinux.cfg/0c-c4-7a-0e-2b-6b',
      'pxelinux.cfg/k',
      'pxelinux.cfg/r',
    ]);
    expect(verdict).toEqual(KERNEL);
  });
});

describe('where it ends', () => {
  it.each([
    ['sanboot', 'sanboot --no-describe --drive 0x80', { kind: 'local-disk' }],
    ['exit', 'exit 1', { kind: 'local-disk' }],
    ['a program', 'chain memdisk', { kind: 'not-followed', reason: 'iPXE hands over to memdisk' }],
    ['a shell', 'shell', { kind: 'not-followed', reason: 'the script of iPXE says shell' }],
    [
      'nothing started',
      'echo hello',
      { kind: 'stuck', reason: 'the script of iPXE ends without starting anything' },
    ],
    [
      'a label that is not there',
      'goto nowhere',
      { kind: 'stuck', reason: 'the script of iPXE has no label nowhere' },
    ],
    [
      'a menu without default',
      'choose x',
      { kind: 'stuck', reason: 'a menu of iPXE has no default, and waits for a key' },
    ],
    ['a loop', ':a\ngoto a', { kind: 'stuck', reason: 'the script of iPXE runs in a loop' }],
    [
      'a file that is not there',
      'kernel no\nboot',
      { kind: 'stuck', reason: '"no": ERROR 1 "File not found"; iPXE has no kernel to start' },
    ],
    [
      'a chain to itself',
      'chain boot.ipxe',
      { kind: 'stuck', reason: 'the scripts of iPXE chain to each other without end' },
    ],
  ])('%s', (_, script, verdict) => {
    expect(playScript(script, { memdisk: 'x' }).verdict).toEqual(verdict);
  });

  it('a script that tries for ever is left after the third refusal', () => {
    const { names, verdict } = playScript(
      ':boot\nkernel no || goto again\nboot\n:again\nsleep 10\ngoto boot',
    );
    expect(names.filter((name) => name === 'no')).toHaveLength(3);
    expect(verdict).toEqual({
      kind: 'stuck',
      reason: '"no": ERROR 1 "File not found"; iPXE has no kernel to start',
    });
  });
});
