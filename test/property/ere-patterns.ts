import fc from 'fast-check';

/** Extended regular expressions, mostly good ones, over few letters, so that they match now and then. */

const literal = fc.constantFrom('a', 'b', 'c', '/', 'A', '.', '\\.', '\\/');
const bracket = fc.constantFrom(
  '[ab]',
  '[^a]',
  '[a-c]',
  '[[:alpha:]]',
  '[^/]',
  '[]a]',
  '[[:upper:]b]',
  '[a-]',
);
const quantifier = fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{,2}', '{2,}', '{0}', '+?', '**');

/** What every engine means alike, so that full matches of one can be asked of another. */
export const plainPattern = patternOf(fc.oneof(literal, bracket));

/** With anchors, word boundaries and classes. */
export const richPattern = patternOf(
  fc.oneof(
    { weight: 4, arbitrary: literal },
    { weight: 2, arbitrary: bracket },
    { weight: 1, arbitrary: fc.constantFrom('^', '$', '\\<', '\\>', '\\b', '\\B', '\\`', "\\'") },
    { weight: 1, arbitrary: fc.constantFrom('\\w', '\\W', '\\s', '\\S') },
  ),
);

/** Anything at all out of the bytes that mean something. */
export const junkPattern = fc
  .array(
    fc.constantFrom(
      ...['a', 'b', '[', ']', '^', '-', ':', 'alpha', '[:', ':]', '[.', '.]', '[=', '=]', '{', '}', ','],
      ...['1', '2', '(', ')', '*', '+', '?', '|', '\\', '$', '.', '\x80', '\n', '\\1', '[[:digit:]]'],
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => parts.join(''));

/** What the patterns are tried on. */
export const subject = fc
  .array(fc.constantFrom('a', 'b', 'c', '/', 'A', ' ', '\n'), { maxLength: 9 })
  .map((letters) => letters.join(''));

function patternOf(atom: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const { alternatives } = fc.letrec<{ alternatives: string; sequence: string; item: string }>((tie) => ({
    alternatives: fc
      .array(tie('sequence'), { minLength: 1, maxLength: 3, depthIdentifier: 'ere' })
      .map((branches) => branches.join('|')),
    sequence: fc.array(tie('item'), { maxLength: 4, depthIdentifier: 'ere' }).map((items) => items.join('')),
    item: fc.oneof(
      { maxDepth: 2, depthIdentifier: 'ere' },
      { weight: 3, arbitrary: atom },
      { weight: 2, arbitrary: fc.tuple(atom, quantifier).map(([body, times]) => repeated(body, times)) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(tie('alternatives'), fc.option(quantifier))
          .map(([body, times]) => `(${body})${times ?? ''}`),
      },
    ),
  }));
  return alternatives;
}

/** Anchors cannot be repeated. */
function repeated(atom: string, times: string): string {
  return /^(?:[$^]|\\[<>bB`'])$/.test(atom) ? atom : atom + times;
}
