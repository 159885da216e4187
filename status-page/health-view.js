// @ts-check

import { byId, element } from './elements.js';
import { visible } from './format.js';

/** What the parts of bootd say of themselves, as `/readyz` has it. */
export class HealthView {
  /** @type {import('./site.js').Site} */
  #site;
  #drawn = '';

  /** @param {import('./site.js').Site} site */
  constructor(site) {
    this.#site = site;
  }

  /** Parts that cannot do all of their work. */
  get failing() {
    return this.#site.checks.filter(({ ok }) => !ok).length;
  }

  show() {
    const { checks } = this.#site;
    const signature = JSON.stringify(checks);
    if (signature === this.#drawn) return;
    this.#drawn = signature;
    const sorted = [...checks].sort((a, b) => Number(a.ok) - Number(b.ok));
    byId('health-checks').replaceChildren(
      element(
        'ul',
        { class: 'checks' },
        ...sorted.map(({ name, ok, problems }) =>
          element(
            'li',
            { class: ok ? 'check is-well' : 'check is-ill' },
            element('span', { class: 'name' }, name),
            element('span', { class: `state is-${ok ? 'done' : 'stuck'}` }, ok ? 'works' : 'has problems'),
            problems.length === 0
              ? undefined
              : element(
                  'ul',
                  { class: 'problems' },
                  ...problems.map((problem) => element('li', {}, visible(problem))),
                ),
          ),
        ),
      ),
    );
  }
}
