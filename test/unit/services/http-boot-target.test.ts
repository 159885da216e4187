import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHttpBootTarget } from '../../../src/services/http-boot-target.ts';

describe('a request target', () => {
  it.each([
    ['/boot.ipxe', 'boot.ipxe'],
    ['//grubx64.efi', 'grubx64.efi'],
    ['/a//b///c', 'a/b/c'],
    ['/./a/./b', 'a/b'],
    ['/', ''],
    ['', ''],
    ['/boot.ipxe?mac=52:54:00:12:34:56', 'boot.ipxe'],
    ['/a#b', 'a'],
    ['http://192.168.0.1:8080/a/b', 'a/b'],
    ['http://192.168.0.1', ''],
    ['/with%20space%2Fand%2fslash', 'with space/and/slash'],
    // Once, and not again.
    ['/%2541', '%41'],
    ['/%c3%a9', '\u00c3\u00a9'],
    ['/...', '...'],
  ])('%s asks for %j', (target, name) => {
    expect(parseHttpBootTarget(target)).toEqual({ kind: 'name', name });
  });

  it.each([
    ['/../etc/passwd', 403],
    ['/a/../../b', 403],
    ['/%2e%2e/etc/passwd', 403],
    ['/..%2fetc/passwd', 403],
    ['/%', 400],
    ['/%4', 400],
    ['/%zz', 400],
    ['/a%00b', 400],
    [`/${'x'.repeat(5000)}`, 414],
  ])('%s is refused with %d', (target, status) => {
    expect(parseHttpBootTarget(target)).toMatchObject({ kind: 'bad', status });
  });

  it('of whatever octets never leads above the root', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('.', '/', '%2e', '%2F', 'a', '%', '\\', '?') }),
        (target) => {
          const parsed = parseHttpBootTarget(target);
          if (parsed.kind === 'bad') return;
          expect(parsed.name.startsWith('/')).toBe(false);
          expect(parsed.name.split('/')).not.toContain('..');
        },
      ),
    );
  });
});
