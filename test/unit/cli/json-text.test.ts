import { expect, it } from 'vitest';
import { formatJson, formatJsonLine } from '../../../src/cli/json-text.ts';

const FROM_THE_WIRE = { file: '\u009b2J\u001b[2J\u007f', host: ['exe.\u202etxt\u2069', 'käse \u{1f9c0}'] };

it.each([
  ['lines', formatJson],
  ['one line', formatJsonLine],
])('JSON in %s gives a terminal nothing to obey and means the same', (_, format) => {
  const json = format(FROM_THE_WIRE);
  expect(json).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u);
  expect(JSON.parse(json)).toEqual(FROM_THE_WIRE);
  expect(json).toContain('käse \u{1f9c0}');
});
