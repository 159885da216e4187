import { printable } from '../wire/visible-text.ts';

/** One column: its heading and what a row says in it. Undefined values print as a dash. */
export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  cell(row: Row): string | number | undefined;
}

const BOLD = '\u001b[1m';
const PLAIN = '\u001b[0m';
const GAP = '  ';

/**
 * Lines of a table for people: one heading, columns as wide as what stands in them, no spaces at the end of a line. The
 * heading is bold where the terminal may be decorated.
 */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  decorated: boolean,
): readonly string[] {
  const body = rows.map((row) => columns.map((column) => cellText(column.cell(row))));
  const widths = columns.map((column, at) =>
    Math.max(column.title.length, ...body.map((cells) => lengthOf(cells[at] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, at) => pad(cells[at] ?? '', widths[at] ?? 0, column.align ?? 'left'))
      .join(GAP)
      .trimEnd();
  const heading = line(columns.map((column) => column.title));
  return [decorated ? `${BOLD}${heading}${PLAIN}` : heading, ...body.map(line)];
}

/** Lines of one record for people: names on the left, values aligned behind them. */
export function formatRecord(
  fields: readonly (readonly [name: string, value: string | number | undefined])[],
): readonly string[] {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${pad(`${name}:`, width + 1, 'left')}${GAP}${cellText(value)}`);
}

function cellText(value: string | number | undefined): string {
  return value === undefined || value === '' ? '-' : printable(String(value));
}

/** In code points: what machines and files are called has one column each. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const spaces = ' '.repeat(Math.max(0, width - lengthOf(text)));
  return align === 'left' ? text + spaces : spaces + text;
}
