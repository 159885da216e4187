import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EreBudget } from '../../src/tftp/ere-budget.ts';
import { ERE_ERRORS, EreError } from '../../src/tftp/ere-error.ts';
import { compileMapRegex, type MapRegex } from '../../src/tftp/map-regex.ts';
import { junkPattern, plainPattern, richPattern, subject } from './ere-patterns.ts';

const STEPS = 1_000_000;

/** Undefined for a pattern that does not compile. Anything but an EreError is a defect. */
function compile(pattern: string, ignoreCase = false): MapRegex | undefined {
  try {
    return compileMapRegex(pattern, ignoreCase);
  } catch (error) {
    if (!(error instanceof EreError)) throw error;
    expect(Object.values(ERE_ERRORS)).toContain(error.message);
    return undefined;
  }
}

describe('extended regular expressions', () => {
  it('compile or say what is wrong, and match within their budget, whatever they are', () => {
    fc.assert(
      fc.property(fc.oneof(junkPattern, richPattern), subject, fc.boolean(), (pattern, text, ignoreCase) => {
        const budget = new EreBudget(STEPS);
        const outcome = compile(pattern, ignoreCase)?.match(text, budget);
        if (outcome?.kind !== 'match') return;
        const [whole, ...groups] = outcome.spans;
        if (whole === undefined) throw new Error('a match without a place');
        expect(whole.start).toBeGreaterThanOrEqual(0);
        expect(whole.end).toBeLessThanOrEqual(text.length);
        expect(groups.length).toBeLessThanOrEqual(9);
        for (const { start, end } of outcome.spans) {
          if (start === -1 && end === -1) continue;
          expect(start).toBeGreaterThanOrEqual(whole.start);
          expect(end).toBeLessThanOrEqual(whole.end);
          expect(start).toBeLessThanOrEqual(end);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('match leftmost and longest: no other stretch of the subject that begins earlier or is longer does', () => {
    fc.assert(
      fc.property(plainPattern, subject, (pattern, text) => {
        const outcome = compile(pattern)?.match(text, new EreBudget(STEPS));
        const whole = outcome?.kind === 'match' ? outcome.spans[0] : undefined;
        expect(whole).toEqual(leftmostLongest(pattern, text));
      }),
      { numRuns: 2000 },
    );
  });

  it('take steps in proportion to the subject, not to its square', () => {
    fc.assert(
      fc.property(richPattern, (pattern) => {
        const regex = compile(pattern);
        if (regex === undefined) return;
        const stepsFor = (length: number): number => {
          const budget = new EreBudget(100 * STEPS);
          regex.match('ab/cA'.repeat(length / 5), budget);
          return 100 * STEPS - budget.remaining;
        };
        expect(stepsFor(4000)).toBeLessThanOrEqual(12 * stepsFor(400) + 1000);
      }),
      { numRuns: 200 },
    );
  });
});

/** By trying every stretch whole: whether one matches as a whole does not depend on which alternative is preferred. */
function leftmostLongest(pattern: string, text: string): { start: number; end: number } | undefined {
  const whole = new RegExp(`^(?:${toJavaScript(pattern)})$`, 's');
  for (let start = 0; start <= text.length; start++) {
    for (let end = text.length; end >= start; end--) {
      if (whole.test(text.slice(start, end))) return { start, end };
    }
  }
  return undefined;
}

/** The few things in plain patterns that JavaScript writes otherwise. */
function toJavaScript(pattern: string): string {
  return pattern
    .replaceAll('[[:alpha:]]', '[A-Za-z]')
    .replaceAll('[[:upper:]b]', '[A-Zb]')
    .replaceAll('[]a]', '[\\]a]')
    .replaceAll('+?', '*') // a quantifier on a quantifier, not a lazy one
    .replaceAll('**', '*')
    .replaceAll('{,2}', '{0,2}');
}
