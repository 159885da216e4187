import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { builtFolder } from './built-folder.ts';
import { run, type RunOptions } from './processes.ts';

/** Besides what every Debian has: a service manager that can be booted, and what Node.js and bootd's tests ask for. */
const INCLUDED = ['dbus', 'iproute2', 'libstdc++6', 'systemd'];

/** debootstrap takes the better part of a minute; on a loaded machine, and from a slow mirror, much longer. */
const BUILD_TIMEOUT_MS = 540_000;

/**
 * Copies a clean Debian of this machine's own release, with systemd, into a folder that is not there yet. The copy is
 * the caller's to change; the original is built once (`bootd-debian-root-*` in the temporary folder), from the mirror
 * that apt of this machine uses.
 */
export async function copyDebianRoot(folder: string): Promise<void> {
  await run('cp', ['-a', '--reflink=auto', await builtDebianRoot(), folder], { timeoutMs: 120_000 });
}

/**
 * Runs a command in such a root as its root user, without a network but loopback, and returns what it printed. Its
 * processes see no other, and none of them outlives the command.
 */
export function runInRoot(
  root: string,
  command: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return run(
    'unshare',
    [
      ...['--mount', '--pid', '--net', '--ipc', '--fork', '--kill-child', `--root=${root}`, '--wd=/'],
      ...[
        '--mount-proc',
        'env',
        '-i',
        path,
        'HOME=/root',
        'LC_ALL=C.UTF-8',
        'DEBIAN_FRONTEND=noninteractive',
      ],
      ...['sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...command],
    ],
    options,
  );
}

/** The root itself, which nobody changes, built when it is not there yet. */
async function builtDebianRoot(): Promise<string> {
  const release = await codename();
  const builder = await readFile(fileURLToPath(import.meta.url));
  const key = createHash('sha256').update(`${release} ${process.arch}\n`).update(builder).digest('hex');
  return builtFolder(`bootd-debian-root-${release}-${key.slice(0, 16)}`, async (root) => {
    const settings = ['--variant=minbase', `--include=${INCLUDED.join(',')}`];
    await run('debootstrap', [...settings, release, root, await mirror(release)], {
      timeoutMs: BUILD_TIMEOUT_MS,
    });
    await run('chroot', [root, 'apt-get', 'clean']);
  });
}

async function codename(): Promise<string> {
  const [, name] = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(await readFile('/etc/os-release', 'utf8')) ?? [];
  if (name === undefined) throw new Error('/etc/os-release names no VERSION_CODENAME');
  return name;
}

/** Where apt of this machine has its release from. */
async function mirror(release: string): Promise<string> {
  const targets = await run('apt-get', [
    ...['indextargets', '--format', '$(REPO_URI)'],
    ...['Created-By: Packages', `Codename: ${release}`, 'Component: main'],
  ]);
  const [first] = targets.split('\n');
  if (first === undefined || first === '') throw new Error(`apt's configuration has no mirror of ${release}`);
  return first;
}
