import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BootRoot, type BootFileOutcome, type BootRootOptions } from '../../../src/io/boot-root.ts';

let folder = '';
let root = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'boot-root-'));
  chmodSync(folder, 0o755);
  root = join(folder, 'tftpboot');
  mkdirSync(join(root, 'dir'), { recursive: true });
  mkdirSync(join(folder, 'tftpboot-other'));
  mkdirSync(join(folder, 'trusted'));
  const write = (name: string, text: string, mode = 0o644): void => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
  };
  write('tftpboot/pxelinux.0', 'loader');
  write('tftpboot/dir/file', 'in a folder');
  write('tftpboot/empty', '');
  write('tftpboot/..dots', 'dots');
  write('tftpboot/private', 'private', 0o640);
  write('tftpboot/caf\u00e9', 'utf-8 name');
  write('tftpboot-other/file', 'next door');
  write('secret', 'outside');
  write('trusted/image', 'image');
  mkdirSync(join(root, 'closed'), { mode: 0o750 });
  chmodSync(join(root, 'closed'), 0o750);
  symlinkSync('pxelinux.0', join(root, 'link'));
  symlinkSync('dir', join(root, 'link-dir'));
  symlinkSync('../secret', join(root, 'link-outside'));
  symlinkSync('..', join(root, 'link-up'));
  symlinkSync(join(folder, 'tftpboot-other/file'), join(root, 'link-sibling'));
  symlinkSync(join(folder, 'trusted/image'), join(root, 'link-trusted'));
  symlinkSync('/pxelinux.0', join(root, 'link-chroot'));
  symlinkSync('/dir/../../pxelinux.0', join(root, 'link-chroot-up'));
  symlinkSync('/etc/hostname', join(root, 'link-etc'));
  symlinkSync('nowhere', join(root, 'link-dangling'));
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync('/dev/zero', join(root, 'link-device'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bootRoot(options: Partial<BootRootOptions> = {}): BootRoot {
  return new BootRoot({ root, followSymlinksTo: [], permissive: false, chrootLinks: false, ...options });
}

/** The content of an open file, or the reason why there is none. */
function read(outcome: BootFileOutcome): string {
  if (outcome.kind === 'failed') return outcome.reason;
  const text = readFileSync(outcome.fd, 'latin1');
  closeSync(outcome.fd);
  expect(outcome.size).toBe(text.length);
  return `file: ${text}`;
}

describe('the boot root', () => {
  it.each([
    ['pxelinux.0', 'file: loader'],
    ['/pxelinux.0', 'file: loader'],
    ['.//dir/./file', 'file: in a folder'],
    ['..dots', 'file: dots'],
    ['empty', 'file: '],
    ['link', 'file: loader'],
    ['link-dir/file', 'file: in a folder'],
    // Names are octets: this is the UTF-8 of an e with an acute accent.
    ['caf\u00c3\u00a9', 'file: utf-8 name'],
    ['missing', 'not-found'],
    ['pxelinux.0/', 'not-found'],
    ['pxelinux.0/x', 'not-found'],
    ['link-dangling', 'not-found'],
    ['', 'directory'],
    ['dir', 'directory'],
    ['dir/', 'directory'],
    ['..', 'directory'],
    ['closed', 'not-world-readable'],
    ['private', 'not-world-readable'],
    ['../secret', 'outside-root'],
    ['../tftpboot-other/file', 'outside-root'],
    ['link-outside', 'outside-root'],
    ['link-up/secret', 'outside-root'],
    ['link-sibling', 'outside-root'],
    ['link-trusted', 'outside-root'],
    ['link-etc', 'outside-root'],
    ['link-device', 'outside-root'],
    ['loop', 'symlink-loop'],
    ['pipe', 'not-a-file'],
    ['x'.repeat(256), 'name-too-long'],
  ])('%j gives %j', async (name, expected) => {
    expect(read(await bootRoot().open(name))).toBe(expected);
  });

  it('goes where it was told that links may lead', async () => {
    const trusting = bootRoot({ followSymlinksTo: [join(folder, 'trusted'), join(folder, 'not-there')] });
    expect(read(await trusting.open('link-trusted'))).toBe('file: image');
    expect(read(await trusting.open('link-outside'))).toBe('outside-root');
  });

  it('serves what is not readable for everybody when it is permissive', async () => {
    expect(read(await bootRoot({ permissive: true }).open('private'))).toBe('file: private');
  });

  it.each([
    ['link-chroot', 'file: loader'],
    ['link-chroot-up', 'file: loader'],
    ['link-outside', 'not-found'],
    ['link-etc', 'not-found'],
    ['missing', 'not-found'],
    ['loop', 'symlink-loop'],
    ['../../pxelinux.0', 'file: loader'],
    ['dir/../pxelinux.0', 'file: loader'],
    ['missing/../pxelinux.0', 'not-found'],
    // A real absolute path below the root is understood too, which a chroot would not find.
    ['link', 'file: loader'],
  ])('resolves links like a chroot where it is asked to: %j gives %j', async (name, expected) => {
    expect(read(await bootRoot({ chrootLinks: true }).open(name))).toBe(expected);
  });

  it('follows a root that is itself a link, also after the link was moved', async () => {
    const link = join(folder, 'current');
    symlinkSync(root, link);
    const moved = bootRoot({ root: link });
    expect(read(await moved.open('pxelinux.0'))).toBe('file: loader');
    symlinkSync(join(folder, 'tftpboot-other'), `${link}.new`);
    renameSync(`${link}.new`, link);
    expect(read(await moved.open('file'))).toBe('file: next door');
    expect(read(await moved.open('../secret'))).toBe('outside-root');
  });

  it('has nothing as long as the root is not there', async () => {
    expect(read(await bootRoot({ root: join(folder, 'later') }).open('pxelinux.0'))).toBe('not-found');
  });

  it('keeps the old content of a file that is replaced', async () => {
    writeFileSync(join(root, 'image'), 'old');
    const before = await bootRoot().open('image');
    writeFileSync(join(root, 'image.new'), 'newer');
    renameSync(join(root, 'image.new'), join(root, 'image'));
    const after = await bootRoot().open('image');
    if (before.kind === 'file' && after.kind === 'file') expect(before.identity).not.toBe(after.identity);
    expect(read(before)).toBe('file: old');
    expect(read(after)).toBe('file: newer');
  });

  it('knows a file again by its identity', async () => {
    const [one, two] = await Promise.all([bootRoot().open('pxelinux.0'), bootRoot().open('link')]);
    expect(one.kind === 'file' && two.kind === 'file' && one.identity === two.identity).toBe(true);
    read(one);
    read(two);
  });

  it('leaves no descriptor open for what it refuses', async () => {
    // Those of the test's folder alone, whatever else this process opens meanwhile.
    const openFiles = (): readonly string[] =>
      readdirSync('/proc/self/fd').flatMap((fd) => {
        try {
          const place = readlinkSync(`/proc/self/fd/${fd}`);
          return place.startsWith(folder) ? [place] : [];
        } catch {
          // The descriptor that the folder itself was read by.
          return [];
        }
      });
    await vi.waitFor(() => expect(openFiles()).toEqual([]));
    const names = ['missing', 'dir', 'private', 'link-outside', 'pipe', 'loop'];
    for (const name of names) await bootRoot().open(name);
    for (const name of names) await bootRoot({ chrootLinks: true }).open(name);
    for (const name of names) await bootRoot().refuseWriting(name);
    expect(openFiles()).toEqual([]);
  });
});

describe('a write request', () => {
  it.each([
    ['missing', 'not-found'],
    ['dir', 'directory'],
    ['loop', 'symlink-loop'],
  ])('to %j is refused as %j', async (name, reason) => {
    expect(await bootRoot().refuseWriting(name)).toBe(reason);
  });

  it('finds no other reason for a file that could be written', async () => {
    expect(await bootRoot().refuseWriting('pxelinux.0')).toBeUndefined();
  });
});
