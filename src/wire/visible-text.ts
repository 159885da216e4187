/**
 * What nobody sees, or what makes the text beside it look like another one: DEL and C1, marks that turn the direction of
 * writing, joiners, fillers, variation selectors, tags, private use, ends of lines and paragraphs.
 */
const UNSEEN = '\\u007f-\\u009f\\p{Cf}\\p{Co}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}';
const UNSEEN_IN_TEXT = new RegExp(`[\\u0000-\\u001f${UNSEEN}]`, 'gu');
/** Characters below the space are escaped in JSON, or are those between its tokens. */
const UNSEEN_IN_JSON = new RegExp(`[${UNSEEN}]`, 'gu');

/**
 * Text of strangers as it may be shown to people: it can neither do anything to a terminal, nor begin a line, nor look like
 * what it is not. Control characters (`\x1b`) and what nobody sees (`\u202e`, `\u{e0041}`) are written as escapes.
 */
export function printable(text: string): string {
  return text.replace(UNSEEN_IN_TEXT, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const digits = code.toString(16);
    if (code > 0xffff) return `\\u{${digits}}`;
    return code < 0x100 ? `\\x${digits.padStart(2, '0')}` : `\\u${digits.padStart(4, '0')}`;
  });
}

/** The same for text of several lines, whose ends stay. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** The same JSON, safe to look at: what nobody sees is escaped as JSON escapes it, so that it means what it meant. */
export function printableJson(json: string): string {
  return json.replace(UNSEEN_IN_JSON, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
