import {
  chmod,
  copyFile,
  lutimes,
  mkdir,
  readdir,
  readFile,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { formatCopyright } from './copyright.ts';
import { filesBelow } from './files-below.ts';
import { neededFiles, productionModules } from './production-modules.ts';
import { productionSbom } from './sbom.ts';

/** What the two kinds of packages put in different places. */
export interface Layout {
  readonly zshFolder: string;
  /** Where the licences of everything shipped are told. */
  readonly copyrightFile: string;
  /** Where the distribution keeps texts of common licences, if it does. */
  readonly commonLicences: string | undefined;
  /** The changelog of the package itself, where the kind of package wants one. */
  readonly packageChangelog: { readonly file: string; readonly text: string } | undefined;
}

/** The folder of the program. */
const PROGRAM = 'usr/lib/bootd';
const DOCUMENTS = 'usr/share/doc/bootd';

/** By the ends of their names: where systemd looks for the files of systemd/. */
const SYSTEMD_PLACES: readonly (readonly [name: RegExp, place: (name: string) => string, mode: number])[] = [
  [/\.(service|socket|target|timer|path)$/, (name) => `usr/lib/systemd/system/${name}`, 0o644],
  [/-generator$/, (name) => `usr/lib/systemd/system-generators/${name}`, 0o755],
  [/\.sysusers$/, (name) => `usr/lib/sysusers.d/${name.replace(/sysusers$/, 'conf')}`, 0o644],
  [/\.tmpfiles$/, (name) => `usr/lib/tmpfiles.d/${name.replace(/tmpfiles$/, 'conf')}`, 0o644],
];

/** A file of a package, from `/` on but without the slash. */
interface StagedFile {
  readonly path: string;
  readonly mode: number;
  readonly content: { readonly from: string } | { readonly text: string | Buffer };
}

/**
 * Lays out everything that a package installs below `folder`, which must not be there yet. Modes and times are the same
 * whatever the umask and the checkout's own: one source, one tree.
 */
export async function stageTree(top: string, folder: string, date: Date, layout: Layout): Promise<void> {
  const files = [
    ...(await programFiles(top)),
    ...(await moduleFiles(top)),
    ...(await systemdFiles(top)),
    ...(await documentFiles(top)),
    ...(await integrationFiles(top)),
    ...(await ownFiles(top, layout)),
  ];
  for (const { path, mode, content } of files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    if ('from' in content) await copyFile(content.from, target);
    else await writeFile(target, content.text);
    await chmod(target, mode);
  }
  await mkdir(join(folder, 'usr/bin'), { recursive: true });
  await symlink('../lib/bootd/bin/bootd', join(folder, 'usr/bin/bootd'));
  const sbom = join(folder, DOCUMENTS, 'sbom.cdx.json');
  await writeFile(sbom, productionSbom(join(folder, PROGRAM), date));
  await chmod(sbom, 0o644);
  await settle(folder, date);
}

/** What npm would ship of the program itself, with the shebang of a system's own Node.js. */
async function programFiles(top: string): Promise<readonly StagedFile[]> {
  const { files, ...description } = JSON.parse(await readFile(join(top, 'package.json'), 'utf8')) as {
    readonly files: readonly string[];
    scripts?: unknown;
    devDependencies?: unknown;
    bundleDependencies?: unknown;
  };
  // They have places of their own.
  const elsewhere = new Set([
    'bin',
    'systemd',
    'docs',
    'integrations',
    'bootd.schema.json',
    'CHANGELOG.md',
    'npm-shrinkwrap.json',
  ]);
  const names = files.filter((name) => !elsewhere.has(name) && !name.startsWith('!'));
  const found = await Promise.all(names.map((name) => filesBelow(top, name)));
  delete description.scripts;
  delete description.devDependencies;
  delete description.bundleDependencies;
  const launcher = (await readFile(join(top, 'bin/bootd'), 'utf8')).replace(/^#!.*/, '#!/usr/bin/node');
  return [
    ...found
      .flat()
      .filter((name) => !name.endsWith('.map') && !/^dist\/(man|completions)\//.test(name))
      .map((name) => copied(top, name, `${PROGRAM}/${name}`)),
    { path: `${PROGRAM}/bin/bootd`, mode: 0o755, content: { text: launcher } },
    {
      path: `${PROGRAM}/package.json`,
      mode: 0o644,
      content: { text: `${JSON.stringify(description, undefined, 2)}\n` },
    },
  ];
}

async function moduleFiles(top: string): Promise<readonly StagedFile[]> {
  const files = await neededFiles(top, productionModules(top));
  return files.map((file) => copied(top, file, `${PROGRAM}/${file}`));
}

async function systemdFiles(top: string): Promise<readonly StagedFile[]> {
  return (await readdir(join(top, 'systemd'))).map((name) => {
    const found = SYSTEMD_PLACES.find(([pattern]) => pattern.test(name));
    if (found === undefined)
      throw new Error(`packaging/stage.ts does not know where systemd/${name} belongs`);
    const [, place, mode] = found;
    return { path: place(name), mode, content: { from: join(top, 'systemd', name) } };
  });
}

async function documentFiles(top: string): Promise<readonly StagedFile[]> {
  const documents = ['README.md', 'CHANGELOG.md', ...(await filesBelow(top, 'docs'))];
  return [
    ...documents.map((name) => copied(top, name, `${DOCUMENTS}/${name}`)),
    copied(top, 'bootd.schema.json', 'usr/share/bootd/bootd.schema.json'),
  ];
}

async function integrationFiles(top: string): Promise<readonly StagedFile[]> {
  const files = await filesBelow(top, 'integrations', (name) => name === 'tests' || name === '__pycache__');
  return files.map((name) => copied(top, name, `usr/share/bootd/${name}`));
}

async function ownFiles(top: string, layout: Layout): Promise<readonly StagedFile[]> {
  const own = join(top, 'packaging/files');
  const zipped = async (name: string, path: string): Promise<StagedFile> => ({
    path,
    mode: 0o644,
    content: { text: zip(await readFile(join(top, name))) },
  });
  const { packageChangelog } = layout;
  return [
    { path: 'etc/bootd/bootd.yaml', mode: 0o644, content: { from: join(own, 'bootd.yaml') } },
    {
      path: 'usr/lib/firewalld/services/bootd.xml',
      mode: 0o644,
      content: { from: join(own, 'bootd-firewalld.xml') },
    },
    ...['after-install', 'before-removal'].map((name) => ({
      path: `${PROGRAM}/packaging/${name}`,
      mode: 0o755,
      content: { from: join(own, name) },
    })),
    await zipped('dist/man/bootd.8', 'usr/share/man/man8/bootd.8.gz'),
    await zipped('dist/man/bootd.yaml.5', 'usr/share/man/man5/bootd.yaml.5.gz'),
    copied(top, 'dist/completions/bootd.bash', 'usr/share/bash-completion/completions/bootd'),
    copied(top, 'dist/completions/_bootd', `${layout.zshFolder}/_bootd`),
    copied(top, 'dist/completions/bootd.fish', 'usr/share/fish/vendor_completions.d/bootd.fish'),
    {
      path: layout.copyrightFile,
      mode: 0o644,
      content: {
        text: formatCopyright(
          await readFile(join(top, 'LICENSE'), 'utf8'),
          productionModules(top),
          layout.commonLicences,
        ),
      },
    },
    ...(packageChangelog === undefined
      ? []
      : [
          {
            path: packageChangelog.file,
            mode: 0o644,
            content: { text: zip(Buffer.from(packageChangelog.text)) },
          },
        ]),
  ];
}

function copied(top: string, name: string, path: string): StagedFile {
  return { path, mode: 0o644, content: { from: join(top, name) } };
}

/** As `gzip -9n` does it: without a name and a time. */
function zip(content: Buffer): Buffer {
  return gzipSync(content, { level: 9 });
}

/** Gives everything its time, folders after what is in them, and folders their mode. */
export async function settle(folder: string, date: Date): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await settle(path, date);
    else if (entry.isSymbolicLink()) await lutimes(path, date, date);
    else await utimes(path, date, date);
  }
  await chmod(folder, 0o755);
  await utimes(folder, date, date);
}
