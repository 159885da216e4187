import { describe, expect, it } from 'vitest';
import { parseGrubScript } from '../../../src/probe/grub-script.ts';
import { loaderFacts, playBootFrom, type PlayedBoot } from './play-boot.ts';

/** A boot of GRUB alone with this text as its grub.cfg. */
function playText(text: string, files: Readonly<Record<string, string>> = {}, prefix = '/grub'): PlayedBoot {
  const facts = loaderFacts({ firmware: 'uefi-x64', bootFile: 'grubx64.efi', grubPrefix: prefix });
  return playBootFrom(facts, {
    'grubx64.efi': 'MZ',
    [`${prefix}/grub.cfg`]: text,
    '/k': 'x',
    '/r': 'x',
    ...files,
  });
}

/** What was asked for after grub.cfg. */
function asked(text: string, files: Readonly<Record<string, string>> = {}): readonly string[] {
  const { names } = playText(text, files);
  return names.slice(names.indexOf('/grub/grub.cfg') + 1);
}

const KERNEL = { kind: 'kernel', kernel: '/k', ramdisks: ['/r'], parameters: 'quiet' };

describe('the language', () => {
  it.each([
    ['plain commands', 'linux /k quiet\ninitrd /r\nboot\n'],
    ['the words of Red Hat', 'linuxefi /k quiet; initrdefi /r; boot'],
    ['an entry that boots by itself', 'menuentry "x" {\n linux /k quiet\n initrd /r\n}\n'],
    [
      'the default by number',
      'set default=1\nmenuentry a { linux /no; }\nmenuentry b { linux /k quiet\n initrd /r\n}',
    ],
    [
      'the default by title',
      "set default='b c'\nmenuentry a { linux /no\n}\nmenuentry 'b c' { linux /k quiet\n initrd /r\n}",
    ],
    [
      'the default by id',
      'default=deploy\nmenuentry a { linux /no\n}\nmenuentry b --class x --id deploy { linux /k quiet\n initrd /r\n}',
    ],
    ['the device in front', 'linux (tftp)/k quiet\ninitrd (pxe,192.168.0.1)/r\nboot'],
    ['variables', 'set a=k; b="/r"\nlinux /${a} qu"ie"t\ninitrd $b\nboot'],
    [
      'a condition that holds',
      'if [ "$net_default_ip" = "192.168.0.130" ]; then linux /k quiet; initrd /r; boot; fi',
    ],
    ['else', 'if false; then boot; elif [ -z x ]; then boot; else linux /k quiet; initrd /r; fi; boot'],
    ['not', 'if [ ! -n "$nothing" ]; then linux /k quiet; fi; if ! false; then initrd /r; fi; boot'],
    ['a loop', 'for f in /no /k; do if linux $f quiet; then initrd /r; boot; fi; done'],
    ['a while loop', 'set n=; while [ "$n" != "xx" ]; do n=x$n; done; linux /k quiet; initrd /r; boot'],
    ['a function', 'function load {\n linux /k quiet\n initrd /r\n}\nload\nboot'],
    ['comments and continued lines', '# linux /no\nlinux /k \\\n quiet # why\ninitrd /r\nboot'],
    ['an empty word that goes away', 'linux $nothing /k quiet $nothing\ninitrd /r\nboot'],
  ])('%s', (_, text) => {
    expect(playText(text).verdict).toEqual(KERNEL);
  });

  it('quotes as the manual says', () => {
    const text = `linux /k a\\ b 'c "$d"' "e \\"f\\" $net_default_mac" g=\\$h`;
    expect(playText(`${text}\nboot`).verdict).toMatchObject({
      parameters: `a b c "$d" e "f" 0c:c4:7a:0e:2b:6b g=$h`,
    });
  });

  it.each([
    ['an open quote', 'set a="b'],
    ['an open block', 'menuentry x {\n linux /k\n'],
    ['if without fi', 'if true; then linux /k\n'],
    ['fi without if', 'fi'],
    ['a closing brace that is an argument', 'menuentry a { linux /k }\n'],
    ['for without in', 'for x /a; do true; done'],
  ])('refuses %s', (_, text) => {
    expect(() => parseGrubScript(text)).toThrow();
    expect(playText(text).verdict).toMatchObject({
      kind: 'stuck',
      reason: expect.stringMatching(/^GRUB cannot read/) as string,
    });
  });
});

it('asks by the UUID first, where the server gave option 97 back', () => {
  const machineUuid = '00000000-0000-0040-8000-525400b00702';
  const facts = loaderFacts({ firmware: 'uefi-x64', bootFile: 'grubx64.efi', machineUuid });
  const name = `/EFI/centos/grub.cfg-${machineUuid}`;
  const { names } = playBootFrom(facts, { 'grubx64.efi': 'MZ', [name]: 'exit' });
  expect(names.filter((asked) => asked.includes('grub.cfg'))).toEqual([name, name]);
});

describe('files', () => {
  it('that are only tested are closed after the first block, and asked for again when they are read', () => {
    const text = 'if [ -s /mine.conf ]; then configfile /mine.conf; fi';
    const { requests } = playText(text, { '/mine.conf': 'linux /k\nboot' });
    const [tested, read] = requests.filter(
      ({ source }) => source.kind === 'tftp' && source.request.name === '/mine.conf',
    );
    expect(tested).toMatchObject({
      optional: true,
      source: { request: { abort: { code: 0, message: 'closed' } } },
    });
    expect(read).toMatchObject({ optional: false, source: { request: { abort: undefined } } });
  });

  it('that are empty do not pass the test for content', () => {
    expect(asked('if [ -s /e ]; then linux /no; else linux /k; fi; boot', { '/e': '' })).toEqual([
      '/e',
      '/k',
    ]);
    expect(asked('if [ -f /e ]; then linux /k; fi; boot', { '/e': '' })).toEqual(['/e', '/k']);
  });

  it('that are sourced go on in the same menu', () => {
    const { verdict } = playText('source /more.cfg\nboot', { '/more.cfg': 'linux /k quiet\ninitrd /r' });
    expect(verdict).toEqual(KERNEL);
  });

  it('may come over HTTP', () => {
    const { requests } = playText('linux (http,192.168.0.1:8080)/k\nboot');
    expect(requests.at(-1)?.source).toEqual({
      kind: 'http',
      method: 'GET',
      url: 'http://192.168.0.1:8080/k',
    });
  });

  it('of the machine are searched in the prefix, one digit less each time', () => {
    const { names } = playText('linux /k\nboot', {}, '/EFI/debian');
    expect(names.slice(2, 11)).toEqual(
      ['01-0c-c4-7a-0e-2b-6b', 'C0A80082', 'C0A8008', 'C0A800', 'C0A80', 'C0A8', 'C0A', 'C0', 'C'].map(
        (suffix) => `/EFI/debian/grub.cfg-${suffix}`,
      ),
    );
  });
});

describe('the local disk', () => {
  it.each([
    ['exit', 'exit 1'],
    ['a disk by name', 'chainloader (hd0)+1\nboot'],
    [
      'a disk that was searched',
      'search --no-floppy --set=root --file /EFI/BOOT/BOOTX64.EFI\nchainloader /EFI/BOOT/BOOTX64.EFI',
    ],
    ['a disk as root', 'set root=hd0,gpt1\nchainloader /EFI/BOOT/BOOTX64.EFI'],
    ['a sector list', 'chainloader +1'],
  ])('%s', (_, text) => {
    expect(playText(text).verdict).toEqual({ kind: 'local-disk' });
  });
});

describe('where it gets stuck', () => {
  it.each([
    [
      'no kernel',
      'linux /no\ninitrd /r\nboot',
      '"/no": ERROR 1 "File not found"; GRUB has no kernel to start',
    ],
    [
      'no ramdisk',
      'linux /k\ninitrd /no\nboot',
      '"/no": ERROR 1 "File not found"; the kernel would start without its ramdisk',
    ],
    [
      'nothing to start',
      'set timeout=5',
      'the configuration of GRUB starts nothing, so it stops at its prompt',
    ],
    ['an empty entry', 'menuentry x { set a=b\n}', 'the entry "x" loads no kernel'],
    ['a file that includes itself', 'configfile /grub/grub.cfg', 'the configuration of GRUB calls itself'],
    ['an endless loop', 'while true; do true; done', 'the configuration of GRUB runs in a loop'],
  ])('%s', (_, text, reason) => {
    expect(playText(text).verdict).toEqual({ kind: 'stuck', reason });
  });

  it('a refused file is asked for again as often as the script says, and then named', () => {
    const text = 'for attempt in 1 2 3; do if linux /no; then boot; fi; sleep 5; done';
    const { names, verdict } = playText(text);
    expect(names.filter((name) => name === '/no')).toHaveLength(3);
    expect(verdict).toMatchObject({ kind: 'stuck', reason: expect.stringContaining('"/no"') as string });
  });

  it('no grub.cfg at all', () => {
    const facts = loaderFacts({ firmware: 'uefi-x64', bootFile: 'grubx64.efi', grubPrefix: '/grub' });
    expect(playBootFrom(facts, { 'grubx64.efi': 'MZ' }).verdict).toMatchObject({
      kind: 'stuck',
      reason: '"/grub/grub.cfg": ERROR 1 "File not found"; GRUB stops at its prompt without a configuration',
    });
  });
});
