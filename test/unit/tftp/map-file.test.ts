import { describe, expect, it } from 'vitest';
import { parseMapFile, type MapRule } from '../../../src/tftp/map-file.ts';
import { readVectors } from './map-vectors.ts';

/** The one rule of a file without problems. */
function ruleOf(text: string): MapRule {
  const { rules, problems } = parseMapFile(text);
  expect(problems).toEqual([]);
  const [rule, ...further] = rules;
  if (rule === undefined || further.length > 0) throw new Error(`not one rule: ${text}`);
  return rule;
}

describe('a map-file that in.tftpd refuses', () => {
  it.each(readVectors('syntax-errors.json'))('$name', ({ mapFile, log }) => {
    const { problems } = parseMapFile(mapFile ?? '');
    expect(problems.map((problem) => problem.message)).toEqual(log.map((line) => line.replace(/\n$/, '')));
  });

  it('has each bad line named once, by its number, with the good rules between', () => {
    const { rules, problems } = parseMapFile('rz a b\n\n# comment\nr a b\nr~ x y\nr\ne [z-a] q\nre c d\n');
    expect(problems).toEqual([
      { line: 1, message: 'Remap command "rz" on line 1 contains invalid char "z"' },
      { line: 5, message: 'r rules cannot be inverted, line 5:  x y' },
      { line: 6, message: 'No regex on remap line 6: ' },
      { line: 7, message: 'Bad regex in remap line 7: Invalid range end' },
    ]);
    expect(rules.map(({ number, line }) => [number, line])).toEqual([
      [0, 4],
      [1, 8],
    ]);
  });

  it('says of the operations what it reads first', () => {
    expect(parseMapFile('r~z a\n').problems[0]?.message).toMatch('cannot be inverted');
    expect(parseMapFile('rz~ a\n').problems[0]?.message).toMatch('invalid char "z"');
    expect(parseMapFile('r\\ e a\n').problems[0]?.message).toBe(
      'Remap command "r\\ e" on line 1 contains invalid char "\\"',
    );
  });
});

describe('a map-file that in.tftpd takes', () => {
  it.each(readVectors('vectors.json').filter(({ mapFile }) => mapFile !== null))('$name', ({ mapFile }) => {
    expect(parseMapFile(mapFile ?? '').problems).toEqual([]);
  });

  it.each(['', '\n', '# one\n   # two\n\n\t\n', '   '])('may have no rules: %j', (text) => {
    expect(parseMapFile(text)).toEqual({ rules: [], problems: [] });
  });

  it.each([
    ['three fields, blanks around and text behind', ' \tre  ^a/ \t b  never seen\n', 're', '^a/', 'b'],
    ['a carriage return is white space', 'r a b\r\n', 'r', 'a', 'b'],
    ['so are vertical tab and form feed', 'r\va\fb', 'r', 'a', 'b'],
    ['0xA0 is not', 'r a\xa0 b', 'r', 'a\xa0', 'b'],
    ['no replacement', 'r a\n', 'r', 'a', ''],
    ['a comment in the middle of a field', 'r a#b c\n', 'r', 'a', ''],
    ['a kept space', 'r a\\ b c\\ d\n', 'r', 'a\\ b', 'c\\ d'],
    ['a kept comment sign', 'r a\\#b c\n', 'r', 'a\\#b', 'c'],
    ['two backslashes are a pair', 'r a\\\\ b\n', 'r', 'a\\\\', 'b'],
    ['no line goes on in the next', 'r a b\\\n', 'r', 'a', 'b\\\n'],
    ['a backslash at the end of the file', 'r a b\\', 'r', 'a', 'b\\'],
    ['quotes are ordinary', 'r "a b"\n', 'r', '"a', 'b"'],
    ['nothing is seen behind a NUL', 'r a b\0c d\n', 'r', 'a', 'b'],
    ['bytes stay bytes', 'r \xc3\xa9 \xe9\n', 'r', '\xc3\xa9', '\xe9'],
  ])('%s', (_, text, operations, pattern, replacement) => {
    expect(ruleOf(text)).toMatchObject({ operations, pattern, replacement });
  });

  it.each([
    ['r', { rewrites: true, isGlobal: false }],
    ['gr', { rewrites: true, isGlobal: true }],
    ['ge', { rewrites: false, isGlobal: false, exits: true }],
    ['a~~', { aborts: true, isInverted: true }],
    ['rs', { rewrites: true, restarts: true, exits: false }],
    ['rG', { direction: 'read' }],
    ['rPG', { direction: 'read' }],
    ['rGP', { direction: 'write' }],
    ['r', { direction: undefined, families: [] }],
    ['r46', { families: ['ipv4', 'ipv6'] }],
  ])('%s means %o', (operations, meaning) => {
    expect(ruleOf(`${operations} x y`)).toMatchObject(meaning);
  });

  it('has lines of at most 16,383 bytes; what is longer goes on as the next line', () => {
    const filler = 'r a '.padEnd(16_383, 'b');
    const { rules, problems } = parseMapFile(`${filler}r c d\nrz e f\n`);
    expect(rules.map(({ line, replacement }) => [line, replacement.length])).toEqual([
      [1, 16_379],
      [2, 1],
    ]);
    expect(problems.map(({ line }) => line)).toEqual([3]);
  });
});
