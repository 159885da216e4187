// @ts-check

/** @typedef {Node | string | undefined} Content Text, an element, or nothing. */

/**
 * An element with its attributes and content. Strings become text, never markup: this and `textContent` are the only
 * ways in which values of strangers (host names, vendor classes, file names) reach the document.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Readonly<Record<string, string | boolean | undefined>>} attributes `true` is an empty value; `false` and
 *   undefined leave the attribute out.
 * @param {readonly Content[]} content
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...content) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...content.filter((part) => part !== undefined));
  return made;
}

/**
 * The element of the page with this id, which index.html has.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html has no element ${id}`);
  return found;
}

/**
 * Sets a text when it is another one, so that nothing is drawn or announced anew for nothing.
 *
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * A sentence in which `backticks` mark what is typed.
 *
 * @param {string} sentence
 * @returns {readonly Content[]}
 */
export function proseOf(sentence) {
  return sentence
    .split('`')
    .map((part, index) => (index % 2 === 0 ? part : element('code', {}, part)))
    .filter((part) => part !== '');
}

/**
 * A moment, in words, with the exact time on hover and for machines.
 *
 * @param {string} iso
 * @param {string} words
 * @param {string} exact
 * @returns {HTMLTimeElement}
 */
export function moment(iso, words, exact) {
  return element('time', { datetime: iso, title: exact }, words);
}

/**
 * Facts with their names; those without a value are left out.
 *
 * @param {readonly (readonly [name: string, value: Content])[]} facts
 */
export function factList(facts) {
  return element(
    'dl',
    { class: 'facts' },
    ...facts.flatMap(([name, value]) =>
      value === undefined ? [] : [element('div', {}, element('dt', {}, name), element('dd', {}, value))],
    ),
  );
}
