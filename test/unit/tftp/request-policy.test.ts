import { describe, expect, it } from 'vitest';
import { checkRequest, collapseLeadingSlashes } from '../../../src/tftp/request-policy.ts';
import { TFTP_ERRORS } from '../../../src/tftp/tftp-errors.ts';
import { readVectors, type MapVector } from './map-vectors.ts';

const SECURE = { root: '/tftpboot', secure: true };
const ABSOLUTE = { root: '/tftpboot', secure: false };

/** Refusals that need only the name. */
const STRING_CHECKS = [
  TFTP_ERRORS['relative-name'].message,
  TFTP_ERRORS['reverse-path'].message,
  TFTP_ERRORS['forbidden-directory'].message,
  TFTP_ERRORS['outside-root'].message,
] as readonly string[];

/** What is compared as a string there, and as a path here: in.tftpd serves it. */
const NEIGHBOUR = 'acc-prefix-sibling-served';

function isSecure({ server }: MapVector): boolean {
  return server?.args.some((argument) => argument === '--secure' || argument === '-s') ?? false;
}

/** Vectors of which the outcome of the checks is known: those with /tftpboot as the only folder. */
const VECTORS = readVectors('vectors.json').filter(
  ({ server, mapped }) =>
    mapped !== null &&
    (server === undefined ||
      server.args.filter((argument) => !argument.startsWith('-')).join() === '/tftpboot'),
);

const OUTSIDE = TFTP_ERRORS['outside-root'];

describe('what in.tftpd was recorded to say to a mapped name', () => {
  it.each(VECTORS)('$name', (vector) => {
    const error = vector.name === NEIGHBOUR ? OUTSIDE : vector.expected.error;
    const checked = checkRequest(vector.mapped ?? '', isSecure(vector) ? SECURE : ABSOLUTE);
    if (error !== undefined && STRING_CHECKS.includes(error.message)) {
      expect(checked).toMatchObject({ kind: 'refused', ...error });
    } else if (vector.mapped === '') {
      expect(checked).toMatchObject({ kind: 'refused', code: 1, message: 'File not found' });
    } else {
      expect(checked.kind).toBe('allowed');
    }
  });
});

describe('a name without secure', () => {
  it.each([
    ['/tftpboot/pxelinux.0', 'pxelinux.0'],
    ['/tftpboot//pxelinux.0', 'pxelinux.0'],
    ['/tftpboot/./dir/./file', 'dir/file'],
    ['/tftpboot', ''],
    ['/tftpboot/', ''],
    ['/tftpboot/dir/', 'dir/'],
    ['/tftpboot/pxelinux.0/', 'pxelinux.0/'],
    ['/tftpboot/pxelinux.0/.', 'pxelinux.0/'],
    ['/tftpboot/dir/..', ''],
    ['/tftpboot/dir/../', ''],
    ['/tftpboot/..', ''],
    ['/tftpboot/..dots', '..dots'],
    ['/tftpboot/a..b/...', 'a..b/...'],
    ['/tftpboot/\xe9\n', '\xe9\n'],
  ])('%j is %j below the root', (name, relativePath) => {
    expect(checkRequest(name, ABSOLUTE)).toEqual({ kind: 'allowed', relativePath });
  });

  it.each([
    ['', 'relative-name'],
    ['pxelinux.0', 'relative-name'],
    ['./tftpboot/x', 'relative-name'],
    ['/tftpboot/../etc/passwd', 'reverse-path'],
    ['/tftpboot/dir/../pxelinux.0', 'reverse-path'],
    ['/../x', 'reverse-path'],
    ['/../', 'forbidden-directory'],
    ['/', 'forbidden-directory'],
    ['/etc/passwd', 'forbidden-directory'],
    ['/tftpboot-other/file', 'outside-root'],
    ['/tftpboots', 'outside-root'],
    ['/TFTPBOOT/x', 'forbidden-directory'],
    ['//tftpboot/x', 'forbidden-directory'],
  ] as const)('%j is refused: %s', (name, reason) => {
    expect(checkRequest(name, ABSOLUTE)).toEqual({ kind: 'refused', reason, ...TFTP_ERRORS[reason] });
  });

  it('is held against a root that ends with a slash, is the root of all, or is not ASCII', () => {
    const allowed = (relativePath: string): unknown => ({ kind: 'allowed', relativePath });
    expect(checkRequest('/tftpboot/x', { root: '/tftpboot/', secure: false })).toEqual(allowed('x'));
    expect(checkRequest('/etc/x', { root: '/', secure: false })).toEqual(allowed('etc/x'));
    // A configuration is text, a name on the wire is octets.
    expect(checkRequest('/b\xc3\xb6\xc3\xb6t/x', { root: '/bööt', secure: false })).toEqual(allowed('x'));
    expect(checkRequest('/b\xf6\xf6t/x', { root: '/bööt', secure: false }).kind).toBe('refused');
  });
});

describe('a name with secure', () => {
  it.each([
    ['pxelinux.0', 'pxelinux.0'],
    ['/pxelinux.0', 'pxelinux.0'],
    ['//dir//file', 'dir/file'],
    ['../../pxelinux.0', 'pxelinux.0'],
    ['dir/../pxelinux.0', 'pxelinux.0'],
    ['/../../../etc/passwd', 'etc/passwd'],
    ['a/b/../../../c', 'c'],
    ['/tftpboot/x', 'tftpboot/x'],
    ['/', ''],
    ['.', ''],
    ['..', ''],
    ['dir/', 'dir/'],
  ])('%j is %j below the root', (name, relativePath) => {
    expect(checkRequest(name, SECURE)).toEqual({ kind: 'allowed', relativePath });
  });

  it('is not found when it is empty', () => {
    expect(checkRequest('', SECURE)).toMatchObject({
      code: 1,
      message: 'File not found',
      reason: 'not-found',
    });
  });
});

describe('leading slashes', () => {
  it.each([
    ['//tftpboot/uuid/kernel', '/tftpboot/uuid/kernel'],
    ['///x//y', '/x//y'],
    ['//', '/'],
    ['/tftpboot/x', undefined],
    ['tftpboot//x', undefined],
    ['', undefined],
  ])('of %j: tried once more as %j', (name, again) => {
    expect(collapseLeadingSlashes(name)).toBe(again);
  });
});
