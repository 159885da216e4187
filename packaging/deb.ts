import { createHash } from 'node:crypto';
import { chmod, copyFile, lstat, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execute } from './execute.ts';
import type { Release } from './release.ts';
import { settle, stageTree } from './stage.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Writes `bootd_VERSION_ARCHITECTURE.deb` into `target` and returns its path. `work` is an empty folder for what is made on
 * the way. Needs dpkg-deb and a built checkout, but no rights.
 */
export async function buildDeb(release: Release, work: string, target: string): Promise<string> {
  const architecture = ARCHITECTURES[process.arch];
  if (architecture === undefined) throw new Error(`there is no package for the architecture ${process.arch}`);
  // A hyphen divides the version of the program from that of the package, and a tilde comes before everything.
  const version = `${release.version.replaceAll('-', '~')}-1`;
  const tree = join(work, 'tree');
  await stageTree(release.top, tree, release.date, {
    zshFolder: 'usr/share/zsh/vendor-completions',
    copyrightFile: 'usr/share/doc/bootd/copyright',
    commonLicences: '/usr/share/common-licenses',
    packageChangelog: {
      file: 'usr/share/doc/bootd/changelog.Debian.gz',
      text: changelog(version, release),
    },
  });
  await writeControlFiles(release, tree, version, architecture);
  const file = join(target, `bootd_${version}_${architecture}.deb`);
  // With more than one thread the compressed octets depend on the number of processors.
  const how = ['--root-owner-group', '-Zxz', '--threads-max=1'];
  await execute('dpkg-deb', [...how, '--build', tree, file], {
    SOURCE_DATE_EPOCH: String(release.date.getTime() / 1000),
  });
  return file;
}

async function writeControlFiles(
  release: Release,
  tree: string,
  version: string,
  architecture: string,
): Promise<void> {
  const files = await filesOf(tree, '');
  const control = join(tree, 'DEBIAN');
  await mkdir(control);
  const sizes = await Promise.all(files.map(async (file) => (await lstat(join(tree, file))).size));
  const kibibytes = sizes.reduce((sum, size) => sum + Math.ceil(size / 1024), 0);
  await writeFile(
    join(control, 'control'),
    `Package: bootd
Version: ${version}
Architecture: ${architecture}
Maintainer: ${release.maintainer}
Installed-Size: ${kibibytes}
Depends: nodejs (>= ${release.nodeVersion}), libc6 (>= ${await newestGlibc(tree, files)}), libgcc-s1, libstdc++6, systemd
Suggests: firewalld, grub-efi-amd64-signed, ipxe, pxelinux, shim-signed, syslinux-common
Section: net
Priority: optional
Description: ${release.summary}
${release.description.map((line) => ` ${line === '' ? '.' : line}`).join('\n')}
`,
  );
  await writeFile(join(control, 'conffiles'), '/etc/bootd/bootd.yaml\n');
  await writeFile(join(control, 'md5sums'), await md5sums(tree, files));
  for (const name of ['postinst', 'prerm', 'postrm']) {
    await copyFile(join(release.top, 'packaging/deb', name), join(control, name));
  }
  for (const name of await readdir(control)) {
    await chmod(join(control, name), /^p(ost|re)/.test(name) ? 0o755 : 0o644);
  }
  await settle(tree, release.date);
}

/** Paths of everything that is no folder, sorted. */
async function filesOf(tree: string, below: string): Promise<readonly string[]> {
  const entries = await readdir(join(tree, below), { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? filesOf(tree, path) : [path];
    }),
  );
  return found.flat().sort();
}

async function md5sums(tree: string, files: readonly string[]): Promise<string> {
  const lines = await Promise.all(
    files.map(async (file) => {
      // dpkg has no sums of symbolic links, and keeps those of conffiles itself.
      if ((await lstat(join(tree, file))).isSymbolicLink() || file.startsWith('etc/')) return '';
      const sum = createHash('md5')
        .update(await readFile(join(tree, file)))
        .digest('hex');
      return `${sum}  ${file}\n`;
    }),
  );
  return lines.join('');
}

/** The newest version of a symbol of glibc that the native modules ask for. */
async function newestGlibc(tree: string, files: readonly string[]): Promise<string> {
  const native = files.filter((file) => file.endsWith('.node'));
  const texts = await Promise.all(native.map((file) => readFile(join(tree, file), 'latin1')));
  const versions = texts.flatMap((text) =>
    [...text.matchAll(/GLIBC_(\d+\.\d+)/g)].map(([, one = '']) => one),
  );
  const newest = versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  if (newest === undefined) throw new Error('no native module asks for glibc: were they left out?');
  return newest;
}

function changelog(version: string, { maintainer, date }: Release): string {
  const day = date.toUTCString().replace('GMT', '+0000');
  return `bootd (${version}) unstable; urgency=medium

  * What is new in it is told in /usr/share/doc/bootd/CHANGELOG.md.

 -- ${maintainer}  ${day}
`;
}
