import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Arguments that every kernel of the lab needs: its console is the serial line, and emulation is slow. */
export const KERNEL_ARGUMENTS = 'console=ttyS0,115200 loglevel=6 nokaslr mitigations=off panic=-1';

/** The loaders' files for one machine as an admin writes them by hand today, below the TFTP root. */
export async function writeLoaderFiles(
  root: string,
  mac: string,
  nodeUuid: string,
  argument: string,
): Promise<void> {
  const dashed = mac.replaceAll(':', '-');
  await mkdir(join(root, 'pxelinux.cfg'), { recursive: true });
  await writeFile(
    join(root, 'pxelinux.cfg', `01-${dashed}`),
    `default deploy
label deploy
kernel ${nodeUuid}/deploy_kernel
append initrd=${nodeUuid}/deploy_ramdisk ${KERNEL_ARGUMENTS} ${argument}
ipappend 2
`,
  );
  await writeFile(
    join(root, 'EFI/centos', `grub.cfg-01-${dashed}`),
    `set timeout=0
linux /tftpboot/${nodeUuid}/deploy_kernel ${KERNEL_ARGUMENTS} ${argument} BOOTIF=01-${dashed}
initrd /tftpboot/${nodeUuid}/deploy_ramdisk
boot
`,
  );
}
