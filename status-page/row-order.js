// @ts-check

/**
 * How the rows of a table are chosen and put in order.
 *
 * @template Row
 * @typedef {object} Order
 * @property {string} search Words; a row must have all of them.
 * @property {(row: Row) => string} textOf What a row is searched in; lower case.
 * @property {(row: Row) => string | number | undefined} keyOf What rows are sorted by; those without a key come last.
 * @property {boolean} descending
 * @property {number} page From 0 on.
 * @property {number} pageSize
 */

/**
 * The part of the rows that is shown.
 *
 * @template Row
 * @typedef {object} Page
 * @property {readonly Row[]} rows
 * @property {number} first Index of the first of them among those that were found.
 * @property {number} found How many there are on all pages.
 * @property {number} page The page that was asked for, or the last one there is.
 * @property {number} pages At least 1.
 */

/**
 * Chooses, sorts and cuts. Rows with equal keys keep their order, so the order in which they come is the second key.
 *
 * @template Row
 * @param {Iterable<Row>} all
 * @param {Order<Row>} order
 * @returns {Page<Row>}
 */
export function arrangeRows(all, { search, textOf, keyOf, descending, page, pageSize }) {
  const words = searchWords(search);
  /** @type {{ row: Row, key: string | number | undefined }[]} */
  const found = [];
  for (const row of all) {
    if (words.length > 0) {
      const text = textOf(row);
      if (!words.every((word) => text.includes(word))) continue;
    }
    found.push({ row, key: keyOf(row) });
  }
  const sign = descending ? -1 : 1;
  found.sort((a, b) => compareKeys(a.key, b.key, sign));
  const pages = Math.max(1, Math.ceil(found.length / pageSize));
  const shown = Math.min(Math.max(0, page), pages - 1);
  const first = shown * pageSize;
  const rows = found.slice(first, first + pageSize).map(({ row }) => row);
  return { rows, first, found: found.length, page: shown, pages };
}

/**
 * The words of a search; letter case does not matter.
 *
 * @param {string} search
 * @returns {readonly string[]}
 */
export function searchWords(search) {
  return search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
}

/**
 * @param {string | number | undefined} a
 * @param {string | number | undefined} b
 * @param {1 | -1} sign
 */
function compareKeys(a, b, sign) {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
  return sign * NATURAL.compare(String(a), String(b));
}

/** bm2 before bm10. */
const NATURAL = new Intl.Collator('en', { numeric: true });
