// @ts-check

import { describeStep, phaseNumber, PHASES } from './boot-text.js';
import { readBoot, Refusal, serverNow } from './control-api.js';
import { byId, element, factList, moment, proseOf } from './elements.js';
import { formatAgo, formatDateTime, formatDuration, formatOffset, visible } from './format.js';
import { standingOf } from './site.js';
import { standingMark } from './standing-mark.js';

/** @typedef {import('./site.js').Boot} Boot */
/** @typedef {import('./site.js').WholeBoot} WholeBoot */
/** @typedef {import('./site.js').Site} Site */

/** A boot that makes steps fast is read so often at most. */
const READING_PAUSE_MS = 400;

/** One boot with all that happened in it: what an admin reads to know why a machine does not boot. */
export class BootDetail {
  /** @type {Site} */
  #site;
  #host = byId('boot-detail');
  /** @type {string | undefined} */
  #id;
  /** @type {WholeBoot | undefined} */
  #whole;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #drawn = '';
  /** @type {string | undefined} */
  #failure;

  /** @param {Site} site */
  constructor(site) {
    this.#site = site;
  }

  /**
   * @param {string | undefined} id
   * @param {Boot | undefined} boot What the list knows of it.
   */
  show(id, boot) {
    this.#host.hidden = id === undefined;
    if (id !== this.#id) {
      this.#id = id;
      this.#whole = undefined;
      this.#failure = undefined;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      if (id !== undefined) void this.#read(id);
    }
    this.#draw(boot);
  }

  /** @param {string} id */
  changed(id) {
    if (id !== this.#id || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (id === this.#id) void this.#read(id);
    }, READING_PAUSE_MS);
  }

  tick() {
    const ago = this.#host.querySelector('time.last');
    if (!(ago instanceof HTMLTimeElement)) return;
    const words = formatAgo(serverNow() - Date.parse(ago.dateTime));
    if (ago.textContent !== words) ago.textContent = words;
  }

  /** @param {string} id */
  async #read(id) {
    try {
      const { body } = await readBoot(id);
      if (id !== this.#id) return;
      this.#whole = body;
      this.#failure = undefined;
    } catch (error) {
      if (id !== this.#id) return;
      this.#failure = error instanceof Refusal ? error.message : 'The steps could not be read.';
    }
    this.#draw(this.#site.boots.get(id));
  }

  /** @param {Boot | undefined} known */
  #draw(known) {
    const boot = this.#whole ?? known;
    const signature = JSON.stringify([boot, this.#failure, boot && this.#site.machineName(boot)]);
    if (signature === this.#drawn || this.#id === undefined) return;
    this.#drawn = signature;
    const scroller = this.#host.querySelector('.console');
    const wasAtEnd =
      scroller === null || scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 4;
    this.#host.replaceChildren(
      element('p', { class: 'back' }, element('a', { href: '#boots' }, 'All boots')),
      ...(boot === undefined ? [] : this.#partsOf(boot)),
      ...(this.#failure === undefined ? [] : [element('p', { class: 'empty' }, this.#failure)]),
    );
    const pane = this.#host.querySelector('.console');
    if (pane !== null && wasAtEnd) pane.scrollTop = pane.scrollHeight;
    this.tick();
  }

  /** @param {Boot | WholeBoot} boot */
  #partsOf(boot) {
    const node = this.#site.nodeOf(boot.node, boot.mac);
    const name = visible(this.#site.machineName(boot));
    /** @type {[string, import('./elements.js').Content][]} */
    const facts = [
      ['MAC', element('span', { class: 'mono' }, boot.mac)],
      [
        'Address',
        boot.address === null
          ? undefined
          : element('a', { class: 'mono', href: `#leases/${boot.address}` }, boot.address),
      ],
      ['Node', node && element('a', { href: `#nodes/${node.uuid}` }, visible(node.name ?? node.uuid))],
      ['Host name', boot.hostname === null ? undefined : element('bdi', {}, visible(boot.hostname))],
      ['Firmware', boot.firmware ?? undefined],
      ['Loader', boot.loader ?? undefined],
      ['Wire', boot.relay === null ? (boot.interface ?? undefined) : `relay ${boot.relay}`],
      ['Started', moment(boot.started_at, formatDateTime(new Date(boot.started_at)), boot.started_at)],
      ['Last heard', this.#lastHeard(boot)],
    ];
    return [
      element('header', {}, element('h3', {}, element('bdi', {}, name)), standingMark(boot)),
      verdictBox(boot),
      phaseList(boot),
      factList(facts),
      ...('steps' in boot ? [stepTable(boot)] : []),
      ...('console' in boot && boot.console.length > 0 ? [consoleOf(boot.console)] : []),
      element(
        'p',
        { class: 'id' },
        'Boot ',
        element('code', {}, boot.id),
        boot.probe ? ', played by bootd probe' : '',
      ),
    ];
  }

  /** @param {Boot} boot */
  #lastHeard({ last_at }) {
    const time = moment(last_at, '', formatDateTime(new Date(last_at)));
    time.classList.add('last');
    return time;
  }
}

/** @param {Boot} boot */
function verdictBox(boot) {
  const { verdict, notices } = boot;
  const standing = standingOf(boot);
  const isFailure = !QUIET_CODES.has(verdict.code);
  return element(
    'section',
    { class: `verdict is-${standing}`, 'aria-label': 'Diagnosis' },
    element('p', { class: 'sentence' }, element('bdi', {}, visible(verdict.sentence))),
    isFailure ? advice(verdict) : undefined,
    ...notices.map((notice) =>
      element(
        'div',
        { class: 'notice-box' },
        element('p', {}, element('bdi', {}, visible(notice.sentence)), ' ', codeOf(notice.code)),
        advice(notice),
      ),
    ),
    isFailure ? element('p', { class: 'code' }, codeOf(verdict.code)) : undefined,
  );
}

/** @param {Boot['verdict']} finding */
function advice({ cause, remedy }) {
  return element(
    'dl',
    { class: 'advice' },
    element('dt', {}, 'Cause'),
    element('dd', {}, ...proseOf(visible(cause))),
    element('dt', {}, 'Remedy'),
    element('dd', {}, ...proseOf(visible(remedy))),
  );
}

/** @param {string} code Of docs/diagnoses.md. */
function codeOf(code) {
  return element('code', { class: 'tag' }, code);
}

/** @param {Boot} boot */
function phaseList(boot) {
  const reached = phaseNumber(boot.phase);
  const isDone = standingOf(boot) === 'done';
  return element(
    'ol',
    { class: `phases is-${standingOf(boot)}`, 'aria-label': 'How far it came' },
    ...PHASES.map(([, word], index) => {
      const isHere = index === reached && !isDone;
      const place = index < reached || (index === reached && isDone) ? 'past' : isHere ? 'here' : 'ahead';
      return element('li', { class: place, 'aria-current': isHere ? 'step' : undefined }, word);
    }),
  );
}

/** @param {WholeBoot} boot */
function stepTable({ steps, omitted_steps, started_at }) {
  const start = Date.parse(started_at);
  const rows = steps.map((step) => {
    const { via, what, outcome, tone } = describeStep(step);
    const length =
      step.duration_ms === undefined || step.kind === 'file' ? undefined : formatDuration(step.duration_ms);
    return element(
      'tr',
      { class: `step-${tone}` },
      element('td', { class: 'when mono' }, formatOffset(Date.parse(step.at) - start)),
      element('td', { class: 'via' }, via),
      element(
        'td',
        { class: 'what', title: length === undefined ? undefined : `answered in ${length}` },
        element('bdi', { class: 'asked' }, what),
        element('span', { class: 'outcome' }, element('bdi', {}, outcome)),
      ),
    );
  });
  return element(
    'div',
    { class: 'steps' },
    element('h4', {}, 'Steps'),
    element(
      'table',
      {},
      element('caption', { class: 'unseen' }, 'Steps of the boot'),
      element(
        'thead',
        { class: 'unseen' },
        element('tr', {}, ...['After', 'By', 'What'].map((label) => element('th', { scope: 'col' }, label))),
      ),
      element('tbody', {}, ...rows),
    ),
    omitted_steps > 0
      ? element('p', { class: 'hint' }, `${omitted_steps} steps are left out of the middle.`)
      : undefined,
  );
}

/** @param {readonly string[]} lines */
function consoleOf(lines) {
  return element(
    'div',
    { class: 'steps' },
    element('h4', {}, 'Serial console, its last lines'),
    element(
      'pre',
      { class: 'console', tabindex: '0', role: 'region', 'aria-label': 'Serial console' },
      lines.map(visible).join('\n'),
    ),
  );
}

/** Verdicts that ask for nothing. */
const QUIET_CODES = new Set(['under-way', 'booted', 'local-disk']);
