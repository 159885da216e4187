import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  findPackagedLoader,
  type LoaderLayout,
  type PackagedFile,
  type PackagedLoader,
} from '../boot/loader-packages.ts';
import { ioErrorFrom } from '../io/io-error.ts';
import type { NamedBootFile } from './boot-file-names.ts';

/** What became of one file of a loader. */
export type LoaderAction =
  | 'installed'
  | 'replaced'
  /** The same octets are there already. */
  | 'unchanged'
  /** Other octets are there, and nobody said --force. */
  | 'kept'
  /** No package brought it. */
  | 'missing'
  /** No package is known to bring a file of this name. */
  | 'unknown';

/** One file below the TFTP root, and where it comes from. */
export interface LoaderReport {
  /** Below the TFTP root. */
  readonly path: string;
  readonly action: LoaderAction;
  /** Without it a machine does not boot. */
  readonly required: boolean;
  readonly source: string | undefined;
  readonly package: string | undefined;
  /** False: firmware with Secure Boot refuses it. Undefined where that does not matter. */
  readonly signed: boolean | undefined;
  /** The packages that would bring it, by distribution; only for what is missing. */
  readonly wanted: readonly { readonly distribution: string; readonly packages: readonly string[] }[];
}

/** Where from and where to. */
export interface InstallPlan {
  /** The root of a file system with packages in it, or a folder with the loaders themselves. */
  readonly from: string;
  readonly tftpRoot: string;
  /** Replace files that differ. */
  readonly force: boolean;
}

const MODE = 0o644;

/**
 * Copies the loader that a boot file is to be, with what belongs to it, below the TFTP root. Each file appears whole or not
 * at all. Rejects with IoError when the disk refuses.
 */
export async function installLoader(
  bootFile: NamedBootFile,
  plan: InstallPlan,
): Promise<readonly LoaderReport[]> {
  const path = bootFile.path;
  const loader = path === undefined ? undefined : findPackagedLoader(path, bootFile.firmware);
  if (path === undefined || loader === undefined) {
    const there = path !== undefined && (await readIfThere(join(plan.tftpRoot, path))) !== undefined;
    const action = there ? 'kept' : 'unknown';
    return [{ ...EMPTY, path: path ?? bootFile.name, action, required: true }];
  }
  const chosen = await chooseLayout(loader, basename(path), plan.from);
  if (chosen === undefined) return [await reportMissing(path, loader, plan)];
  const { layout, main, companions } = chosen;
  const signed = path.endsWith('.efi') ? layout.signed : undefined;
  const reports = [await copy(path, main, layout.package, { required: true, signed }, plan)];
  for (const { name, required, package: packageName, source } of companions) {
    const target = join(dirname(path), name);
    if (source !== undefined) {
      reports.push(await copy(target, source, packageName, { required, signed }, plan));
    } else if (required) {
      const wanted = [{ distribution: layout.distribution, packages: [packageName] }];
      reports.push(await reportAbsent(target, wanted, plan));
    }
  }
  return reports;
}

const EMPTY = { source: undefined, package: undefined, signed: undefined, wanted: [] } as const;

interface ChosenLayout {
  readonly layout: LoaderLayout;
  readonly main: string;
  readonly companions: readonly (LoaderLayout['companions'][number] & {
    readonly source: string | undefined;
  })[];
}

/** The first layout that is there whole; else the first whose loader is there at all. */
async function chooseLayout(
  loader: PackagedLoader,
  name: string,
  from: string,
): Promise<ChosenLayout | undefined> {
  let partial: ChosenLayout | undefined;
  for (const layout of loader.layouts) {
    for (const found of await lookUp(layout, name, from)) {
      if (found.companions.every(({ required, source }) => !required || source !== undefined)) return found;
      partial ??= found;
    }
  }
  return partial;
}

/** A layout in a file system, once for each folder that its `*` may stand for; or as plain files in one folder. */
async function lookUp(layout: LoaderLayout, name: string, from: string): Promise<readonly ChosenLayout[]> {
  const found: ChosenLayout[] = [];
  for (const star of await starsOf(layout, from)) {
    const at = ({ path }: PackagedFile): string => join(from, path.replace('*', star));
    found.push(...(await gather(layout, at(layout), at)));
  }
  const inFolder = (file: PackagedFile & { readonly name?: string }): string => join(from, file.name ?? name);
  return found.length > 0 ? found : gather(layout, inFolder(layout), inFolder);
}

async function gather(
  layout: LoaderLayout,
  main: string,
  at: (file: LoaderLayout['companions'][number]) => string,
): Promise<readonly ChosenLayout[]> {
  if (!(await isFile(main))) return [];
  const companions = [];
  for (const companion of layout.companions) {
    const source = at(companion);
    companions.push({ ...companion, source: (await isFile(source)) ? source : undefined });
  }
  return [{ layout, main, companions }];
}

async function starsOf({ path }: LoaderLayout, from: string): Promise<readonly string[]> {
  const [before, after] = path.split('*');
  if (after === undefined) return [''];
  const names = await readdir(join(from, before ?? '')).catch(() => []);
  return names.sort();
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function reportMissing(path: string, loader: PackagedLoader, plan: InstallPlan): Promise<LoaderReport> {
  const wanted = new Map<string, Set<string>>();
  for (const layout of loader.layouts) {
    const packages = wanted.get(layout.distribution) ?? new Set();
    // The signed one is named first, and is enough.
    if (packages.size > 0) continue;
    packages.add(layout.package);
    for (const companion of layout.companions) if (companion.required) packages.add(companion.package);
    wanted.set(layout.distribution, packages);
  }
  const list = [...wanted].map(([distribution, packages]) => ({ distribution, packages: [...packages] }));
  return reportAbsent(path, list, plan);
}

/** No package has it; but somebody may have put it there by hand. */
async function reportAbsent(
  path: string,
  wanted: LoaderReport['wanted'],
  plan: InstallPlan,
): Promise<LoaderReport> {
  const there = (await readIfThere(join(plan.tftpRoot, path))) !== undefined;
  return { ...EMPTY, path, action: there ? 'kept' : 'missing', required: true, wanted };
}

async function copy(
  path: string,
  source: string,
  packageName: string,
  facts: Pick<LoaderReport, 'required' | 'signed'>,
  plan: InstallPlan,
): Promise<LoaderReport> {
  const target = join(plan.tftpRoot, path);
  const report = (action: LoaderAction): LoaderReport => ({
    ...facts,
    path,
    action,
    source,
    package: packageName,
    wanted: [],
  });
  try {
    const octets = await readFile(source);
    const present = await readIfThere(target);
    if (present?.equals(octets) === true) return report('unchanged');
    if (present !== undefined && !plan.force) return report('kept');
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeWhole(target, octets);
    return report(present === undefined ? 'installed' : 'replaced');
  } catch (error) {
    throw ioErrorFrom(`cannot install ${target}`, error);
  }
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw ioErrorFrom(`cannot read ${file}`, error);
  }
}

/** A machine that loads the file meanwhile gets the old octets or the new ones, and a power cut leaves either. */
async function writeWhole(target: string, octets: Uint8Array): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(temporary, 'wx', MODE);
    try {
      await file.writeFile(octets);
      // The mode that was asked for, whatever the umask of the shell is: tftpd's users must be able to read it.
      await file.chmod(MODE);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
