import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, printableJson, printableLines } from '../../../src/wire/visible-text.ts';

/** What a reader does not see, or sees as something else. */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Variation_Selector}\p{Default_Ignorable_Code_Point}]/u;

/** Every mark of the Unicode standard that turns the direction of writing (UAX 9), by its number. */
const MARKS_OF_DIRECTION = [
  0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069,
];

const anyText = fc.string({ unit: 'binary', maxLength: 40 });

describe('text of strangers', () => {
  it.each([
    ['plain', 'plain'],
    ['\u001b[2Jgone', '\\x1b[2Jgone'],
    ['a\nb\tc', 'a\\x0ab\\x09c'],
    ['\u009b31m', '\\x9b31m'],
    ['exe.\u202etxt', 'exe.\\u202etxt'],
    ['bm\u00ad1\u200b\u2060\ufeff', 'bm\\xad1\\u200b\\u2060\\ufeff'],
    ['two\u2028lines', 'two\\u2028lines'],
    ['\u3164\u115f\u034f', '\\u3164\\u115f\\u034f'],
    ['a\u{e0041}\u{e000}', 'a\\u{e0041}\\ue000'],
    ['half \ud800', 'half \\ud800'],
    ['käse 主机 \u{1f9c0}', 'käse 主机 \u{1f9c0}'],
  ])('%j is shown as %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it.each(MARKS_OF_DIRECTION)('U+%x turns nothing around', (code) => {
    const digits = code.toString(16).padStart(4, '0');
    expect(printable(`bm${String.fromCodePoint(code)}1`)).toBe(`bm\\u${digits}1`);
  });

  it('keeps its line ends where it has several lines', () => {
    expect(printableLines('one\u202e\ntwo\r\n')).toBe('one\\u202e\ntwo\\x0d\n');
  });

  it('never holds anything unseen, and is changed in nothing else', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(printable(text)).not.toMatch(UNSEEN);
        if (!UNSEEN.test(text)) expect(printable(text)).toBe(text);
      }),
    );
  });
});

describe('JSON with such text', () => {
  it.each([undefined, 2])('means the same and holds nothing unseen but its own line ends', (indent) => {
    fc.assert(
      fc.property(fc.dictionary(anyText, fc.array(anyText)), (document) => {
        const json = printableJson(JSON.stringify(document, undefined, indent));
        expect(JSON.parse(json)).toEqual(document);
        expect(json.replaceAll('\n', '')).not.toMatch(UNSEEN);
      }),
    );
  });

  it('is as it was where all of it is seen', () => {
    expect(printableJson('{"host":"käse 主机 \u{1f9c0}\\n"}')).toBe('{"host":"käse 主机 \u{1f9c0}\\n"}');
  });
});
