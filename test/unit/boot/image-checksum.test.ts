import { describe, expect, it } from 'vitest';
import { imageKey, imageKeyOfPath, imagePath, parseImageKey } from '../../../src/boot/cached-image.ts';
import { formatImageChecksum, parseImageChecksum } from '../../../src/boot/image-checksum.ts';

const MD5 = 'a'.repeat(32);
const SHA256 = '0123456789abcdef'.repeat(4);
const SHA512 = 'f'.repeat(128);

describe('parseImageChecksum', () => {
  it.each([
    [`sha256:${SHA256}`, 'sha256', SHA256],
    [`SHA256:${SHA256.toUpperCase()}`, 'sha256', SHA256],
    [`sha512:${SHA512}`, 'sha512', SHA512],
    [`md5:${MD5}`, 'md5', MD5],
    [MD5, 'md5', MD5],
    [SHA256, 'sha256', SHA256],
    [` ${SHA512}\n`, 'sha512', SHA512],
  ])('reads %s', (text, algorithm, digest) => {
    expect(parseImageChecksum(text)).toEqual({ algorithm, digest });
  });

  it.each([
    '',
    'sha256:',
    `sha256:${MD5}`,
    `sha1:${'a'.repeat(40)}`,
    'a'.repeat(40),
    `sha256:${SHA256.slice(1)}g`,
    'x',
  ])('refuses %j', (text) => {
    expect(parseImageChecksum(text)).toBeUndefined();
  });

  it('reads what formatImageChecksum writes', () => {
    const checksum = { algorithm: 'sha256', digest: SHA256 } as const;
    expect(parseImageChecksum(formatImageChecksum(checksum))).toEqual(checksum);
  });
});

describe('the path of an image', () => {
  const checksum = { algorithm: 'sha256', digest: SHA256 } as const;

  it.each([
    ['http://a/b/deploy_kernel', 'deploy_kernel'],
    ['http://a/b/deploy_kernel?token=x/y', 'deploy_kernel'],
    ['http://a/b/', 'image'],
    ['http://a/%20x', '_20x'],
    ['http://a/..', '_'],
    ['file:///srv/.hidden', '_hidden'],
  ])('of %s ends in %s', (url, name) => {
    const path = imagePath({ url, checksum });
    expect(path).toBe(`bootd-images/sha256-${SHA256}/${name}`);
    for (const asked of [path, `/${path}`, `//tftpboot/${path}`]) {
      expect(imageKeyOfPath(asked)).toBe(imageKey(checksum));
    }
  });

  it('tells nothing else', () => {
    const key = `sha256-${SHA256}`;
    for (const path of [
      `bootd-images/${key}`,
      `bootd-images/${key}/a/b`,
      `other/${key}/a`,
      `bootd-images/sha256-${MD5}/a`,
      `bootd-images/partial-1/a`,
      `bootd-images/../a`,
      `bootd-images/${key.toUpperCase()}/a`,
    ]) {
      expect(imageKeyOfPath(path)).toBeUndefined();
    }
    expect(parseImageKey(key)).toEqual(checksum);
  });
});
