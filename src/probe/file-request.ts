import type { Ipv4 } from '../addr/ipv4.ts';
import type { TftpOption } from '../wire/tftp/tftp-options.ts';
import type { BootOffer } from './boot-offer.ts';
import type { FirmwareShapeName, ProbeMachine } from './firmware-shapes.ts';
import type { TftpReadRequest } from './tftp-client.ts';

/** What a file is to the boot. */
export type FilePurpose =
  /** The file that the firmware loads and starts. */
  | 'boot-file'
  /** A further part of the loader. */
  | 'loader'
  | 'configuration'
  | 'kernel'
  | 'ramdisk';

/** Where a file is fetched from. */
export type FileSource =
  | { readonly kind: 'tftp'; readonly server: Ipv4; readonly request: TftpReadRequest }
  | { readonly kind: 'http'; readonly method: 'GET' | 'HEAD'; readonly url: string };

/** One request of a firmware or a loader. */
export interface FileRequest {
  readonly purpose: FilePurpose;
  readonly source: FileSource;
  /** The boot goes on without it: a refusal is part of every good boot. */
  readonly optional: boolean;
}

/** How it went. */
export type FileAnswer =
  /** `content` is the file where it is small enough to be a configuration, else its beginning. */
  | { readonly kind: 'served'; readonly octets: number; readonly content: Uint8Array }
  /** The client ended the transfer itself, knowing what it wanted. */
  | { readonly kind: 'aborted'; readonly octets: number | undefined; readonly content: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** What the boot came to. */
export type BootVerdict =
  /** Kernel and ramdisks were served; `parameters` is the kernel's command line without `initrd=`. */
  | {
      readonly kind: 'kernel';
      readonly kernel: string;
      readonly ramdisks: readonly string[];
      readonly parameters: string;
    }
  | { readonly kind: 'local-disk' }
  /** A running system that only wanted its address. */
  | { readonly kind: 'address' }
  /** The boot file was iPXE, which now asks by DHCP itself. */
  | { readonly kind: 'ipxe'; readonly shape: FirmwareShapeName }
  /** Everything that was asked for was served; what comes after it is beyond what can be played. */
  | { readonly kind: 'not-followed'; readonly reason: string }
  | { readonly kind: 'stuck'; readonly reason: string };

/** A conversation: requests come out, answers go in, the result ends it. No time passes in here. */
export type LoaderSteps<Result> = Generator<FileRequest, Result, FileAnswer>;

/** What a loader knows when it starts. */
export interface LoaderFacts {
  readonly firmware: FirmwareShapeName;
  readonly machine: ProbeMachine;
  readonly lease: BootOffer;
  /** Folder that GRUB was built to look in: `/EFI/centos` and the like. */
  readonly grubPrefix: string;
}

/** A request over TFTP from the lease's server, with the options in the order in which the client writes them. */
export function tftpRequest(
  facts: LoaderFacts,
  purpose: FilePurpose,
  name: string,
  options: readonly TftpOption[],
  manner: { readonly optional?: boolean; readonly abort?: TftpReadRequest['abort'] } = {},
): FileRequest {
  return {
    purpose,
    source: {
      kind: 'tftp',
      server: facts.lease.nextServer,
      request: { name, options, abort: manner.abort },
    },
    optional: manner.optional ?? false,
  };
}

/** `blksize=1432 tsize=0` as options. */
export function tftpOptions(text: string): readonly TftpOption[] {
  return text.split(' ').map((pair) => {
    const [name = '', value = ''] = pair.split('=');
    return { name, value };
  });
}

/** The name under which people know a request. */
export function requestName(request: FileRequest): string {
  return request.source.kind === 'tftp' ? request.source.request.name : request.source.url;
}

/** A configuration as text: UTF-8, one replacement character for every octet that is none. */
export function contentText(answer: FileAnswer): string {
  return answer.kind === 'served' || answer.kind === 'aborted'
    ? new TextDecoder().decode(answer.content)
    : '';
}

/** The end of a boot that cannot go on without the file. */
export function stuckWithout(request: FileRequest, answer: FileAnswer, consequence: string): BootVerdict {
  const what = `"${requestName(request)}"`;
  const reason = answer.kind === 'refused' || answer.kind === 'failed' ? answer.reason : 'not served';
  return { kind: 'stuck', reason: `${what}: ${reason}; ${consequence}` };
}

/** Everything up to and including the last slash; empty when there is none. */
export function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/') + 1);
}
