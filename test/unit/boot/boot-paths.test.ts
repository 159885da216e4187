import { describe, expect, it } from 'vitest';
import { addressHasHexPrefix, parseBootPath, type BootPathSubject } from '../../../src/boot/boot-paths.ts';
import type { Loader } from '../../../src/boot/template.ts';
import { swapUuidFields } from '../../../src/boot/node.ts';
import { ipv4, mac, uuid } from './samples.ts';

const M: BootPathSubject = { kind: 'mac', mac: mac('52:54:00:aa:00:09') };
const ADDRESS: BootPathSubject = { kind: 'address', address: ipv4('192.168.0.130') };
const ANY: BootPathSubject = { kind: 'any' };
const SYSTEM: BootPathSubject = { kind: 'uuid', uuid: uuid('40928205-b463-4846-b68a-97099512d8df') };
const prefix = (hexDigits: string): BootPathSubject => ({ kind: 'address-prefix', hexDigits });

describe('parseBootPath', () => {
  // The names of docs/booting.md, in the order in which loaders ask for them.
  const names: readonly [path: string, loader: Loader, subject: BootPathSubject][] = [
    ['pxelinux.cfg/40928205-b463-4846-b68a-97099512d8df', 'pxelinux', SYSTEM],
    ['EFI/centos/grub.cfg-40928205-b463-4846-b68a-97099512d8df', 'grub', SYSTEM],
    ['pxelinux.cfg/40928205-B463-4846-B68A-97099512D8DF', 'pxelinux', SYSTEM],
    ['pxelinux.cfg/01-52-54-00-aa-00-09', 'pxelinux', M],
    ['pxelinux.cfg/20-52-54-00-aa-00-09', 'pxelinux', M],
    ['pxelinux.cfg/01-52-54-00-AA-00-09', 'pxelinux', M],
    ['pxelinux.cfg/C0A80082', 'pxelinux', ADDRESS],
    ['pxelinux.cfg/C0A8008', 'pxelinux', prefix('C0A8008')],
    ['pxelinux.cfg/C0A800', 'pxelinux', prefix('C0A800')],
    ['pxelinux.cfg/C0A80', 'pxelinux', prefix('C0A80')],
    ['pxelinux.cfg/C0A8', 'pxelinux', prefix('C0A8')],
    ['pxelinux.cfg/C0A', 'pxelinux', prefix('C0A')],
    ['pxelinux.cfg/C0', 'pxelinux', prefix('C0')],
    ['pxelinux.cfg/C', 'pxelinux', prefix('C')],
    ['pxelinux.cfg/default', 'pxelinux', ANY],
    ['bios/pxelinux.cfg/01-52-54-00-aa-00-09', 'pxelinux', M],
    ['pxelinux.cfg/52-54-00-aa-00-09', 'ipxe', M],
    ['boot.ipxe', 'ipxe', ANY],
    ['autoexec.ipxe', 'ipxe', ANY],
    ['ipxe/boot.ipxe', 'ipxe', ANY],
    ['EFI/centos/grub.cfg-01-52-54-00-aa-00-09', 'grub', M],
    ['EFI/centos/grub.cfg-C0A80082', 'grub', ADDRESS],
    ['EFI/centos/grub.cfg-C0A8008', 'grub', prefix('C0A8008')],
    ['EFI/centos/grub.cfg-C', 'grub', prefix('C')],
    ['EFI/centos/grub.cfg', 'grub', ANY],
    ['EFI/BOOT/grub.cfg', 'grub', ANY],
    ['efi/debian/grub.cfg', 'grub', ANY],
    ['grub.cfg-01-52-54-00-aa-00-09', 'grub', M],
    ['grub/grub.cfg', 'grub', ANY],
    ['grub2/grub.cfg', 'grub', ANY],
    ['boot/grub/grub.cfg', 'grub', ANY],
    ['grub.cfg', 'grub', ANY],
    ['52:54:00:aa:00:09.conf', 'grub', M],
    ['192.168.0.130.conf', 'grub', ADDRESS],
  ];
  it.each(names)('%s', (path, loader, subject) => {
    expect(parseBootPath(path)).toEqual({ loader, subject });
  });

  it.each(names)('tftpboot/%s, //tftpboot//%s: the same', (path) => {
    expect(parseBootPath(`tftpboot/${path}`)).toEqual(parseBootPath(path));
    expect(parseBootPath(`//tftpboot//${path}`)).toEqual(parseBootPath(path));
    expect(parseBootPath(`tftpboot/tftpboot/${path}`)).toEqual(parseBootPath(path));
    expect(parseBootPath(`./${path}`)).toEqual(parseBootPath(path));
  });

  it.each([
    '',
    '/',
    'tftpboot',
    'pxelinux.0',
    'ldlinux.c32',
    'pxelinux.cfg',
    'pxelinux.cfg/',
    'pxelinux.cfg/menu',
    'pxelinux.cfg/01-52-54-00-aa',
    'pxelinux.cfg/52:54:00:aa:00:09',
    'pxelinux.cfg/c0a80082',
    'pxelinux.cfg/C0A800820',
    'pxelinux.cfg/20-80-00-02-08-fe-80-00-00-00-00-00-00-00-02-c9-03-00-10-20-30',
    'pxelinux.cfg/x/default',
    'default',
    'grub/x86_64-efi/command.lst',
    'tools/grub.cfg',
    'EFI/a/b/grub.cfg',
    'grub.cfg-',
    'grub.cfg-01-zz-54-00-aa-00-09',
    'grub.cfg-52-54-00-aa-00-09',
    '52-54-00-aa-00-09.conf',
    '192.168.0.256.conf',
    'dhcpd.conf',
    'revocations_sku.efi',
    '40928205-b463-4846-b68a-97099512d8df/deploy_kernel',
    '../grub.cfg',
    'EFI/../grub.cfg',
  ])('leaves %j to the disk', (path) => {
    expect(parseBootPath(path)).toBeUndefined();
  });
});

describe('addressHasHexPrefix', () => {
  it.each([
    ['C0A80082', true],
    ['C0A8', true],
    ['C', true],
    ['C1', false],
    ['A', false],
  ])('192.168.0.130 and %s: %s', (digits, expected) => {
    expect(addressHasHexPrefix(ipv4('192.168.0.130'), digits)).toBe(expected);
  });
});

it('swaps the first three fields of a UUID, as SMBIOS has them, and back', () => {
  const swapped = uuid('05829240-63b4-4648-b68a-97099512d8df');
  const plain = uuid('40928205-b463-4846-b68a-97099512d8df');
  expect(swapUuidFields(plain)).toBe(swapped);
  expect(swapUuidFields(swapped)).toBe(plain);
});
