/**
 * `npm run fuzz:corpus`: tries inputs of each target, and keeps those in `test/fuzz/corpus/` that execute code which no sample and no input
 * before them did. To be run when a parser has grown; what it writes is looked at and committed.
 *
 *   npm run fuzz:corpus -- [TARGET]...
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CodeCoverage } from './code-coverage.ts';
import { FuzzRandom } from './fuzz-random.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { FUZZ_TARGETS } from './fuzz-targets.ts';

const CORPUS = join(import.meta.dirname, 'corpus');
const MILLISECONDS = 15_000;
/** The first inputs are many and teach little: samples that nothing was changed in reach as much. */
const WARMING_INPUTS = 150;
const KEPT_MAX = 12;
/** Larger files are no samples that anybody reads. */
const OCTETS_MAX = 4096;
/** Fewer octets of source are a half of some `||`, in most cases. */
const NEW_OCTETS_MIN = 40;

async function growCorpus(chosen: FuzzTarget): Promise<void> {
  const { name } = chosen;
  const target = await chosen.open();
  const coverage = new CodeCoverage();
  const folder = join(CORPUS, name);
  const until = performance.now() + MILLISECONDS;
  let kept = 0;
  for (let iteration = 0; performance.now() < until && kept < KEPT_MAX; iteration += 1) {
    const input = target.make(new FuzzRandom(1, `corpus of ${name}`, iteration));
    await target.check(input);
    const found = coverage.takeNew();
    if (iteration < WARMING_INPUTS || found < NEW_OCTETS_MIN || input.length > OCTETS_MAX) continue;
    const octets = Buffer.from(input);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, createHash('sha256').update(octets).digest('hex').slice(0, 12)), octets);
    kept += 1;
  }
  coverage.close();
  await target.close?.();
  console.log(`${name}: ${kept} new, ${kept === 0 ? '' : `${readdirSync(folder).length} in all`}`);
}

const wanted = process.argv.slice(2);
for (const target of FUZZ_TARGETS)
  if (wanted.length === 0 || wanted.includes(target.name)) await growCorpus(target);
