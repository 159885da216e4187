import { parseBootPath } from './boot-paths.ts';
import type { BootProfile } from './boot-profile.ts';
import { imageKey, imageKeyOfPath } from './cached-image.ts';
import type { ImageChecksum } from './image-checksum.ts';

/** What a file is in a boot: what DHCP named, what a loader loads for itself, its configuration, and what it starts. */
export const FILE_ROLES = ['boot-file', 'loader', 'configuration', 'kernel', 'ramdisk'] as const;

export type FileRole = (typeof FILE_ROLES)[number];

/** What is known of the boot that asks for a file. */
export interface FileRoleFacts {
  /** What DHCP told the machine to fetch: a name, or a URL. */
  readonly bootFile: string | undefined;
  readonly profile:
    Pick<BootProfile, 'kernel' | 'ramdisk' | 'kernelChecksum' | 'ramdiskChecksum'> | undefined;
  /** Kernels may be named with it in front. */
  readonly tftpRoot: string | undefined;
}

/** Kernels and ramdisks as distributions and Ironic call them, for machines whose configuration is a file on disk. */
const KERNEL_NAME = /(?:^|[._-])(?:vmlinu[xz]|bzimage|kernel|linux)(?:[._-]|$)/i;
const RAMDISK_NAME = /(?:^|[._-])(?:initrd|initramfs|ramdisk)(?:[._-]|$)/i;

/** What a name means in this boot. The node's own profile says what its images are; without one, their names do. */
export function fileRoleOf(path: string, { bootFile, profile, tftpRoot }: FileRoleFacts): FileRole {
  const name = bareName(path, tftpRoot);
  if (isSameFile(name, profile?.kernel, tftpRoot) || isImage(name, profile?.kernelChecksum)) return 'kernel';
  if (isSameFile(name, profile?.ramdisk, tftpRoot) || isImage(name, profile?.ramdiskChecksum))
    return 'ramdisk';
  if (parseBootPath(name) !== undefined || name.endsWith('.ipxe')) return 'configuration';
  if (isSameFile(name, bootFile, tftpRoot)) return 'boot-file';
  const last = name.slice(name.lastIndexOf('/') + 1);
  // `ldlinux.c32`, `linux.mod`: a loader's parts are not kernels.
  if (/(?:\.(?:c32|mod|lst|efi)|pxelinux\.0)$/i.test(last)) return 'loader';
  if (RAMDISK_NAME.test(last)) return 'ramdisk';
  return KERNEL_NAME.test(last) ? 'kernel' : 'loader';
}

/** Whether two names mean the same file below the root, whatever stands in front of it. */
export function isSameName(one: string, other: string, tftpRoot: string | undefined): boolean {
  return bareName(one, tftpRoot) === bareName(other, tftpRoot);
}

/** An image by URL is served by its checksum. */
function isImage(name: string, checksum: ImageChecksum | undefined): boolean {
  return checksum !== undefined && imageKeyOfPath(name) === imageKey(checksum);
}

function isSameFile(name: string, other: string | undefined, tftpRoot: string | undefined): boolean {
  if (other === undefined || other === '') return false;
  const path = URL.canParse(other) ? new URL(other).pathname : other;
  return bareName(path, tftpRoot) === name;
}

/** Names come with and without the root and `tftpboot/` in front, as map-files, loaders and Ironic have it. */
function bareName(path: string, tftpRoot: string | undefined): string {
  const below =
    tftpRoot !== undefined && path.startsWith(`${tftpRoot}/`) ? path.slice(tftpRoot.length) : path;
  return below.replace(/\/{2,}/g, '/').replace(/^(?:\/*tftpboot\/)*\/*/, '');
}
