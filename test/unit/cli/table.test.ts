import { describe, expect, it } from 'vitest';
import { formatRecord, formatTable, type Column } from '../../../src/cli/table.ts';

interface Row {
  readonly name: string;
  readonly octets: number | undefined;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', cell: (row) => row.name },
  { title: 'OCTETS', align: 'right', cell: (row) => row.octets },
  { title: 'NOTE', cell: (row) => (row.octets === undefined ? 'unknown' : '') },
];

describe('a table', () => {
  it('has columns as wide as what stands in them, and no spaces at the end of a line', () => {
    const rows = [
      { name: 'pxelinux.0', octets: 42_430 },
      { name: 'k', octets: undefined },
    ];
    expect(formatTable(COLUMNS, rows, false)).toEqual([
      'NAME        OCTETS  NOTE',
      'pxelinux.0   42430  -',
      'k                -  unknown',
    ]);
  });

  it('is its heading alone without rows', () => {
    expect(formatTable(COLUMNS, [], false)).toEqual(['NAME  OCTETS  NOTE']);
  });

  it('is bold at the top only where the terminal may be decorated', () => {
    const [heading, row] = formatTable(COLUMNS, [{ name: 'k', octets: 1 }], true);
    expect(heading).toBe('\u001b[1mNAME  OCTETS  NOTE\u001b[0m');
    expect(row).not.toContain('\u001b');
  });

  it('counts characters, not code units', () => {
    const rows = [
      { name: '𝒌é', octets: 1 },
      { name: 'abcd', octets: 2 },
    ];
    expect(formatTable(COLUMNS, rows, false).slice(1)).toEqual(['𝒌é         1  -', 'abcd       2  -']);
  });
});

describe('a record', () => {
  it('has its values aligned behind the names', () => {
    expect(
      formatRecord([
        ['uuid', 'x'],
        ['boot mode', undefined],
        ['n', 0],
      ]),
    ).toEqual(['uuid:       x', 'boot mode:  -', 'n:          0']);
  });
});

describe('text from the network', () => {
  it('cannot break a table', () => {
    const [, row] = formatTable(COLUMNS, [{ name: 'a\r\n\u001b[1mb', octets: 1 }], false);
    expect(row).toBe('a\\x0d\\x0a\\x1b[1mb       1  -');
  });
});
