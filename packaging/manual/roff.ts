/** What stands on each page about the program that it belongs to. */
export interface Edition {
  readonly version: string;
  /** The day that the page is of: `2026-11-23`. */
  readonly day: string;
}

/** What a page is called, and the half-sentence that tools find it by. */
export interface PageName {
  readonly name: string;
  readonly section: 5 | 8;
  readonly summary: string;
}

/** A whole page: its first lines, and the sections, wrapped. */
export function formatPage(
  { version, day }: Edition,
  { name, section, summary }: PageName,
  body: string,
): string {
  const heading = `.\\" Made by "npm run build"; what it says is written elsewhere.
.TH ${name.toUpperCase()} ${section} ${day} "bootd ${version}" "bootd"
.nh
.ad l
.SH NAME
${name} \\- ${escapeText(summary)}
`;
  return wrapLines(heading + body);
}

/** Prose: every character as it is, but a hyphen may be typeset as one. */
export function escapeText(text: string): string {
  return protectStart(escapeCharacters(text));
}

/** Text that is typed as it stands: minus signs and quotes are those of ASCII. */
export function escapeLiteral(text: string): string {
  return protectStart(
    escapeCharacters(text).replaceAll('-', '\\-').replaceAll("'", '\\(aq').replaceAll('`', '\\(ga'),
  );
}

/** Literal text in bold. */
export function bold(text: string): string {
  return `\\fB${escapeLiteral(text)}\\fR`;
}

/** What stands for something else, in italics. */
export function italic(text: string): string {
  return `\\fI${escapeLiteral(text)}\\fR`;
}

/** Lines exactly as they are. */
export function formatExample(lines: readonly string[]): string {
  return `.PP\n.RS 4\n.EX\n${lines.map(escapeLiteral).join('\n')}\n.EE\n.RE\n`;
}

function escapeCharacters(text: string): string {
  return text
    .replaceAll('\\', '\\(rs')
    .replace(
      /[^\0-\x7f]/gu,
      (character) => `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
    );
}

/** A line that begins with one of these would be a request. */
function protectStart(text: string): string {
  return text.replace(/^([.'])/gm, '\\&$1');
}

/**
 * The page with no text line longer than 80 characters, which old tools cut. Requests, the tag behind `.TP` and examples
 * stay as they are.
 */
function wrapLines(page: string): string {
  let exact = false;
  let isTag = false;
  const wrapped = page.split('\n').flatMap((line) => {
    if (line === '.EX' || line === '.EE') exact = line === '.EX';
    const keep = exact || isTag || line.startsWith('.');
    isTag = line === '.TP';
    return keep ? [line] : wrapText(line);
  });
  return wrapped.join('\n');
}

function wrapText(text: string): readonly string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(' ')) {
    const longer: string = line === undefined ? word : `${line} ${word}`;
    if (line !== undefined && longer.length > 80) {
      lines.push(line);
      line = protectStart(word);
    } else {
      line = longer;
    }
  }
  return [...lines, line ?? ''];
}
