import { bold, escapeText, formatExample, formatPage, type Edition, type PageName } from './roff.ts';

/** One piece of a document: lines that belong together. */
type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly text: string }
  | { readonly kind: 'code' | 'quote' | 'paragraph' | 'table'; readonly lines: readonly string[] }
  | { readonly kind: 'items'; readonly items: readonly string[] };

const STARTS_BLOCK = /^(#+ |```|> |- |\||<!-- )/;

/**
 * A document of docs/ as a manual page: as much of Markdown as they use. A row of a table becomes an entry by the name of
 * its key; what has no form in a manual page (where a link leads to) is left out.
 */
export function markdownPage(edition: Edition, document: string, name: PageName): string {
  // The first heading is the name of the page.
  const blocks = readBlocks(document).slice(1);
  const text = `.SH DESCRIPTION\n${blocks.map(formatBlock).join('')}`;
  // A heading begins a paragraph already.
  return formatPage(edition, name, text.replace(/^(\.S[HS] .*\n)\.PP\n/gm, '$1'));
}

function readBlocks(document: string): readonly Block[] {
  const lines = document.split('\n');
  const blocks: Block[] = [];
  const takeWhile = (wanted: (line: string) => boolean): readonly string[] => {
    const end = lines.findIndex((line) => !wanted(line));
    return lines.splice(0, end === -1 ? lines.length : end);
  };
  for (let line = lines[0]; line !== undefined; line = lines[0]) {
    const [, marks, title] = /^(#+) (.*)$/.exec(line) ?? [];
    if (marks !== undefined && title !== undefined) {
      lines.shift();
      blocks.push({ kind: 'heading', level: marks.length, text: title });
    } else if (line.startsWith('```')) {
      lines.shift();
      blocks.push({ kind: 'code', lines: takeWhile((one) => !one.startsWith('```')) });
      lines.shift();
    } else if (line.startsWith('|')) {
      blocks.push({ kind: 'table', lines: takeWhile((one) => one.startsWith('|')) });
    } else if (line.startsWith('> ')) {
      blocks.push({ kind: 'quote', lines: takeWhile((one) => one.startsWith('>')) });
    } else if (line.startsWith('- ')) {
      const list = takeWhile((one) => /^(- | {2})/.test(one)).join('\n');
      blocks.push({ kind: 'items', items: list.slice(2).split(/\n- /) });
    } else if (line === '' || line.startsWith('<!-- ')) {
      lines.shift();
    } else {
      blocks.push({ kind: 'paragraph', lines: takeWhile((one) => one !== '' && !STARTS_BLOCK.test(one)) });
    }
  }
  return blocks;
}

function formatBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `.${block.level === 2 ? 'SH' : 'SS'} ${headingText(block)}\n`;
    case 'code':
      return formatExample(block.lines);
    case 'quote':
      return `.PP\n.RS 4\n${inline(block.lines.map((line) => line.replace(/^> ?/, '')).join(' '))}\n.RE\n`;
    case 'items':
      return block.items.map((item) => `.IP \\(bu 2\n${inline(item.replace(/\n */g, ' '))}\n`).join('');
    case 'paragraph':
      return `.PP\n${inline(block.lines.join(' '))}\n`;
    case 'table':
      return formatTable(block.lines);
  }
}

/** Sections are in capitals, as everywhere in the manual; but not what is typed. */
function headingText({ level, text }: { readonly level: number; readonly text: string }): string {
  const plain = text.replaceAll('`', '');
  return escapeText(level === 2 && plain === text ? plain.toUpperCase() : plain);
}

function formatTable(lines: readonly string[]): string {
  const [titles = [], , ...rows] = lines.map(cellsOf);
  return rows.map((row) => formatRow(titles, row)).join('');
}

function cellsOf(line: string): readonly string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** A key of bootd.yaml says its type, its default and what a reload makes of it in brackets; any other row is its first cell, and the rest with titles. */
function formatRow(titles: readonly string[], row: readonly string[]): string {
  if (titles.join(' ') === 'key type default reload meaning') {
    const [key = '', type = '', standard = '', reload = '', meaning = ''] = row;
    const given = standard === '' || standard === 'required' ? standard : `default ${standard}`;
    const facts = [type, given, reload === '' ? '' : `reload: ${reload}`];
    return `.TP\n${inline(key)} (${inline(facts.filter(Boolean).join('; '))})\n${inline(meaning)}\n`;
  }
  const [first = '', ...others] = row;
  const rest = others.map((cell, at) => (at === others.length - 1 ? cell : `${cell},`)).join(' ');
  return `.TP\n${inline(first)}\n${inline(rest.replace(/[, ]+$/, ''))}\n`;
}

/** Words of a paragraph: code in bold, emphasis in bold, a link by its text. Each sentence begins a line of its own. */
function inline(text: string): string {
  const pieces = text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]*\))/);
  const formatted = pieces.map((piece) => {
    if (piece.startsWith('`') && piece.length > 1) return bold(piece.slice(1, -1));
    if (piece.startsWith('**')) return `\\fB${escapeText(piece.slice(2, -2))}\\fR`;
    const [, label] = /^\[([^\]]+)\]\([^)]*\)$/.exec(piece) ?? [];
    return label === undefined ? escapeText(piece) : inline(label);
  });
  return formatted.join('').replace(/(?<=[a-z\dR)]{2}[.?!]) (?=[A-Z\\])/g, '\n');
}
