import { describe, expect, it } from 'vitest';
import { parseReplacement, replaceMatch } from '../../../src/tftp/map-replacement.ts';
import { PEER } from './map-vectors.ts';

const UNSET = { start: -1, end: -1 };

/** `name` with `bcD` of `abcDe` replaced; group 1 is `b`, group 2 took no part, group 3 is `D`. */
function replace(replacement: string): string {
  const spans = [{ start: 1, end: 4 }, { start: 1, end: 2 }, UNSET, { start: 3, end: 4 }];
  return replaceMatch('abcDe', spans, parseReplacement(replacement), PEER);
}

describe('a replacement', () => {
  it.each([
    ['', 'ae'],
    ['X', 'aXe'],
    ['<\\0>', 'a<bcD>e'],
    ['\\3\\1', 'aDbe'],
    ['[\\2\\4\\9]', 'a[]e'],
    ['\\10', 'ab0e'],
    ['\\i', 'a192.168.0.130e'],
    ['\\x', 'aC0A80082e'],
    ['\\L\\x', 'ac0a80082e'],
    ['\\Ux\\1\\Ly\\3\\Ez\\0', 'aXBydzbcDe'],
    ['\\U\\q\\\\\\E\\q', 'aQ\\qe'],
    ['\\U\xe9\xc3\xa9', 'a\xe9\xc3\xa9e'],
    ['\\L\xc9', 'a\xc9e'],
    ['a\\ b\\#c\\\td', 'aa b#c\tde'],
    ['\\n\\t\\H\\&', 'antH&e'],
    ['$1$&&%s', 'a$1$&&%se'],
    ['x\\\n', 'ax\ne'],
    ['x\\', 'ax\\e'],
    ['\\', 'a\\e'],
  ])('%j', (replacement, expected) => {
    expect(replace(replacement)).toBe(expected);
  });
});
