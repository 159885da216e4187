import { describe, expect, it } from 'vitest';
import { quoteArguments, quoteWord, UnsafeValueError } from '../../../src/boot/loader-language.ts';
import { LOADERS, type Loader } from '../../../src/boot/template.ts';

const SAME = Symbol('as it is');
const REFUSED = Symbol('refused');

describe('quoteArguments', () => {
  const rows: readonly [value: string, Record<Loader, string | typeof SAME | typeof REFUSED>][] = [
    ['', { pxelinux: SAME, grub: SAME, ipxe: SAME }],
    ['console=tty0 console=ttyS0,115200n8 ip=dhcp', { pxelinux: SAME, grub: SAME, ipxe: SAME }],
    ['root=UUID=0a-1b rd.luks=0 a.b-c_d', { pxelinux: SAME, grub: SAME, ipxe: SAME }],
    ['  two\t words  ', { pxelinux: 'two words', grub: 'two words', ipxe: 'two words' }],
    ['url=http://h:1/p?a=b&c=d', { pxelinux: SAME, grub: 'url=http://h:1/p\\?a=b\\&c=d', ipxe: SAME }],
    ['p=a;b', { pxelinux: SAME, grub: 'p=a\\;b', ipxe: SAME }],
    ["it='s", { pxelinux: SAME, grub: "it=\\'s", ipxe: SAME }],
    ['dyndbg="file a +p" x', { pxelinux: SAME, grub: 'dyndbg=file\\ a\\ +p x', ipxe: SAME }],
    ['a\\b', { pxelinux: SAME, grub: 'a\\\\b', ipxe: SAME }],
    ['end\\', { pxelinux: SAME, grub: 'end\\\\', ipxe: REFUSED }],
    ['a=$b', { pxelinux: SAME, grub: 'a=\\$b', ipxe: SAME }],
    ['a=${net0/mac}', { pxelinux: SAME, grub: 'a=\\$\\{net0/mac\\}', ipxe: REFUSED }],
    ['a || reboot', { pxelinux: SAME, grub: 'a \\|\\| reboot', ipxe: REFUSED }],
    ['a && reboot', { pxelinux: SAME, grub: 'a \\&\\& reboot', ipxe: REFUSED }],
    ['a ; reboot', { pxelinux: SAME, grub: 'a \\; reboot', ipxe: REFUSED }],
    ['a #b', { pxelinux: SAME, grub: 'a \\#b', ipxe: REFUSED }],
    ['"x || y"', { pxelinux: SAME, grub: 'x\\ \\|\\|\\ y', ipxe: REFUSED }],
    ['{ } > <', { pxelinux: SAME, grub: '\\{ \\} \\> \\<', ipxe: SAME }],
    ['gr\u00fc\u00dfe', { pxelinux: REFUSED, grub: REFUSED, ipxe: REFUSED }],
    ['a\nreboot', { pxelinux: REFUSED, grub: REFUSED, ipxe: REFUSED }],
    ['a\rreboot', { pxelinux: REFUSED, grub: REFUSED, ipxe: REFUSED }],
    ['a\0b', { pxelinux: REFUSED, grub: REFUSED, ipxe: REFUSED }],
    ['a\u001b[2J', { pxelinux: REFUSED, grub: REFUSED, ipxe: REFUSED }],
    ['a\u0085b', { pxelinux: REFUSED, grub: REFUSED, ipxe: REFUSED }],
  ];
  for (const loader of LOADERS) {
    it.each(rows.map(([value, expected]) => [value, expected[loader]] as const))(
      `${loader}: %j`,
      (value, expected) => {
        const quote = (): string => quoteArguments(loader, 'profile.kernel_append_params', value);
        if (expected === REFUSED) expect(quote).toThrow(UnsafeValueError);
        else expect(quote()).toBe(expected === SAME ? value : expected);
      },
    );
  }

  it('names the variable and the reason', () => {
    expect(() => quoteArguments('ipxe', 'profile.kernel_append_params', 'a || b')).toThrow(
      'profile.kernel_append_params holds the word "||", which ends a command, and iPXE has no way to quote it',
    );
  });
});

describe('quoteWord', () => {
  it.each<[Loader, string, string | typeof REFUSED]>([
    ['pxelinux', 'u/deploy_kernel', 'u/deploy_kernel'],
    ['pxelinux', 'two words', REFUSED],
    ['grub', '(http,192.168.0.1:8080)/k?a=b&c', '(http,192.168.0.1:8080)/k\\?a=b\\&c'],
    ['grub', 'two words', 'two\\ words'],
    ['grub', 'a"b', 'a\\"b'],
    ['ipxe', '/u/deploy_kernel', '/u/deploy_kernel'],
    ['ipxe', '#k', REFUSED],
    ['ipxe', 'a\tb', REFUSED],
  ])('%s: %j', (loader, value, expected) => {
    const quote = (): string => quoteWord(loader, 'profile.kernel', value);
    if (expected === REFUSED) expect(quote).toThrow(UnsafeValueError);
    else expect(quote()).toBe(expected);
  });
});
