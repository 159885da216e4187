import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow } from './files-below.ts';

/** An npm package that the program needs when it runs. */
export interface ProductionModule {
  readonly name: string;
  readonly version: string;
  /** The SPDX expression of its package.json. */
  readonly licence: string;
  /** Below the top of the checkout: `node_modules/fastify`. */
  readonly folder: string;
  /** The text of its licence; undefined where it brings none. */
  readonly licenceText: string | undefined;
}

/** What this file reads of package-lock.json. */
interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

/**
 * The packages of package-lock.json that are no development dependencies and run on this platform, in the order of their
 * folders. Throws where one is not installed, or in another version: what is not locked is not shipped. The lock may be that
 * of another folder.
 */
export function productionModules(top: string, lockOf = top): readonly ProductionModule[] {
  const lock = JSON.parse(readFileSync(join(lockOf, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  return Object.entries(lock.packages)
    .filter(([folder, locked]) => folder !== '' && locked.dev !== true && isForHere(locked))
    .map(([folder, locked]) => readModule(top, folder, locked))
    .sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

function isForHere({ os, cpu }: LockedPackage): boolean {
  return (os?.includes(process.platform) ?? true) && (cpu?.includes(process.arch) ?? true);
}

function readModule(top: string, folder: string, locked: LockedPackage): ProductionModule {
  const file = join(top, folder, 'package.json');
  if (!existsSync(file)) throw new Error(`${folder} is not installed: run "npm ci"`);
  const { name, version, license } = JSON.parse(readFileSync(file, 'utf8')) as Partial<
    Record<'name' | 'version' | 'license', unknown>
  >;
  if (version !== locked.version) {
    throw new Error(`${folder} is version ${String(version)}, not ${locked.version ?? ''}: run "npm ci"`);
  }
  if (typeof name !== 'string' || typeof license !== 'string') {
    throw new Error(`${file} names no package, or no licence`);
  }
  const licenceFile = readdirSync(join(top, folder)).find((one) => /^(licen[cs]e|copying)/i.test(one));
  return {
    name,
    version: String(version),
    licence: license,
    folder,
    licenceText:
      licenceFile === undefined ? undefined : readFileSync(join(top, folder, licenceFile), 'utf8').trim(),
  };
}

/** The files of some of these packages that are needed at run time, from the top of the checkout on. */
export async function neededFiles(
  top: string,
  modules: readonly ProductionModule[],
  platform: 'here' | 'linux' = 'here',
): Promise<readonly string[]> {
  const found = await Promise.all(
    modules.map(async ({ name, folder }) => {
      const files = await filesBelow(join(top, folder), '.', (one) => one === 'node_modules');
      return files.filter((file) => isNeeded(name, file, platform)).map((file) => `${folder}/${file}`);
    }),
  );
  return found.flat();
}

/**
 * Whether a file of an installed package (named from the package's own folder on) is needed at run time: code, data that it
 * requires, native modules, and licences. No types, no sources of native code, nothing for browsers, no tests. Native modules
 * are those for this processor with glibc, or those for any Linux.
 */
export function isNeeded(module: string, file: string, platform: 'here' | 'linux' = 'here'): boolean {
  if (/^(licen[cs]e|copying|notice)[^/]*$/i.test(file)) return true;
  if (!/\.([cm]?js|json|node)$/.test(file) || /(^|\/)\./.test(file)) return false;
  if (/^(test|tests|benchmarks?|bench|examples?|docs?)\//.test(file)) return false;
  switch (module) {
    case 'classic-level':
      if (!file.startsWith('prebuilds/')) return !file.startsWith('deps/');
      return platform === 'linux'
        ? file.startsWith('prebuilds/linux-')
        : file === `prebuilds/linux-${process.arch}/classic-level.node`;
    case 'koffi':
      return !file.startsWith('vendor/');
    case 'nunjucks':
    case 'yaml':
      return !file.startsWith('browser/');
    case '@opentelemetry/api':
      return !/^build\/es(m|next)\//.test(file);
    default:
      return !file.startsWith('musl_');
  }
}
