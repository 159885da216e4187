import { createHash } from 'node:crypto';
import { chmod, copyFile, link, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtFolder } from './built-folder.ts';
import { buildRamdisk } from './ramdisk.ts';
import { run } from './processes.ts';
import { cloudKernelVersion } from './tools.ts';

/**
 * The map-file of the application note, as it stands there: its first rule refers to a group that it does not have,
 * and its second one is never reached.
 */
export const NOTE_MAP_FILE = `re ^(/tftpboot/) /tftpboot/\\2
re ^/tftpboot/ /tftpboot/
re ^(^/) /tftpboot/\\1
re ^([^/]) /tftpboot/\\1
`;

const SHIM = '/usr/lib/shim/shimx64.efi.signed';

/** Where each loader in the TFTP root comes from. */
const LOADERS: Readonly<Record<string, string>> = {
  'pxelinux.0': '/usr/lib/PXELINUX/pxelinux.0',
  'ldlinux.c32': '/usr/lib/syslinux/modules/bios/ldlinux.c32',
  'bootx64.efi': SHIM,
  'ipxe.efi': '/usr/lib/ipxe/ipxe.efi',
  // The pair as the distribution signs it: that GRUB looks for /grub/grub.cfg.
  'signed/bootx64.efi': SHIM,
  'signed/grubx64.efi': '/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed',
};

/** Where CentOS's GRUB looks for its configuration, which is what Ironic's documents speak of. */
const GRUB_PREFIX = '/EFI/centos';
const GRUB_MODULES =
  'normal configfile linux efinet net tftp http echo test true regexp read serial terminal boot halt reboot sleep ls cat gzio all_video';

/**
 * Copies the TFTP root of the lab into a folder (of hard links, so it must be on the file system of the temporary
 * folder): loaders, `kernel`, `ramdisk` and the map-file, but no configuration file of any loader.
 */
export async function copyBootRoot(folder: string): Promise<void> {
  await run('cp', ['-al', await builtBootRoot(), folder]);
}

/** Puts kernel and ramdisk where Ironic puts them for a node: `UUID/deploy_kernel`, `UUID/deploy_ramdisk`. */
export async function addDeployImages(root: string, nodeUuid: string): Promise<void> {
  await mkdir(join(root, nodeUuid), { recursive: true });
  await link(join(root, 'kernel'), join(root, nodeUuid, 'deploy_kernel'));
  await link(join(root, 'ramdisk'), join(root, nodeUuid, 'deploy_ramdisk'));
}

/** A TFTP root without images and loaders of real machines, for tests that boot none. */
export async function makeSmallRoot(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  await writeFile(join(folder, 'map-file'), NOTE_MAP_FILE);
  await writeFile(join(folder, 'pxelinux.0'), Buffer.alloc(30_000, 'pxelinux'));
}

/** The folder with the images, built when it is not there yet for the packages now installed. */
async function builtBootRoot(): Promise<string> {
  const kernelVersion = cloudKernelVersion();
  if (kernelVersion === undefined) throw new Error('no cloud kernel is installed');
  const kernel = `/boot/vmlinuz-${kernelVersion}`;
  const key = await identity([kernel, ...Object.values(LOADERS), '/usr/lib/grub/x86_64-efi/moddep.lst']);
  return builtFolder(`bootd-boot-root-${key}`, async (root) => {
    await fill(root, kernel);
    const work = join(dirname(root), 'ramdisk');
    await mkdir(work);
    await buildRamdisk(kernelVersion, work, join(root, 'ramdisk'));
  });
}

async function fill(root: string, kernel: string): Promise<void> {
  await mkdir(root);
  for (const [name, source] of [...Object.entries(LOADERS), ['kernel', kernel] as const]) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await copyFile(source, join(root, name));
    await chmod(join(root, name), 0o644);
  }
  await mkdir(join(root, GRUB_PREFIX), { recursive: true });
  await run('grub-mkimage', [
    ...['-O', 'x86_64-efi', '-p', GRUB_PREFIX, '-o', join(root, 'grubx64.efi')],
    ...GRUB_MODULES.split(' '),
  ]);
  await writeFile(join(root, 'map-file'), NOTE_MAP_FILE);
}

/** Changes with the version of any package that goes in, and with the way of building. */
async function identity(sources: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) {
    const { size, mtimeMs } = await stat(source);
    hash.update(`${source} ${size} ${mtimeMs}\n`);
  }
  for (const builder of ['./boot-root.ts', './ramdisk.ts']) {
    hash.update(await readFile(fileURLToPath(new URL(builder, import.meta.url))));
  }
  return hash.digest('hex').slice(0, 16);
}
