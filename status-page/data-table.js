// @ts-check

import { element, setText } from './elements.js';
import { formatCount } from './format.js';
import { arrangeRows } from './row-order.js';

/** @typedef {import('./elements.js').Content} Content */

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} id
 * @property {string} label
 * @property {(row: Row) => string | number | undefined} [sortKey] Without one the column cannot be sorted by.
 * @property {boolean} [isHeading] Names the row.
 * @property {(row: Row) => string} signature Changes when the cell does.
 * @property {(row: Row) => readonly Content[]} render
 * @property {(row: Row, now: number) => string} [words] For a cell that is a time: all of its text, and changes by itself.
 */

/**
 * @template Row
 * @typedef {object} TableParts
 * @property {HTMLElement} host
 * @property {string} id Begins the ids of what is in it.
 * @property {string} caption
 * @property {readonly Column<Row>[]} columns
 * @property {(row: Row) => string} keyOf
 * @property {(row: Row) => string} textOf What is searched, in any letter case.
 * @property {string} searchHint
 * @property {{ id: string, descending: boolean }} sort At first.
 * @property {readonly { value: string, label: string, holds: (row: Row) => boolean }[]} filters The first one holds at first.
 * @property {(row: Row) => string} [toneOf] A class for the row.
 * @property {(row: Row) => string} [targetOf] Where a click on the row leads.
 * @property {string} emptyText
 * @property {(text: string) => void} announce
 */

const PAGE_SIZE = 50;

/** After the last key press, before it is said how much was found. */
const TYPING_PAUSE_MS = 700;

/**
 * A table that can be searched, filtered, sorted and paged, and whose rows stay the same elements while their data
 * changes: an event costs one cell, a focus stays where it is. Only one page of rows is in the document.
 *
 * @template Row
 */
export class DataTable {
  /** @type {TableParts<Row>} */
  #parts;
  /** @type {Map<string, { row: HTMLTableRowElement, cells: { cell: HTMLElement, signature: string | undefined }[], data: Row }>} */
  #shown = new Map();
  /** @type {readonly Row[]} */
  #all = [];
  #sort;
  #page = 0;
  /** @type {string | undefined} */
  #chosen;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  /** What rows are searched in, made once for each. @type {WeakMap<object, string>} */
  #texts = new WeakMap();
  #found = 0;
  #now = 0;

  #body = element('tbody', { role: 'rowgroup' });
  #search;
  #filter;
  #count = element('p', { class: 'found' });
  #empty = element('p', { class: 'empty', hidden: true });
  #pager;
  #earlier = element('button', { type: 'button' }, 'Previous');
  #later = element('button', { type: 'button' }, 'Next');
  #place = element('span', { class: 'place' });
  /** @type {Map<string, HTMLElement>} */
  #headings = new Map();

  /** @param {TableParts<Row>} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#sort = parts.sort;
    const { id, caption, searchHint, filters, columns, host } = parts;
    this.#search = element('input', {
      type: 'search',
      id: `${id}-search`,
      placeholder: searchHint,
      autocomplete: 'off',
      spellcheck: 'false',
    });
    this.#filter = element(
      'select',
      { id: `${id}-filter` },
      ...filters.map(({ value, label }) => element('option', { value }, label)),
    );
    this.#pager = element(
      'nav',
      { class: 'pager', 'aria-label': `Pages of ${caption}` },
      this.#earlier,
      this.#place,
      this.#later,
    );
    const head = element('tr', { role: 'row' }, ...columns.map((column) => this.#heading(column)));
    const table = element(
      'table',
      { role: 'table', class: 'data' },
      element('caption', { class: 'unseen' }, caption),
      element('thead', { role: 'rowgroup' }, head),
      this.#body,
    );
    host.append(
      element(
        'div',
        { class: 'tools', role: 'search', 'aria-label': `Search in ${caption}` },
        element('label', { class: 'unseen', for: `${id}-search` }, `Search ${caption.toLowerCase()}`),
        this.#search,
        element('label', { class: 'unseen', for: `${id}-filter` }, `Which ${caption.toLowerCase()}`),
        this.#filter,
        this.#count,
      ),
      table,
      this.#empty,
      this.#pager,
    );
    this.#search.addEventListener('input', () => {
      this.#page = 0;
      this.#draw();
      this.#announceFound();
    });
    this.#filter.addEventListener('change', () => {
      this.#page = 0;
      this.#draw();
      this.#announceFound();
    });
    this.#earlier.addEventListener('click', () => this.#turn(-1));
    this.#later.addEventListener('click', () => this.#turn(1));
    this.#body.addEventListener('click', (event) => this.#follow(event));
  }

  /** Rows on all pages that fit the search. */
  get found() {
    return this.#found;
  }

  /**
   * Shows these rows, and searches and sorts in them until others are given.
   *
   * @param {Iterable<Row>} rows
   * @param {number} now
   */
  show(rows, now) {
    this.#all = [...rows];
    this.#now = now;
    this.#draw();
  }

  /**
   * Lets the times that are shown go on.
   *
   * @param {number} now
   */
  tick(now) {
    this.#now = now;
    for (const { cells, data } of this.#shown.values()) this.#writeTimes(cells, data);
  }

  /** What rows are searched in depends on something else that has changed. */
  textsChanged() {
    this.#texts = new WeakMap();
  }

  /** @param {string} text */
  searchFor(text) {
    this.#search.value = text;
    this.#filter.selectedIndex = 0;
    this.#page = 0;
    this.#draw();
  }

  /**
   * Marks the row that is shown beside the table.
   *
   * @param {string | undefined} key
   */
  choose(key) {
    this.#chosen = key;
    for (const [shownKey, { row }] of this.#shown) this.#mark(shownKey, row);
  }

  /** Puts the focus into the table: on the link of a row, or on the search where there is none. */
  focus() {
    const chosen = this.#chosen === undefined ? undefined : this.#shown.get(this.#chosen);
    /** @type {HTMLElement | null | undefined} */
    const link = (chosen?.row ?? this.#body).querySelector('a');
    (link ?? this.#search).focus();
  }

  /**
   * @param {Column<Row>} column
   * @returns {HTMLElement}
   */
  #heading({ id, label, sortKey }) {
    const heading = element('th', { role: 'columnheader', scope: 'col', class: `col-${id}` });
    if (sortKey === undefined) {
      heading.append(element('span', { class: label === '' ? undefined : 'plain' }, label));
      return heading;
    }
    const button = element('button', { type: 'button', class: 'sort' }, label);
    button.addEventListener('click', () => {
      this.#sort = { id, descending: this.#sort.id === id && !this.#sort.descending };
      this.#page = 0;
      this.#draw();
    });
    heading.append(button);
    this.#headings.set(id, heading);
    return heading;
  }

  #draw() {
    const { columns, filters, keyOf, emptyText } = this.#parts;
    const filter = filters[this.#filter.selectedIndex]?.holds ?? (() => true);
    const sortKey = columns.find(({ id }) => id === this.#sort.id)?.sortKey ?? (() => undefined);
    const page = arrangeRows(chosenRows(this.#all, filter), {
      search: this.#search.value,
      textOf: (row) => this.#textOf(row),
      keyOf: sortKey,
      descending: this.#sort.descending,
      page: this.#page,
      pageSize: PAGE_SIZE,
    });
    this.#page = page.page;
    this.#found = page.found;
    this.#arrange(page.rows.map((data) => [keyOf(data), data]));
    for (const [id, heading] of this.#headings) {
      const direction = this.#sort.descending ? 'descending' : 'ascending';
      if (this.#sort.id === id) heading.setAttribute('aria-sort', direction);
      else heading.removeAttribute('aria-sort');
    }
    const isSearched = this.#search.value.trim() !== '' || this.#filter.selectedIndex > 0;
    setText(this.#empty, isSearched ? 'Nothing fits this search.' : emptyText);
    this.#empty.hidden = page.found > 0;
    setText(this.#count, isSearched ? `${formatCount(page.found)} found` : '');
    this.#pager.hidden = page.pages === 1;
    this.#earlier.disabled = page.page === 0;
    this.#later.disabled = page.page === page.pages - 1;
    const last = page.first + page.rows.length;
    setText(this.#place, `${formatCount(page.first + 1)}–${formatCount(last)} of ${formatCount(page.found)}`);
  }

  /**
   * Makes the body have these rows in this order, and touches only what differs.
   *
   * @param {readonly (readonly [string, Row])[]} rows
   */
  #arrange(rows) {
    const focused = document.activeElement;
    const wanted = new Set(rows.map(([key]) => key));
    for (const [key, { row }] of this.#shown) {
      if (wanted.has(key)) continue;
      row.remove();
      this.#shown.delete(key);
    }
    /** @type {Element | null} */
    let next = this.#body.firstElementChild;
    for (const [key, data] of rows) {
      const entry = this.#shown.get(key) ?? this.#newRow(key, data);
      entry.data = data;
      this.#fill(entry.cells, data);
      entry.row.className = this.#parts.toneOf?.(data) ?? '';
      this.#mark(key, entry.row);
      if (entry.row === next) next = next.nextElementSibling;
      else this.#body.insertBefore(entry.row, next);
    }
    // A row that was moved loses the focus.
    if (focused instanceof HTMLElement && focused.isConnected && focused !== document.activeElement) {
      focused.focus({ preventScroll: true });
    }
  }

  /**
   * @param {string} key
   * @param {Row} data
   */
  #newRow(key, data) {
    const cells = this.#parts.columns.map(({ id, label, isHeading }) => ({
      cell: isHeading
        ? element('th', { role: 'rowheader', scope: 'row', class: `col-${id}`, 'data-label': label })
        : element('td', { role: 'cell', class: `col-${id}`, 'data-label': label }),
      signature: /** @type {string | undefined} */ (undefined),
    }));
    const row = element('tr', { role: 'row' }, ...cells.map(({ cell }) => cell));
    const entry = { row, cells, data };
    this.#shown.set(key, entry);
    return entry;
  }

  /**
   * @param {{ cell: HTMLElement, signature: string | undefined }[]} cells
   * @param {Row} data
   */
  #fill(cells, data) {
    this.#parts.columns.forEach(({ signature, render }, index) => {
      const entry = cells[index];
      if (entry === undefined) return;
      const signed = signature(data);
      if (signed === entry.signature) return;
      const hadFocus = entry.cell.contains(document.activeElement);
      entry.cell.replaceChildren(...render(data).filter((part) => part !== undefined));
      entry.signature = signed;
      if (hadFocus) /** @type {HTMLElement | null} */ (entry.cell.querySelector('a, button'))?.focus();
    });
    this.#writeTimes(cells, data);
  }

  /**
   * @param {{ cell: HTMLElement }[]} cells
   * @param {Row} data
   */
  #writeTimes(cells, data) {
    this.#parts.columns.forEach(({ words }, index) => {
      const time = words === undefined ? null : cells[index]?.cell.querySelector('time');
      if (time && words !== undefined) setText(time, words(data, this.#now));
    });
  }

  /**
   * @param {string} key
   * @param {HTMLElement} row
   */
  #mark(key, row) {
    const link = row.querySelector('a');
    row.classList.toggle('chosen', key === this.#chosen);
    if (key === this.#chosen) link?.setAttribute('aria-current', 'true');
    else link?.removeAttribute('aria-current');
  }

  /** @param {Row} row */
  #textOf(row) {
    const known = typeof row === 'object' && row !== null ? this.#texts.get(row) : undefined;
    if (known !== undefined) return known;
    const text = this.#parts.textOf(row).toLowerCase();
    if (typeof row === 'object' && row !== null) this.#texts.set(row, text);
    return text;
  }

  /** @param {number} by */
  #turn(by) {
    this.#page += by;
    this.#draw();
    this.#parts.announce(this.#place.textContent ?? '');
    this.#parts.host.scrollIntoView({ block: 'start' });
    // A button that has become useless would swallow the focus.
    if (this.#earlier.disabled) this.#later.focus();
    else if (this.#later.disabled) this.#earlier.focus();
  }

  #announceFound() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#parts.announce(`${this.#found} found`), TYPING_PAUSE_MS);
  }

  /**
   * For the mouse, the whole row is the link in it.
   *
   * @param {MouseEvent} event
   */
  #follow(event) {
    const { target } = event;
    if (!(target instanceof Element) || target.closest('a, button') !== null) return;
    if (String(getSelection()) !== '') return;
    const row = target.closest('tr');
    const data = [...this.#shown.values()].find((entry) => entry.row === row)?.data;
    if (data !== undefined && this.#parts.targetOf !== undefined) location.hash = this.#parts.targetOf(data);
  }
}

/**
 * @template Row
 * @param {Iterable<Row>} rows
 * @param {(row: Row) => boolean} holds
 */
function* chosenRows(rows, holds) {
  for (const row of rows) if (holds(row)) yield row;
}
