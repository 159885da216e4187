import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EreBudget } from '../../../src/tftp/ere-budget.ts';
import { compileMapRegex } from '../../../src/tftp/map-regex.ts';

/** What glibc 2.36 answered in the C locale; groups that took no part are [-1, -1], those at the end left out. */
interface LibcAnswer {
  readonly pattern: string;
  readonly icase: boolean;
  readonly subject: string;
  readonly error?: string;
  readonly match?: readonly (readonly [number, number])[] | null;
}

function readAnswers(file: string): readonly LibcAnswer[] {
  const url = new URL(`../../data/mapfile/${file}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as LibcAnswer[];
}

/** The error, `no match`, or the places of the match and its groups: `0,2 1,2`, and `-` for one that took no part. */
function match(pattern: string, subject: string, ignoreCase = false): string {
  let regex;
  try {
    regex = compileMapRegex(pattern, ignoreCase);
  } catch (error) {
    return String(error);
  }
  const outcome = regex.match(subject, new EreBudget(1_000_000));
  if (outcome.kind !== 'match') return outcome.kind === 'none' ? 'no match' : outcome.kind;
  return formatPlaces(outcome.spans.map(({ start, end }) => [start, end]));
}

function formatPlaces(places: readonly (readonly [number, number])[]): string {
  const words = places.map(([start, end]) => (start === -1 && end === -1 ? '-' : `${start},${end}`));
  return words.join(' ').replace(/( -)+$/, '');
}

describe('what libc answers to random patterns', () => {
  it.each(['ere-fuzz.json', 'ere-libc.json'])('is what we answer to all of %s', (file) => {
    const answers = readAnswers(file);
    expect(answers.length).toBeGreaterThan(1000);
    const differences = answers.flatMap((one) => {
      const ours = match(one.pattern, one.subject, one.icase);
      const places = one.match ? formatPlaces(one.match) : 'no match';
      const libcs = one.error === undefined ? places : `EreError: ${one.error}`;
      return ours === libcs ? [] : [{ ...one, ours }];
    });
    expect(differences).toEqual([]);
  });
});

describe('what fuzzing against libc has taught', () => {
  it.each([
    ['an empty alternative is tried last when it is written first of two', '(|a)(a|)', 'a', '0,1 0,1 1,1'],
    ['but first of three', '(||a)(a|)', 'a', '0,1 0,0 0,1'],
    ['a way that ends at an anchor is tried after one that does not', '(a$)|(a)', 'a', '0,1 - 0,1'],
    [
      'optional passes: their number counts for more than what they take',
      '(aba|a|ab){0,2}',
      'aba',
      '0,3 2,3',
    ],
    ['a loop: what a pass takes counts for more', '(aba|a|ab)*', 'aba', '0,3 0,3'],
    ['a further empty pass of a loop changes nothing', 'A(b?)+', 'Ab', '0,2 1,2'],
    ['nor does an empty last pass that is required, if passes may follow', 'A(b?){2,}*', 'Ab', '0,2 1,2'],
    ['but one does if none may', 'A(b?){2}', 'Ab', '0,2 2,2'],
    ['and so do the passes of a loop that is repeated', 'A(b?){1,}*', 'Ab', '0,2 2,2'],
    ['a copied group forgets that it is optional', '(([^a]?|)?[ab]|b?|b*)+', 'b/bb/', '0,4 3,4 3,3'],
    ['a group of no pass keeps its number and takes no part', '(a){0}(b)', 'b', '0,1 - 0,1'],
    ['a group directly within another is the same', '((a*))*', 'aa', '0,2 0,2 0,2'],
    ['a group keeps what an earlier pass set', '(a|(b))+', 'ba', '0,2 1,2 0,1'],
    ['a line feed that was passed starts a line', 'a.^b', 'a\nb', '0,3'],
    ['but one before the match does not', '^b', 'a\nb', 'no match'],
    ['before a line feed a line ends', 'a$.b', 'a\nb', '0,3'],
    ['but not when groups are to be found', '(a)$.b', 'a\nb', 'no match'],
    ['an anchor in a further pass is passed over, and then no way is found', '(^a)+', 'aa', 'no match'],
    ['an anchor in a further pass that is not needed', '(^a)+b', 'ab', '0,2 0,1'],
    ['a word boundary in an optional pass', '(B)(\\b){,2}', 'Bab ', '0,1 0,1'],
    ['an anchor in either of two alternatives of a loop', '((B|c)\\>|\\`)+', 'Ba', '0,0 0,0'],
    ['nine groups are reported', '(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)', 'abcdefghij', nineOf(10)],
    ['a back-reference to an empty group', '()\\1', 'a', '0,0 0,0'],
    ['a back-reference to a group of no pass', '(a){0}\\1', 'a', 'no match'],
    ['a back-reference decides how far its group goes', '(a*)\\1b', 'aaaaab', '1,6 1,3'],
    ['a back-reference to the last pass of a loop', '(a|b)*\\1', 'abb', '0,3 1,2'],
  ])('%s', (_, pattern, subject, expected) => {
    expect(match(pattern, subject)).toBe(expected);
  });

  it.each([
    ['an escaped small letter matches nothing, not even itself', '\\q', 'q', 'no match'],
    ['nor its capital', '\\q', 'Q', 'no match'],
    ['an escaped capital matches both', '\\Q', 'q', '0,1'],
    ['[[:upper:]] and [[:lower:]] are all letters', '[[:upper:]][[:lower:]]', 'aB', '0,2'],
    ['a range loses what stands between capitals and small letters', '[A-z]', '^', 'no match'],
    ['and may have no members left', '[_-z]', 'a', 'EreError: Invalid range end'],
    ['letters beyond ASCII are not folded', 'É', 'é', 'no match'],
    ['a back-reference is compared without case', '(a)\\1', 'aA', '0,2 0,1'],
  ])('ignoring case: %s', (_, pattern, subject, expected) => {
    expect(match(pattern, subject, true)).toBe(expected);
  });

  it.each([
    // glibc 2.36 reports nothing behind the first empty pass of `\1*`.
    ['groups behind an empty repeated back-reference', '(a*)\\1*(b*)', 'bb', '0,2 0,0 0,2'],
    // glibc 2.36 reports a group from 1 to -1, at which in.tftpd would crash.
    ['a group around a repeated back-reference', '(b+())(\\2*)', 'b', '0,1 0,1 1,1 1,1'],
    // glibc 2.36 finds only the empty match.
    ['the longest match of a loop before a back-reference', '.((.+|[^a]a+))+\\1|', 'aa aaa/b', '0,6 4,5 4,5'],
    // glibc 2.36 never comes to an end.
    ['a loop of loops that can be empty', '(||a)**', 'a', '0,1 0,1'],
  ])('better than libc: %s', (_, pattern, subject, expected) => {
    expect(match(pattern, subject)).toBe(expected);
  });
});

/** The whole of `length` bytes, and nine groups of one byte each. */
function nineOf(length: number): string {
  return [`0,${length}`, ...Array.from({ length: 9 }, (_, index) => `${index},${index + 1}`)].join(' ');
}
