// @ts-check

import { element } from './elements.js';

/**
 * The power of a node as it was last seen: a word, and a mark.
 *
 * @param {import('./site.js').Node['power']} power
 */
export function powerMark(power) {
  if (power === null) return element('span', { class: 'faint' }, 'no BMC');
  const state = power.failure === null ? power.state : 'silent';
  return element('span', { class: `state is-${state}` }, state === 'silent' ? 'BMC silent' : state);
}
