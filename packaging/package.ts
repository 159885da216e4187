/**
 * `npm run package [-- npm|deb|rpm...]`: builds bootd's packages into dist-packages/, all of them unless told otherwise,
 * with their SHA-256 and a bill of materials. The same commit gives the same octets. Needs dpkg-deb for the .deb, rpmbuild
 * (Debian package rpm) for the .rpm, and no rights.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildDeb } from './deb.ts';
import { buildNpm } from './npm.ts';
import { readRelease, type Release } from './release.ts';
import { buildRpm } from './rpm.ts';

const TOP = resolve(import.meta.dirname, '..');
const TARGET = join(TOP, 'dist-packages');

const BUILDERS: Readonly<
  Record<string, (release: Release, work: string, target: string) => Promise<unknown>>
> = {
  npm: buildNpm,
  deb: buildDeb,
  rpm: buildRpm,
};

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((kind) => !(kind in BUILDERS));
  if (unknown !== undefined) throw new Error(`there is no package of the kind ${unknown}`);
  await rm(TARGET, { recursive: true, force: true });
  await mkdir(TARGET);
  const release = readRelease(TOP);
  for (const [kind, build] of Object.entries(BUILDERS)) {
    if (wanted.length > 0 && !wanted.includes(kind)) continue;
    const work = await mkdtemp(join(tmpdir(), `bootd-package-${kind}-`));
    try {
      await build(release, work, TARGET);
    } finally {
      await rm(work, { recursive: true });
    }
  }
  const names = (await readdir(TARGET)).sort();
  const sums = await Promise.all(names.map(async (name) => `${await sha256(join(TARGET, name))}  ${name}\n`));
  await writeFile(join(TARGET, 'SHA256SUMS'), sums.join(''));
  console.log(`${sums.join('')}in ${TARGET}`);
}

async function sha256(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

await main();
