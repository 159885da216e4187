import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execute } from './execute.ts';
import { neededFiles, productionModules, type ProductionModule } from './production-modules.ts';
import type { Release } from './release.ts';

/** What is read and changed of package.json. */
interface PackageDescription {
  readonly files: readonly string[];
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
  bundleDependencies: readonly string[];
  scripts?: unknown;
  devDependencies?: unknown;
}

/**
 * Writes `ironic-bootd-VERSION.tgz` into `target` and returns its path. It brings the npm packages that it needs, in the
 * versions that were tested: npm would take the newest ones that fit, whatever Node.js they want, and heeds neither locks
 * nor overrides of what it installs. Only koffi is left to npm, since it is another one for each platform; it is optional,
 * so that an installation without a network works too. `work` is an empty folder.
 *
 * `npm pack` in the checkout makes the same program with all the files of its dependencies, and without two of them:
 * overrides do not reach what is bundled, so `npm sbom` and `npm ls` would complain about the chokidar of nunjucks.
 */
export async function buildNpm(release: Release, work: string, target: string): Promise<string> {
  const { top, version } = release;
  const description = JSON.parse(await readFile(join(top, 'package.json'), 'utf8')) as PackageDescription;
  const tree = join(work, 'tree');
  await mkdir(tree);
  const own = description.files.filter((name) => !name.startsWith('!'));
  for (const name of [...own, 'README.md', 'LICENSE']) {
    await cp(join(top, name), join(tree, name), { recursive: true });
  }
  const modules = productionModules(top);
  const bundled = modules.filter(({ name }) => !isPlatformBound(name));
  for (const file of await neededFiles(top, bundled, 'linux')) {
    await mkdir(dirname(join(tree, file)), { recursive: true });
    await cp(join(top, file), join(tree, file));
  }
  pin(description, modules);
  await writeFile(join(tree, 'package.json'), `${JSON.stringify(description, undefined, 2)}\n`);
  await execute('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', target, tree]);
  return join(target, `ironic-bootd-${version}.tgz`);
}

function isPlatformBound(name: string): boolean {
  return name === 'koffi' || name.startsWith('@koromix/');
}

/** Exact versions, and nothing that is only for a checkout. */
function pin(description: PackageDescription, modules: readonly ProductionModule[]): void {
  const versions = new Map(modules.map(({ folder, version }) => [folder, version]));
  const exact = (ranges: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
    Object.fromEntries(
      Object.entries(ranges).map(([name, range]) => [name, versions.get(`node_modules/${name}`) ?? range]),
    );
  description.dependencies = exact(description.dependencies);
  description.optionalDependencies = exact(description.optionalDependencies);
  description.bundleDependencies = Object.keys(description.dependencies);
  delete description.scripts;
  delete description.devDependencies;
}
