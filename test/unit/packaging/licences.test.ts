import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatCopyright } from '../../../packaging/copyright.ts';
import { isNeeded, productionModules } from '../../../packaging/production-modules.ts';

const modules = productionModules(resolve(import.meta.dirname, '../../..'));

/** What may be shipped together with a program under Apache-2.0, by SPDX identifiers. */
const ALLOWED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'];

/** They say in package.json, and in no file of their own, what their licence is. */
const WITHOUT_TEXT = /^(abstract-logging|@koromix\/koffi-linux-\w+)$/;

describe('the npm packages that are shipped', () => {
  it('are those that the program imports and what these need, and none for development', () => {
    const names = modules.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['fastify', 'classic-level', 'koffi', 'nunjucks', 'yaml']));
    expect(names.filter((name) => /typescript|vitest|eslint|^@types\/|playwright/.test(name))).toEqual([]);
  });

  it('stand in the package of npm as they were locked', () => {
    const { dependencies, bundleDependencies } = JSON.parse(
      readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
    ) as { readonly dependencies: Readonly<Record<string, string>>; readonly bundleDependencies: unknown };
    // nunjucks and its peer have an override, which does not reach what is bundled.
    const overridden = ['chokidar', 'nunjucks'];
    expect(bundleDependencies).toEqual(
      Object.keys(dependencies).filter((name) => !overridden.includes(name)),
    );
  });

  it('have licences that allow it', () => {
    const others = modules.filter(({ licence }) => !ALLOWED.includes(licence));
    expect(others.map(({ name, licence }) => `${name}: ${licence}`)).toEqual([]);
  });

  it('bring the texts of their licences, which stand in the copyright file', () => {
    const without = modules.filter(({ licenceText }) => licenceText === undefined);
    expect(without.map(({ name }) => name).filter((name) => !WITHOUT_TEXT.test(name))).toEqual([]);
    const file = formatCopyright('Own licence', modules, undefined);
    for (const { folder, licenceText = '' } of modules) {
      expect(file).toContain(`usr/lib/bootd/${folder}/*`);
      for (const line of licenceText.split('\n')) expect(file).toContain(line.trim());
    }
    // Each line of a field but the first begins with a blank: what does not is a field.
    const fields = file.split('\n').filter((line) => line !== '' && !line.startsWith(' '));
    expect(fields.filter((line) => !/^(Format|Upstream-Name|Files|Copyright|License): /.test(line))).toEqual(
      [],
    );
  });
});

describe('the files of a package', () => {
  it('are for any Linux in the package of npm', () => {
    const musl = 'prebuilds/linux-arm64/classic-level.musl.node';
    expect(isNeeded('classic-level', musl)).toBe(false);
    expect(isNeeded('classic-level', musl, 'linux')).toBe(true);
    expect(isNeeded('classic-level', 'prebuilds/win32-x64/classic-level.node', 'linux')).toBe(false);
  });

  it.each([
    ['fastify', 'fastify.js', true],
    ['fastify', 'LICENSE', true],
    ['fastify', 'fastify.d.ts', false],
    ['fastify', 'test/404s.test.js', false],
    ['fastify', '.github/workflows/ci.yml', false],
    ['ms', 'license.md', true],
    ['ms', 'readme.md', false],
    ['classic-level', `prebuilds/linux-${process.arch}/classic-level.node`, true],
    ['classic-level', `prebuilds/linux-${process.arch}/classic-level.musl.node`, false],
    ['classic-level', 'prebuilds/darwin-x64+arm64/classic-level.node', false],
    ['classic-level', 'deps/leveldb/leveldb.js', false],
    ['@koromix/koffi-linux-x64', 'linux_x64/koffi.node', true],
    ['@koromix/koffi-linux-x64', 'musl_x64/koffi.node', false],
    ['yaml', 'browser/index.js', false],
  ])('%s: %s is needed: %s', (module, file, needed) => {
    expect(isNeeded(module, file)).toBe(needed);
  });
});
