// @ts-check

import { element } from './elements.js';
import { standingOf } from './site.js';

/**
 * The state of a boot: a word, and a mark of a shape of its own, so that colours are not needed.
 *
 * @param {import('./site.js').Boot} boot
 */
export function standingMark(boot) {
  const standing = standingOf(boot);
  return element('span', { class: `state is-${standing}` }, STANDING_WORDS[standing]);
}

/** @type {Readonly<Record<ReturnType<typeof standingOf>, string>>} */
const STANDING_WORDS = {
  stuck: 'stuck',
  trouble: 'in trouble',
  running: 'booting',
  done: 'through',
  over: 'broken off',
};
