import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './processes.ts';

/** A disk of a machine. */
export interface LocalDisk {
  /** As QEMU names it: an image file, or a folder to be shown as a FAT file system. */
  readonly image: string;
}

/** What the loader on such a disk prints on the serial line. */
export const DISK_MARKER = 'DISK-OK';

const SECTOR = 512;
const DISK_OCTETS = 1024 * 1024;
/** Where a BIOS loads the first sector to, and starts it. */
const LOADED_AT = 0x7c00;

/**
 * Writes the text behind it to the first serial port, octet by octet as the port is ready, and stops. Real mode; the two
 * octets of `mov si` are the address of the text.
 */
const PROGRAM = [
  ...[0x31, 0xc0], //             xor ax, ax
  ...[0x8e, 0xd8], //             mov ds, ax
  ...[0xfc], //                   cld
  ...[0xbe, 0x00, 0x00], //       mov si, text
  ...[0xac], //             next: lodsb
  ...[0x84, 0xc0], //             test al, al
  ...[0x74, 0x12], //             jz done
  ...[0x88, 0xc4], //             mov ah, al
  ...[0xba, 0xfd, 0x03], //       mov dx, 0x3fd
  ...[0xec], //             wait: in al, dx
  ...[0xa8, 0x20], //             test al, 0x20
  ...[0x74, 0xfb], //             jz wait
  ...[0x88, 0xe0], //             mov al, ah
  ...[0xba, 0xf8, 0x03], //       mov dx, 0x3f8
  ...[0xee], //                   out dx, al
  ...[0xeb, 0xe9], //             jmp next
  ...[0xf4], //             done: hlt
  ...[0xeb, 0xfd], //             jmp done
];
const TEXT_ADDRESS_AT = 6;

/** A disk whose boot sector says that it runs. */
export async function makeBiosDisk(file: string): Promise<LocalDisk> {
  const disk = Buffer.alloc(DISK_OCTETS);
  disk.set(PROGRAM);
  disk.writeUInt16LE(LOADED_AT + PROGRAM.length, TEXT_ADDRESS_AT);
  disk.write(`\r\n${DISK_MARKER} the boot sector runs\r\n\0`, PROGRAM.length, 'latin1');
  disk.writeUInt16LE(0xaa55, SECTOR - 2);
  await writeFile(file, disk);
  return { image: file };
}

/** A disk with a loader where UEFI firmware looks for one on every disk; it says that it runs. */
export async function makeUefiDisk(folder: string): Promise<LocalDisk> {
  await mkdir(join(folder, 'EFI/BOOT'), { recursive: true });
  const configuration = `${folder}.cfg`;
  await writeFile(configuration, `echo "${DISK_MARKER} the loader on the disk runs"\nhalt\n`);
  await run('grub-mkimage', [
    ...['-O', 'x86_64-efi', '-p', '/', '-c', configuration, '-o', join(folder, 'EFI/BOOT/BOOTX64.EFI')],
    ...['echo', 'halt'],
  ]);
  return { image: `fat:rw:${folder}` };
}
