import { CHECKSUM_ALGORITHMS, parseImageChecksum, type ImageChecksum } from './image-checksum.ts';

/** Where images by URL stand in the tree that machines see; nothing on disk is looked for below it. */
export const IMAGE_FOLDER = 'bootd-images';

/** An image that is fetched from a URL before any machine asks for it. */
export interface ImageSource {
  readonly url: string;
  readonly checksum: ImageChecksum;
}

/** The name that an image is kept by: `sha256-HEX`. The same octets are one image, wherever they come from. */
export function imageKey({ algorithm, digest }: ImageChecksum): string {
  return `${algorithm}-${digest}`;
}

/** Reads a name that imageKey made; undefined for every other file name. */
export function parseImageKey(key: string): ImageChecksum | undefined {
  const algorithm = CHECKSUM_ALGORITHMS.find((candidate) => key.startsWith(`${candidate}-`));
  const checksum = algorithm && parseImageChecksum(key.replace('-', ':'));
  return checksum !== undefined && imageKey(checksum) === key ? checksum : undefined;
}

/**
 * The path that machines fetch an image by. Its last part is that of the URL, as far as all loaders can say it: people
 * read it, and iPXE names the ramdisk to the kernel by it.
 */
export function imagePath({ url, checksum }: ImageSource): string {
  const last = url.split(/[?#]/, 1)[0]?.split('/').at(-1) ?? '';
  const name = last
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .replace(/^\.+/, '_')
    .slice(-64);
  return `${IMAGE_FOLDER}/${imageKey(checksum)}/${name === '' ? 'image' : name}`;
}

/** The key in a path that imagePath made, with or without slashes or `tftpboot/` in front; undefined for others. */
export function imageKeyOfPath(path: string): string | undefined {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  while (parts[0] === 'tftpboot') parts.shift();
  const [folder, key = '', ...rest] = parts;
  if (folder !== IMAGE_FOLDER || rest.length !== 1) return undefined;
  return parseImageKey(key) === undefined ? undefined : key;
}
