import { describe, expect, it } from 'vitest';
import { parseImageLocation } from '../../../src/boot/boot-profile.ts';

describe('parseImageLocation', () => {
  it.each([
    ['UUID/deploy_kernel', 'UUID/deploy_kernel'],
    ['/UUID/deploy_kernel', 'UUID/deploy_kernel'],
    ['/tftpboot/UUID/deploy_kernel', 'UUID/deploy_kernel'],
    ['tftpboot/UUID/deploy_kernel', 'tftpboot/UUID/deploy_kernel'],
    ['//UUID//./deploy_kernel', 'UUID/deploy_kernel'],
    ['images/vmlinuz-5.14.0-1.el9.x86_64+debug', 'images/vmlinuz-5.14.0-1.el9.x86_64+debug'],
  ])('takes %s as %s below /tftpboot', (text, path) => {
    expect(parseImageLocation(text, '/tftpboot')).toEqual({ kind: 'path', path });
  });

  it('leaves a foreign root in the path', () => {
    expect(parseImageLocation('/tftpboot/k', '/srv/tftp')).toEqual({ kind: 'path', path: 'tftpboot/k' });
  });

  it.each([
    ['http://192.168.0.1:8080/k', '192.168.0.1:8080', '/k'],
    ['https://images.example/a/b?c=d', 'images.example', '/a/b?c=d'],
    ['http://[2001:db8::1]/k', '[2001:db8::1]', '/k'],
  ])('takes %s as a URL', (url, host, path) => {
    expect(parseImageLocation(url, '/tftpboot')).toEqual({ kind: 'url', url, host, path });
  });

  it.each([
    ['', /letters/],
    ['/', /no file/],
    ['UUID/', /no file/],
    ['.', /no file/],
    ['a/../../etc/passwd', /leave the TFTP root/],
    ['a b', /letters/],
    ['a\nb', /letters/],
    ['a;reboot', /letters/],
    ['$kernel', /letters/],
    ['k'.repeat(1025), /longer than 1024/],
    ['ftp://host/k', /scheme ftp/],
    ['file:///tftpboot/k', /a file of this host, and needs a checksum/],
    ['file://other/tftpboot/k', /a file of another host/],
    ['http://', /not a valid URL/],
    ['http://user:secret@host/k', /user name or password/],
    ['http://host/a b', /percent-encoded/],
    ['http://host/${x}', /percent-encoded/],
  ])('refuses %j', (text, reason) => {
    const location = parseImageLocation(text, '/tftpboot');
    expect(location.kind).toBe('invalid');
    expect(location.kind === 'invalid' && location.reason).toMatch(reason);
  });

  const checksum = { algorithm: 'sha256', digest: 'ab'.repeat(32) } as const;

  it.each(['http://host/images/k?x=1', 'https://host/images/k', 'file:///srv/images/k'])(
    'takes %s with a checksum for an image that is fetched here',
    (url) => {
      expect(parseImageLocation(url, '/tftpboot', checksum)).toEqual({
        kind: 'cached',
        source: { url, checksum },
        path: `bootd-images/sha256-${checksum.digest}/k`,
      });
    },
  );

  it('refuses a path with a checksum, which nobody would compare', () => {
    expect(parseImageLocation('a/k', '/tftpboot', checksum)).toMatchObject({ kind: 'invalid' });
  });
});
