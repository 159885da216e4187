import { describe, expect, it } from 'vitest';
import {
  bindErrorFromOsCode,
  IoError,
  ioErrorFrom,
  ioErrorFromErrno,
  ioErrorFromOsCode,
  isAwaitedAddress,
} from '../../../src/io/io-error.ts';

describe('errors of the operating system', () => {
  it.each([
    ['EADDRINUSE', 'address-in-use'],
    ['EADDRNOTAVAIL', 'address-not-available'],
    ['ENODEV', 'no-such-device'],
    ['ENXIO', 'no-such-device'],
    ['EACCES', 'not-permitted'],
    ['EPERM', 'not-permitted'],
    ['ENETUNREACH', 'unreachable'],
    ['ENETDOWN', 'unreachable'],
    ['EMSGSIZE', 'too-large'],
    ['ENOBUFS', 'busy'],
    ['EAGAIN', 'busy'],
    ['ENOENT', 'not-found'],
    ['ENOSPC', 'disk-full'],
    ['EAFNOSUPPORT', 'unsupported'],
    ['EBADF', 'failed'],
  ])('%s means %s', (osCode, code) => {
    const error = ioErrorFromOsCode('cannot do it', osCode);
    expect(error).toMatchObject({ name: 'IoError', code, osCode });
    expect(error.message).toMatch(new RegExp(`^cannot do it: .+ \\(${osCode}\\)$`));
  });

  it('are known by their number as well', () => {
    const error = ioErrorFromErrno('cannot bind', 98);
    expect(error).toMatchObject({ code: 'address-in-use', osCode: 'EADDRINUSE' });
    expect(error.message).toBe('cannot bind: address already in use (EADDRINUSE)');
  });

  it.each([
    ['fe80::1%br-prov', 'EINVAL', 'no-such-device', 'cannot bind: there is no interface br-prov'],
    ['fe80::1%br-prov', 'EADDRNOTAVAIL', 'address-not-available', /^cannot bind: address not available/],
    ['fd00::1', 'EINVAL', 'failed', /^cannot bind: invalid argument/],
  ] as const)('of %s that cannot be bound for %s mean %s', (host, osCode, code, message) => {
    const error = bindErrorFromOsCode('cannot bind', host, osCode);
    expect(error).toMatchObject({ code, osCode });
    expect(error.message).toMatch(message);
    expect(isAwaitedAddress(error)).toBe(code !== 'failed');
  });

  it('keep their cause', () => {
    const cause = Object.assign(new Error('open failed'), { code: 'ENOENT' });
    expect(ioErrorFrom('cannot open', cause)).toMatchObject({ code: 'not-found', cause });
  });

  it.each([
    [
      Object.assign(new Error('Not running'), { code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }),
      'cannot send: Not running',
    ],
    [new Error('plain'), 'cannot send: plain'],
    ['text', 'cannot send: text'],
    [Object.assign(new Error('odd'), { code: 7 }), 'cannot send: odd'],
  ])('are `failed` with their own words when they are none: %s', (thrown, message) => {
    const error = ioErrorFrom('cannot send', thrown);
    expect(error.code).toBe('failed');
    expect(error.osCode).toBeUndefined();
    expect(error.message).toBe(message);
  });

  it('are not translated twice', () => {
    const error = new IoError('busy', 'full');
    expect(ioErrorFrom('cannot send', error)).toBe(error);
  });
});
