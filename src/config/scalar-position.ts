/** How a scalar is written, in the words of the `yaml` package. */
export type ScalarStyle = 'PLAIN' | 'QUOTE_SINGLE' | 'QUOTE_DOUBLE' | 'BLOCK_LITERAL' | 'BLOCK_FOLDED';

/** Source characters of the escapes of a double-quoted scalar that are longer than two (YAML 1.2.2 section 5.7). */
const ESCAPE_LENGTH: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 };

const SPACE = /\s/;

/**
 * The offset in the file at which the character `index` of a scalar's value stands, so that a complaint about the
 * inside of a long text can point there. `start` is where the scalar begins in `text`, its quote or `|` included.
 * Folded line breaks, indentation, quotes and escapes are stepped over; inside white space the answer may be off by the
 * white space.
 */
export function offsetInScalar(
  text: string,
  start: number,
  style: ScalarStyle,
  value: string,
  index: number,
): number {
  let at = start;
  if (style === 'QUOTE_SINGLE' || style === 'QUOTE_DOUBLE') at += 1;
  if (style === 'BLOCK_LITERAL' || style === 'BLOCK_FOLDED') at = afterLine(text, at);
  let done = 0;
  while (done < index && done < value.length) {
    const letter = String.fromCodePoint(value.codePointAt(done) ?? 0);
    if (!SPACE.test(letter))
      at = skipSpace(text, at, style) + writtenLength(text, skipSpace(text, at, style), style, letter);
    else if (SPACE.test(text[at] ?? '') || isEscape(text, at, style))
      at += writtenLength(text, at, style, letter);
    done += letter.length;
  }
  return done < value.length && !SPACE.test(value[done] ?? '') ? skipSpace(text, at, style) : at;
}

function afterLine(text: string, at: number): number {
  const newline = text.indexOf('\n', at);
  return newline === -1 ? at : newline + 1;
}

function isEscape(text: string, at: number, style: ScalarStyle): boolean {
  return style === 'QUOTE_DOUBLE' && text[at] === '\\';
}

/** Steps over white space, and over line breaks that a backslash takes out of the value. */
function skipSpace(text: string, from: number, style: ScalarStyle): number {
  let at = from;
  for (;;) {
    if (SPACE.test(text[at] ?? '')) at += 1;
    else if (isEscape(text, at, style) && /[\r\n]/.test(text[at + 1] ?? '')) at += 2;
    else return at;
  }
}

/** How many characters of the source stand for one of the value. */
function writtenLength(text: string, at: number, style: ScalarStyle, letter: string): number {
  if (isEscape(text, at, style)) return ESCAPE_LENGTH[text[at + 1] ?? ''] ?? 2;
  if (style === 'QUOTE_SINGLE' && letter === "'") return 2;
  return letter.length;
}
