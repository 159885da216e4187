import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execute } from './execute.ts';
import { productionModules } from './production-modules.ts';
import type { Release } from './release.ts';
import { stageTree } from './stage.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };
const LICENCE_FILE = 'usr/share/licenses/bootd/copyright';

/** Folders that belong to the package with everything below them; all others are there already. */
const OWN_FOLDERS = /^(etc\/bootd|usr\/lib\/bootd|usr\/share\/(bootd|doc\/bootd|licenses\/bootd))(\/|$)/;

/**
 * Writes `bootd-VERSION-1.ARCHITECTURE.rpm` into `target` and returns its path. `work` is an empty folder for what is made
 * on the way. Needs rpmbuild and a built checkout, but no rights; it may run on Debian.
 */
export async function buildRpm(release: Release, work: string, target: string): Promise<string> {
  const architecture = ARCHITECTURES[process.arch];
  if (architecture === undefined) throw new Error(`there is no package for the architecture ${process.arch}`);
  const tree = join(work, 'tree');
  await stageTree(release.top, tree, release.date, {
    zshFolder: 'usr/share/zsh/site-functions',
    copyrightFile: LICENCE_FILE,
    commonLicences: undefined,
    packageChangelog: undefined,
  });
  const list = join(work, 'files');
  await writeFile(list, (await fileLines(tree, '')).join(''));
  const version = release.version.replaceAll('-', '~');
  const definitions: Readonly<Record<string, string>> = {
    _topdir: join(work, 'rpmbuild'),
    bootd_version: version,
    bootd_summary: release.summary,
    bootd_description: release.description.join('\n'),
    bootd_maintainer: release.maintainer,
    bootd_licence: licences(release.top),
    bootd_node: release.nodeVersion,
    bootd_tree: tree,
    bootd_files: list,
  };
  await mkdir(join(work, 'rpmbuild'));
  await execute(
    'rpmbuild',
    [
      ...Object.entries(definitions).flatMap(([name, value]) => ['--define', `${name} ${value}`]),
      ...['--target', architecture, '-bb', join(release.top, 'packaging/rpm/bootd.spec')],
    ],
    { SOURCE_DATE_EPOCH: String(release.date.getTime() / 1000) },
  );
  const name = `bootd-${version}-1.${architecture}.rpm`;
  await rename(join(work, 'rpmbuild/RPMS', architecture, name), join(target, name));
  return join(target, name);
}

/** The lines of %files, in the order of the paths. */
async function fileLines(tree: string, below: string): Promise<readonly string[]> {
  const entries = await readdir(join(tree, below), { withFileTypes: true });
  const lines = await Promise.all(
    entries
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(async (entry) => {
        const path = below === '' ? entry.name : `${below}/${entry.name}`;
        if (!entry.isDirectory()) return [`${attributesOf(path)}"/${path}"\n`];
        const own = OWN_FOLDERS.test(path) ? [`%dir "/${path}"\n`] : [];
        return [...own, ...(await fileLines(tree, path))];
      }),
  );
  return lines.flat();
}

function attributesOf(path: string): string {
  if (path.startsWith('etc/')) return '%config(noreplace) ';
  return path === LICENCE_FILE ? '%license ' : '';
}

/** The licences of everything that is shipped, as one SPDX expression. */
function licences(top: string): string {
  const all = new Set(['Apache-2.0', ...productionModules(top).map(({ licence }) => licence)]);
  return [...all].sort().join(' AND ');
}
