import fc from 'fast-check';

/**
 * A run of all tests asks the same questions each time, so that a change is judged by what it changed; `BOOTD_TEST_SEED` gives
 * another seed, or `random` a new one for each property. A find of such a run becomes a test of its own.
 */
const chosen = process.env['BOOTD_TEST_SEED'] ?? '20171';
if (chosen !== 'random') {
  const seed = Number(chosen);
  if (!Number.isInteger(seed)) throw new Error(`BOOTD_TEST_SEED is an integer or "random", not ${chosen}`);
  fc.configureGlobal({ seed });
}
