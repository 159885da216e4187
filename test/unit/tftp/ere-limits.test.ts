import { describe, expect, it } from 'vitest';
import { EreBudget } from '../../../src/tftp/ere-budget.ts';
import { compileMapRegex } from '../../../src/tftp/map-regex.ts';

const PLENTY = 1_000_000_000;

/** What came out and what it cost, in visits of nodes. */
function cost(pattern: string, text: string, steps = PLENTY): { kind: string; steps: number } {
  const budget = new EreBudget(steps);
  const { kind } = compileMapRegex(pattern, false).match(text, budget);
  return { kind, steps: steps - budget.remaining };
}

describe('the size of what is compiled', () => {
  it.each([
    ['nested intervals', '(((a{1,200}){1,200}){1,200})'],
    ['intervals on intervals', 'a{1,1000}{1,1000}'],
    ['parentheses without end', `${'('.repeat(2000)}a${')'.repeat(2000)}`],
    ['quantifiers without end', `a${'*'.repeat(5000)}`],
  ])('is bounded: %s', (_, pattern) => {
    expect(() => compileMapRegex(pattern, false)).toThrow('Regular expression too big');
  });

  it.each([
    ['the longest interval', '^a{32767}$', 'a'.repeat(32767)],
    ['the longest optional one', '^a{0,32767}$', 'a'.repeat(20)],
    ['as many letters as a line has', 'ab'.repeat(8000), 'ab'.repeat(8000)],
    ['as many alternatives', `^(${'a|'.repeat(8000)}b)$`, 'b'],
    ['as many groups', '(a)'.repeat(5000), 'a'.repeat(5000)],
    ['parentheses as deep as anyone nests them', `${'('.repeat(100)}a${')'.repeat(100)}`, 'a'],
  ])('allows %s', (_, pattern, text) => {
    expect(cost(pattern, text).kind).toBe('match');
  });
});

describe('the work of a match', () => {
  it.each([
    ['(a*)*b', 'a'],
    ['(a|aa)+$', 'a'],
    ['(a|a|a?)*b', 'a'],
    ['((a+)+)+b', 'a'],
    ['.*.*.*.*x', 'a'],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'],
    ['a.*b.*c.*d', 'abc'],
  ])('grows with the name and not with what is possible: %s', (pattern, unit) => {
    const short = cost(pattern, unit.repeat(100));
    const long = cost(pattern, unit.repeat(1000));
    expect(long.kind).not.toBe('out-of-steps');
    expect(long.steps).toBeLessThan(short.steps * 12);
    expect(long.steps).toBeLessThan(1000 * unit.length * 100);
  });

  it('is nearly none where the first byte decides', () => {
    expect(cost('^/tftpboot/(.*)', 'pxelinux.0').steps).toBe(0);
    expect(cost('x(.*)', 'a'.repeat(1000)).steps).toBeLessThanOrEqual(1001);
  });

  it.each([
    ['a back-reference that never fits', '^(a*)*(a*)*\\1\\2b$', 'a'.repeat(60)],
    ['a name that is too long for a pattern that is too big', '(a|b|c?){500}x', 'abc'.repeat(1000)],
    ['groups of a big pattern in a long name', '(.?){3000}', 'a'.repeat(60_000)],
  ])('ends with the budget: %s', (_, pattern, text) => {
    const { kind, steps } = cost(pattern, text, 100_000);
    expect(kind).toBe('out-of-steps');
    expect(steps).toBeGreaterThanOrEqual(100_000);
  });

  it('draws on one budget for many matches', () => {
    const text = 'a'.repeat(300);
    const budget = new EreBudget(cost('.*x', text).steps * 3 - 1);
    const regex = compileMapRegex('.*x', false);
    const outcomes = Array.from({ length: 4 }, () => regex.match(text, budget).kind);
    expect(outcomes).toEqual(['none', 'none', 'out-of-steps', 'out-of-steps']);
  });
});
