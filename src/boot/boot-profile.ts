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
  readonly kernelAppendParams: string;
  /** A template's name without its loader and ending (`rescue` for `grub-rescue.tmpl`); undefined: the loader's own. */
  readonly template: string | undefined;
  readonly policy: BootPolicy;
}

/** Where a kernel or a ramdisk comes from. */
export type ImageLocation =
  /** Below the TFTP root, without a leading slash. */
  | { readonly kind: 'path'; readonly path: string }
  /** The loader fetches it by itself: iPXE, lpxelinux.0, or a GRUB with its http module. */
  | { readonly kind: 'url'; readonly url: string; readonly host: string; readonly path: string }
  | { readonly kind: 'invalid'; readonly reason: string };

/** What can stand in a path in the languages of all loaders without quotes. */
const PATH_CHARACTERS = /^[A-Za-z0-9._~/+:,=@%-]+$/;
const URL_CHARACTERS = /^[A-Za-z0-9._~/+:,=@%?&[\]-]+$/;
const MAX_OCTETS = 1024;

/**
 * Reads a kernel or ramdisk as Ironic or an admin writes it: relative to the TFTP root, with a leading slash, with
 * the root itself in front (as Liberty did), or a URL.
 */
export function parseImageLocation(text: string, tftpRoot: string | undefined): ImageLocation {
  if (text.length > MAX_OCTETS) return invalid(`is longer than ${MAX_OCTETS} octets`);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return parseImageUrl(text);
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

function parseImageUrl(text: string): ImageLocation {
  if (!URL_CHARACTERS.test(text)) {
    return invalid('holds characters that must be percent-encoded in a URL');
  }
  if (!URL.canParse(text)) return invalid('is not a valid URL');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return invalid(`has the scheme ${url.protocol.slice(0, -1)}; http and https are possible`);
  }
  if (url.username !== '' || url.password !== '') {
    return invalid('must not hold a user name or password: every machine on the wire could read it');
  }
  return { kind: 'url', url: text, host: url.host, path: url.pathname + url.search };
}

function invalid(reason: string): ImageLocation {
  return { kind: 'invalid', reason };
}
