import {
  contentText,
  folderOf,
  stuckWithout,
  tftpOptions,
  tftpRequest,
  type BootVerdict,
  type FileAnswer,
  type FilePurpose,
  type FileRequest,
  type LoaderFacts,
  type LoaderSteps,
} from './file-request.ts';
import type { FirmwareShapeName } from './firmware-shapes.ts';
import { runGrub } from './grub-client.ts';
import { ipxeBootLocation, ipxeRequest, runIpxeScript } from './ipxe-client.ts';
import { isIpxeScript } from './ipxe-script.ts';
import { runPxelinux } from './pxelinux-client.ts';

/** The size is asked for first, and the transfer ended with the ERROR that OVMF sends; then the file itself. */
const OVMF = {
  sizeProbe: tftpOptions('tsize=0 blksize=1468 windowsize=4'),
  sizeKnown: { after: 'oack', code: 8, message: 'User aborted the transfer' } as const,
  load: tftpOptions('blksize=1468 windowsize=4'),
};

/** The same in the ROMs of card makers. */
const UNDI = {
  sizeProbe: tftpOptions('tsize=0'),
  sizeKnown: { after: 'oack', code: 0, message: 'TFTP Aborted' } as const,
  load: tftpOptions('blksize=1456'),
};

/** shim reads through the firmware, which is then told blocks of 512 octets. */
const SHIM_OPTIONS = tftpOptions('blksize=512 windowsize=4');

/** Revocations and certificates that a distribution may ship beside shim; all of them absent is the usual case. */
const SHIM_EXTRAS = ['revocations_sku.efi', 'revocations_sbat.efi', 'shim_certificate_0.efi'];

/**
 * Everything that a machine asks for after its DHCP exchange: the boot file as its firmware fetches it, then what the
 * loader in it asks for, up to kernel and ramdisk. Each request that comes out wants its answer.
 */
export function* bootMachine(facts: LoaderFacts): LoaderSteps<BootVerdict> {
  if (facts.firmware === 'linux') return { kind: 'address' };
  if (facts.lease.bootFile === '') {
    return {
      kind: 'stuck',
      reason: 'the answer names no boot file, so the machine goes on to its next boot device',
    };
  }
  switch (facts.firmware) {
    case 'uefi-x64':
    case 'uefi-ia32':
    case 'uefi-arm64':
      return yield* bootBySizeFirst(facts, OVMF, 'PXE-E53: NBP filesize is 0');
    case 'bios-undi':
      return yield* bootBySizeFirst(facts, UNDI, 'the ROM does not load a file of unknown size');
    case 'uefi-http-x64':
      return yield* bootByUrl(facts);
    case 'bios':
    case 'ipxe':
    case 'ipxe-efi':
      return yield* bootByIpxe(facts);
    case 'bootp': {
      const request = tftpRequest(facts, 'boot-file', facts.lease.bootFile, []);
      const answer = yield request;
      if (answer.kind !== 'served') return stuckWithout(request, answer, 'the ROM gives up');
      return yield* runLoader(facts, answer);
    }
    default:
      return facts.firmware satisfies never;
  }
}

function* bootBySizeFirst(
  facts: LoaderFacts,
  client: typeof OVMF | typeof UNDI,
  complaint: string,
): LoaderSteps<BootVerdict> {
  const { bootFile } = facts.lease;
  const probe = tftpRequest(facts, 'boot-file', bootFile, client.sizeProbe, { abort: client.sizeKnown });
  const size = yield probe;
  if (size.kind === 'refused' || size.kind === 'failed')
    return stuckWithout(probe, size, 'the firmware gives up');
  if (!size.octets) {
    return { kind: 'stuck', reason: `"${bootFile}": the server does not say its size (tsize); ${complaint}` };
  }
  const request = tftpRequest(facts, 'boot-file', bootFile, client.load);
  const answer = yield request;
  if (answer.kind !== 'served') return stuckWithout(request, answer, 'the firmware gives up');
  return yield* runLoader(facts, answer);
}

/** OVMF asks for the size with HEAD and then loads with GET. */
function* bootByUrl(facts: LoaderFacts): LoaderSteps<BootVerdict> {
  const head = httpRequest('boot-file', 'HEAD', facts.lease.bootFile);
  const size = yield head;
  if (size.kind === 'refused' || size.kind === 'failed')
    return stuckWithout(head, size, 'the firmware gives up');
  const request = httpRequest('boot-file', 'GET', facts.lease.bootFile);
  const answer = yield request;
  if (answer.kind !== 'served') return stuckWithout(request, answer, 'the firmware gives up');
  const objection = objectionToProgram(facts.firmware, answer);
  if (objection !== undefined) return { kind: 'stuck', reason: `"${facts.lease.bootFile}" ${objection}` };
  const { bootFile } = facts.lease;
  if (isIpxeProgram(bootFile)) return { kind: 'ipxe', shape: 'ipxe-efi' };
  const name = bootFile.slice(folderOf(bootFile).length).toLowerCase();
  if (name.startsWith('grub')) return yield* runGrub(facts);
  if (isShim(name)) return yield* runShimOverHttp(facts);
  return { kind: 'not-followed', reason: `what "${bootFile}" asks for next is not known` };
}

/** iPXE asks once, and goes on by itself when it got a script. */
function* bootByIpxe(facts: LoaderFacts): LoaderSteps<BootVerdict> {
  const location = ipxeBootLocation(facts);
  const request = ipxeRequest('boot-file', location);
  const answer = yield request;
  if (answer.kind !== 'served') return stuckWithout(request, answer, 'iPXE gives up');
  const text = contentText(answer);
  if (isIpxeScript(text)) return yield* runIpxeScript(facts, text, location);
  return yield* runLoader(facts, answer);
}

/** Which loader a boot file is can only be told by its name; only a script of iPXE says so in its content. */
function* runLoader(facts: LoaderFacts, answer: FileAnswer): LoaderSteps<BootVerdict> {
  const { bootFile } = facts.lease;
  const name = bootFile.slice(folderOf(bootFile).length).toLowerCase();
  const objection = objectionToProgram(facts.firmware, answer);
  if (objection !== undefined) return { kind: 'stuck', reason: `"${bootFile}" ${objection}` };
  if (isIpxeProgram(name)) return { kind: 'ipxe', shape: isEfi(facts.firmware) ? 'ipxe-efi' : 'ipxe' };
  if (name.includes('pxelinux')) return yield* runPxelinux(facts);
  if (name.includes('grub') || name === 'core.0') return yield* runGrub(facts);
  if (isEfi(facts.firmware) && isShim(name)) return yield* runShim(facts);
  return { kind: 'not-followed', reason: `what "${bootFile}" asks for next is not known` };
}

/** shim's extras and then GRUB, all in the folder of shim. */
function* runShim(facts: LoaderFacts): LoaderSteps<BootVerdict> {
  const folder = folderOf(facts.lease.bootFile);
  for (const name of SHIM_EXTRAS) {
    yield tftpRequest(facts, 'loader', folder + name, SHIM_OPTIONS, { optional: true });
  }
  const request = tftpRequest(facts, 'loader', folder + grubName(facts.firmware), SHIM_OPTIONS);
  const answer = yield request;
  if (answer.kind !== 'served') return stuckWithout(request, answer, 'shim has nothing to start');
  return yield* runGrub(facts);
}

/** Over HTTP shim puts a second slash before GRUB's name. */
function* runShimOverHttp(facts: LoaderFacts): LoaderSteps<BootVerdict> {
  const folder = folderOf(facts.lease.bootFile);
  for (const name of SHIM_EXTRAS) yield { ...httpRequest('loader', 'GET', folder + name), optional: true };
  const request = httpRequest('loader', 'GET', `${folder}/${grubName(facts.firmware)}`);
  const answer = yield request;
  if (answer.kind !== 'served') return stuckWithout(request, answer, 'shim has nothing to start');
  return yield* runGrub(facts);
}

function httpRequest(purpose: FilePurpose, method: 'GET' | 'HEAD', url: string): FileRequest {
  return { purpose, source: { kind: 'http', method, url }, optional: false };
}

/** Why the firmware cannot start what it got; undefined when it looks like a program of its kind. */
function objectionToProgram(firmware: FirmwareShapeName, answer: FileAnswer): string | undefined {
  if (isIpxeScript(contentText(answer)))
    return 'is a script of iPXE, but the firmware is no iPXE and cannot start it';
  const isPortableExecutable =
    answer.kind === 'served' && answer.content[0] === 0x4d && answer.content[1] === 0x5a;
  if (isEfi(firmware) && !isPortableExecutable)
    return 'is no EFI program (it does not begin with MZ), and UEFI refuses it';
  if (!isEfi(firmware) && isPortableExecutable) return 'is an EFI program, and a BIOS cannot start it';
  return undefined;
}

/** undionly.kpxe, ipxe.efi, snponly.efi, ipxe-arm64.efi and the like. */
function isIpxeProgram(name: string): boolean {
  return /(?:^|[/_-])(?:ipxe|undionly|snp|snponly)(?:[._-]|$)/i.test(name) && !/\.ipxe$/i.test(name);
}

function isShim(name: string): boolean {
  return /^(?:boot|shim).*\.efi/.test(name);
}

function isEfi(firmware: FirmwareShapeName): boolean {
  return firmware.startsWith('uefi') || firmware === 'ipxe-efi';
}

function grubName(firmware: FirmwareShapeName): string {
  if (firmware === 'uefi-ia32') return 'grubia32.efi';
  return firmware === 'uefi-arm64' ? 'grubaa64.efi' : 'grubx64.efi';
}
