import { describe, expect, it } from 'vitest';
import { refuseForeignPage } from '../../../src/control/page-guard.ts';

const NAMES = new Set(['ctl1.example.com']);
const judge = (method: string, headers: Record<string, string | undefined>): string | undefined =>
  refuseForeignPage(NAMES, method, headers)?.code;

describe('a request is meant for this host', () => {
  it.each([
    '127.0.0.1:8067',
    '[::1]:8067',
    '192.168.0.1',
    'localhost:8067',
    'bootd',
    'ctl1.example.com',
    'CTL1.example.com.:8067',
  ])('when it is sent to %s', (host) => {
    expect(judge('GET', { host })).toBeUndefined();
  });

  it.each(['evil.example.net', 'ctl1.example.com.evil.net:8067', '127.0.0.1.nip.io', 'a b', '', '[x.y]'])(
    'and not when it is sent to "%s"',
    (host) => {
      expect(judge('GET', { host })).toBe('wrong-host');
    },
  );

  it('when it does not say, as HTTP/1.0 may', () => {
    expect(judge('DELETE', {})).toBeUndefined();
  });
});

describe('a change', () => {
  const host = 'ctl1.example.com:8067';

  it.each([
    {},
    { origin: 'http://ctl1.example.com:8067' },
    // Behind a proxy that has TLS.
    { 'sec-fetch-site': 'same-origin', origin: 'https://ctl1.example.com' },
    { 'sec-fetch-site': 'none' },
  ])('passes with %j', (headers) => {
    expect(judge('DELETE', { host, ...headers })).toBeUndefined();
  });

  it.each([
    { origin: 'http://evil.example.net' },
    { origin: 'http://ctl1.example.com:9000' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'http://ctl1.example.com:8067' },
  ])('is refused with %j', (headers) => {
    expect(judge('DELETE', { host, ...headers })).toBe('foreign-page');
    expect(judge('GET', { host, ...headers })).toBeUndefined();
  });
});
