import { describe, expect, it } from 'vitest';
import { fileFamily } from '../../../src/tftp/file-family.ts';

describe('the family of a file', () => {
  it.each([
    ['pxelinux.0', 'pxelinux.0'],
    ['pxelinux.cfg/default', 'pxelinux.cfg/default'],
    ['pxelinux.cfg/01-52-54-00-12-34-56', 'pxelinux.cfg/<mac>'],
    ['pxelinux.cfg/20-00-00-02-c9-00-00-00-00-52-54-00-12', 'pxelinux.cfg/<mac>'],
    ['tftpboot/pxelinux.cfg/C0A80082', 'tftpboot/pxelinux.cfg/<ip>'],
    ['pxelinux.cfg/C0A', 'pxelinux.cfg/<ip>'],
    ['pxelinux.cfg/cbe08678-b1be-4683-b8e6-bdc8515890ad', 'pxelinux.cfg/<uuid>'],
    ['cbe08678-b1be-4683-b8e6-bdc8515890ad/deploy_kernel', '<uuid>/deploy_kernel'],
    ['CBE08678-B1BE-4683-B8E6-BDC8515890AD/config', '<uuid>/config'],
    ['grub.cfg-01-52-54-00-12-34-56', 'grub.cfg-<mac>'],
    ['grub.cfg-C0A80082', 'grub.cfg-<ip>'],
    ['grub/grub.cfg', 'grub/grub.cfg'],
    ['52:54:00:12:34:56.conf', '<mac>.conf'],
    ['192.168.0.130.conf', '<ip>.conf'],
    ['vmlinuz-6.1.0-1-amd64', 'vmlinuz-6.1.0-1-amd64'],
    ['EFI/debian/grubx64.efi', 'EFI/debian/grubx64.efi'],
  ])('%s is %s', (path, family) => {
    expect(fileFamily(path)).toBe(family);
  });
});
