import { imagePath, type ImageSource } from './cached-image.ts';
import type { ImageChecksum } from './image-checksum.ts';

/** When a profile is used: each time; until its ramdisk was once sent whole; or never, the local disk instead. */
export const BOOT_POLICIES = ['always', 'once', 'local-disk'] as const;

export type BootPolicy = (typeof BOOT_POLICIES)[number];

/** What a machine boots. */
export interface BootProfile {
  /** For people and for Ironic: deploy, rescue, instance, ... */
  readonly purpose: string | undefined;
  /** Path below the TFTP root, or a URL. Undefined for policy `local-disk`, or a template that needs none. */
  readonly kernel: string | undefined;
  readonly ramdisk: string | undefined;
  /** With a URL: this server fetches it, and machines get it from here. */
  readonly kernelChecksum?: ImageChecksum | undefined;
  readonly ramdiskChecksum?: ImageChecksum | undefined;
  readonly kernelAppendParams: string;
  /** A template's name without its loader and ending (`rescue` for `grub-rescue.tmpl`); undefined: the loader's own. */
  readonly template: string | undefined;
  readonly policy: BootPolicy;
}

/** Where a kernel or a ramdisk comes from. */
export type ImageLocation =
  /** Below the TFTP root, without a leading slash. */
  | { readonly kind: 'path'; readonly path: string }
  /** Fetched by this server and kept; `path` is where machines find it, below the root like any file. */
  | { readonly kind: 'cached'; readonly source: ImageSource; readonly path: string }
  /** The loader fetches it by itself: iPXE, lpxelinux.0, or a GRUB with its http module. */
  | { readonly kind: 'url'; readonly url: string; readonly host: string; readonly path: string }
  | { readonly kind: 'invalid'; readonly reason: string };

/** What can stand in a path in the languages of all loaders without quotes. */
const PATH_CHARACTERS = /^[A-Za-z0-9._~/+:,=@%-]+$/;
const URL_CHARACTERS = /^[A-Za-z0-9._~/+:,=@%?&[\]-]+$/;
const MAX_OCTETS = 1024;

/**
 * Reads a kernel or ramdisk as Ironic or an admin writes it: relative to the TFTP root, with a leading slash, with
 * the root itself in front (as Liberty did), or a URL. A URL with a checksum is this server's to fetch, one without is
 * the loader's.
 */
export function parseImageLocation(
  text: string,
  tftpRoot: string | undefined,
  checksum?: ImageChecksum,
): ImageLocation {
  if (text.length > MAX_OCTETS) return invalid(`is longer than ${MAX_OCTETS} octets`);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return parseImageUrl(text, checksum);
  if (checksum !== undefined) return invalid('has a checksum, which only a URL can have');
  if (!PATH_CHARACTERS.test(text)) {
    return invalid(
      'may hold letters, digits and . _ ~ / + : , = @ % - only: loaders have no way to quote others',
    );
  }
  const below =
    tftpRoot !== undefined && text.startsWith(`${tftpRoot}/`) ? text.slice(tftpRoot.length) : text;
  const parts = below.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || below.endsWith('/')) return invalid('names no file');
  if (parts.includes('..')) return invalid('must not leave the TFTP root by ".."');
  return { kind: 'path', path: parts.join('/') };
}

/** The kernel and the ramdisk of a profile, as far as it has them. */
export function imagesOf(
  profile: BootProfile,
  tftpRoot: string | undefined,
): readonly { readonly part: 'kernel' | 'ramdisk'; readonly location: ImageLocation }[] {
  const { kernel, ramdisk, kernelChecksum, ramdiskChecksum } = profile;
  return [
    ...(kernel === undefined
      ? []
      : [{ part: 'kernel' as const, location: parseImageLocation(kernel, tftpRoot, kernelChecksum) }]),
    ...(ramdisk === undefined
      ? []
      : [{ part: 'ramdisk' as const, location: parseImageLocation(ramdisk, tftpRoot, ramdiskChecksum) }]),
  ];
}

function parseImageUrl(text: string, checksum: ImageChecksum | undefined): ImageLocation {
  if (!URL_CHARACTERS.test(text)) {
    return invalid('holds characters that must be percent-encoded in a URL');
  }
  if (!URL.canParse(text)) return invalid('is not a valid URL');
  const url = new URL(text);
  if (url.protocol === 'file:') {
    if (url.host !== '') return invalid('names a file of another host');
    // Whoever may use the API could else have any file of this host put on the wire.
    if (checksum === undefined) return invalid('is a file of this host, and needs a checksum');
  } else if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return invalid(`has the scheme ${url.protocol.slice(0, -1)}; http, https and file are possible`);
  }
  if (url.username !== '' || url.password !== '') {
    return invalid('must not hold a user name or password: every machine on the wire could read it');
  }
  if (checksum !== undefined) {
    const source = { url: text, checksum };
    return { kind: 'cached', source, path: imagePath(source) };
  }
  return { kind: 'url', url: text, host: url.host, path: url.pathname + url.search };
}

function invalid(reason: string): ImageLocation {
  return { kind: 'invalid', reason };
}
