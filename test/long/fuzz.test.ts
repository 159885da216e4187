import { describe, expect, it } from 'vitest';
import { fuzz } from '../fuzz/fuzz-run.ts';
import { FUZZ_TARGETS } from '../fuzz/fuzz-targets.ts';

const MINUTE = 60_000;

describe('a minute of inputs that nobody has seen before', () => {
  it.each(FUZZ_TARGETS.map((target) => [target.name, target] as const))('%s', async (_, target) => {
    const seed = Date.now() % 2 ** 31;
    const { finding, inputs } = await fuzz(target, { seed, milliseconds: MINUTE });
    console.log(`${target.name}: ${inputs} inputs from seed ${seed}`);
    expect(finding).toBeUndefined();
  });
});
