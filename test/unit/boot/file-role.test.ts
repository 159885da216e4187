import { describe, expect, it } from 'vitest';
import { fileRoleOf, type FileRole } from '../../../src/boot/file-role.ts';
import { profileSample } from './samples.ts';

const FACTS = { bootFile: '/pxelinux.0', profile: undefined, tftpRoot: '/srv/tftp' };

describe('fileRoleOf', () => {
  it.each<[string, FileRole]>([
    ['/pxelinux.0', 'boot-file'],
    ['/srv/tftp//pxelinux.0', 'boot-file'],
    ['ldlinux.c32', 'loader'],
    ['grubx64.efi', 'loader'],
    ['boot/grub/x86_64-efi/linux.mod', 'loader'],
    ['pxelinux.cfg/01-0c-c4-7a-0e-2b-6b', 'configuration'],
    ['tftpboot/EFI/centos/grub.cfg', 'configuration'],
    ['scripts/site.ipxe', 'configuration'],
    ['40928205-b463-4846-b68a-97099512d8df/deploy_kernel', 'kernel'],
    ['40928205-b463-4846-b68a-97099512d8df/deploy_ramdisk', 'ramdisk'],
    ['vmlinuz-6.1.0', 'kernel'],
    ['debian/linux', 'kernel'],
    ['initrd.img', 'ramdisk'],
    ['initramfs-6.1.img', 'ramdisk'],
    ['memtest.bin', 'loader'],
  ])('takes %s for %s', (path, role) => {
    expect(fileRoleOf(path, FACTS)).toBe(role);
  });

  it('believes the profile before the name', () => {
    const profile = profileSample({ kernel: '/srv/tftp/images/a', ramdisk: '/tftpboot/images/vmlinuz' });
    expect(fileRoleOf('images/a', { ...FACTS, profile })).toBe('kernel');
    expect(fileRoleOf('images/vmlinuz', { ...FACTS, profile })).toBe('ramdisk');
  });

  it('knows a boot file that was given as a URL', () => {
    const bootFile = 'http://192.168.0.1:8080/loaders/ipxe.efi';
    expect(fileRoleOf('loaders/ipxe.efi', { ...FACTS, bootFile })).toBe('boot-file');
  });
});
