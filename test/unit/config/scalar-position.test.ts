import { isScalar, parseDocument } from 'yaml';
import { describe, expect, it } from 'vitest';
import { offsetInScalar } from '../../../src/config/scalar-position.ts';

/** Where in the file the given word of the value of `k` stands, as the text from there on. */
function seek(text: string, word: string): string {
  const node = parseDocument(text).get('k', true);
  if (!isScalar(node) || typeof node.value !== 'string' || node.range === undefined || node.range === null) {
    throw new Error('no text');
  }
  const index = node.value.indexOf(word);
  if (index === -1) throw new Error(`'${word}' is not in the value ${JSON.stringify(node.value)}`);
  return (
    text.slice(offsetInScalar(text, node.range[0], node.type ?? 'PLAIN', node.value, index)).split('\n')[0] ??
    ''
  );
}

describe('offsetInScalar', () => {
  it.each([
    ['plain', 'k: one two three\n', 'two', 'two three'],
    ['plain over two lines', 'k: one\n  two\n\n   three\n', 'three', 'three'],
    ['single quotes', "k: 'it''s two'\n", 'two', "two'"],
    ['a quote inside single quotes', "k: 'it''s two'\n", "'s", "''s two'"],
    ['double quotes', 'k: "one two"\n', 'two', 'two"'],
    ['an escape', 'k: "\\"one\\" two"\n', 'two', 'two"'],
    ['a quote inside double quotes', 'k: "\\"one\\" two"\n', '" two', '\\" two"'],
    ['a tab escape', 'k: "a\\tb two"\n', 'two', 'two"'],
    ['escapes of every length', 'k: "\\x41\\u0042\\U00000043 two"\n', 'two', 'two"'],
    ['a letter of two units', 'k: "\\U0001F600 two"\n', 'two', 'two"'],
    ['a line break that is escaped', 'k: "one \\\n   two"\n', 'two', 'two"'],
    ['a literal block', 'k: |\n  one\n  two\n', 'two', 'two'],
    ['a folded block', 'k: >-\n  one\n  two\n\n  three\n', 'three', 'three'],
    ['a block with an indentation of its own', 'k: |\n    one\n      two\n', 'two', 'two'],
    ['the beginning', 'k:   "one"\n', 'one', 'one"'],
  ])('%s', (_, text, word, expected) => {
    expect(seek(text, word)).toBe(expected);
  });

  it('of the end is behind the last letter', () => {
    expect(offsetInScalar('k: one\n', 3, 'PLAIN', 'one', 3)).toBe(6);
  });
});
