import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrangeRows, searchWords } from '../../../status-page/row-order.js';

interface Row {
  readonly name: string;
  readonly size: number | undefined;
}

const ROWS: readonly Row[] = [
  { name: 'bm10', size: 3 },
  { name: 'bm2', size: undefined },
  { name: 'pdu', size: 1 },
  { name: 'bm1', size: 3 },
];

function names(change: Partial<Parameters<typeof arrangeRows<Row>>[1]> = {}): readonly string[] {
  return arrange(change).rows.map(({ name }) => name);
}

function arrange(
  change: Partial<Parameters<typeof arrangeRows<Row>>[1]>,
): ReturnType<typeof arrangeRows<Row>> {
  return arrangeRows(ROWS, {
    search: '',
    textOf: ({ name }) => name,
    keyOf: ({ name }) => name,
    descending: false,
    page: 0,
    pageSize: 10,
    ...change,
  });
}

describe('rows', () => {
  it('are sorted as people count: bm2 before bm10', () => {
    expect(names()).toEqual(['bm1', 'bm2', 'bm10', 'pdu']);
    expect(names({ descending: true })).toEqual(['pdu', 'bm10', 'bm2', 'bm1']);
  });

  it('without a key come last, in both directions, and equal ones keep their order', () => {
    const keyOf = ({ size }: Row): number | undefined => size;
    expect(names({ keyOf })).toEqual(['pdu', 'bm10', 'bm1', 'bm2']);
    expect(names({ keyOf, descending: true })).toEqual(['bm10', 'bm1', 'pdu', 'bm2']);
  });

  it('are found by all words of a search, in any case and order', () => {
    expect(names({ search: '  BM ' })).toEqual(['bm1', 'bm2', 'bm10']);
    expect(names({ search: '1 bm' })).toEqual(['bm1', 'bm10']);
    expect(names({ search: 'bm x' })).toEqual([]);
    expect(searchWords('')).toEqual([]);
  });

  it('are cut into pages, and a page that is no longer there is the last one', () => {
    expect(arrange({ pageSize: 3, page: 1 })).toMatchObject({ first: 3, found: 4, page: 1, pages: 2 });
    expect(arrange({ pageSize: 3, page: 7 })).toMatchObject({ first: 3, page: 1 });
    expect(arrange({ search: 'nobody', page: 2 })).toEqual({
      rows: [],
      first: 0,
      found: 0,
      page: 0,
      pages: 1,
    });
  });

  it('stand on exactly one page each, in the order of their keys', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer({ min: 1, max: 7 }), (keys, pageSize) => {
        const page = (number: number): ReturnType<typeof arrangeRows<number>> =>
          arrangeRows(keys, {
            ...{ search: '', textOf: String, keyOf: (key: number) => key, descending: false },
            ...{ page: number, pageSize },
          });
        const all = Array.from({ length: page(0).pages }, (_, number) => page(number).rows).flat();
        expect(all).toEqual([...keys].sort((a, b) => a - b));
      }),
    );
  });
});
