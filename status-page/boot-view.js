// @ts-check

import { BootDetail } from './boot-detail.js';
import { phaseNumber, PHASES } from './boot-text.js';
import { serverNow } from './control-api.js';
import { DataTable } from './data-table.js';
import { byId, element, moment } from './elements.js';
import { formatAgo, formatDateTime, visible } from './format.js';
import { standingOf } from './site.js';
import { standingMark } from './standing-mark.js';

/** @typedef {import('./site.js').Boot} Boot */
/** @typedef {import('./site.js').Site} Site */

/** Boots: those that need somebody first. */
export class BootView {
  /** @type {Site} */
  #site;
  /** @type {DataTable<Boot>} */
  #table;
  #detail;
  /** @type {string | undefined} What the address of the page names. */
  #wanted;

  /**
   * @param {Site} site
   * @param {(text: string) => void} announce
   */
  constructor(site, announce) {
    this.#site = site;
    this.#detail = new BootDetail(site);
    this.#table = new DataTable({
      host: byId('boots-table'),
      id: 'boots',
      caption: 'Boots',
      searchHint: 'Machine, MAC, address, diagnosis …',
      keyOf: ({ id }) => id,
      textOf: (boot) =>
        [
          site.machineName(boot),
          boot.mac,
          boot.address,
          boot.hostname,
          boot.node,
          boot.firmware,
          boot.loader,
          boot.boot_file,
          boot.phase,
          boot.verdict.code,
          boot.verdict.sentence,
        ].join(' '),
      sort: { id: 'standing', descending: false },
      filters: [
        { value: 'all', label: 'All boots', holds: () => true },
        { value: 'open', label: 'Not through', holds: (boot) => isOpen(boot) },
        { value: 'stuck', label: 'Stuck', holds: (boot) => standingOf(boot) === 'stuck' },
        { value: 'done', label: 'Through', holds: (boot) => standingOf(boot) === 'done' },
      ],
      toneOf: (boot) => `boot-${standingOf(boot)}`,
      targetOf: ({ id }) => `#boots/${id}`,
      emptyText: 'No machine has booted yet. Boots appear with their first DISCOVER.',
      announce,
      columns: columnsOf(site),
    });
  }

  /** Boots that stopped, and that go on. */
  counts() {
    let stuck = 0;
    let running = 0;
    for (const boot of this.#site.boots.values()) {
      const standing = standingOf(boot);
      if (standing === 'stuck' || standing === 'trouble') stuck += 1;
      else if (standing === 'running') running += 1;
    }
    return { stuck, running };
  }

  show() {
    this.#table.show(this.#byUrgency(), serverNow());
    this.#showDetail();
  }

  tick() {
    this.#table.tick(serverNow());
    this.#detail.tick();
  }

  textsChanged() {
    this.#table.textsChanged();
  }

  /**
   * Shows one boot beside the others; without an id the most urgent one, where there is room for both.
   *
   * @param {string | undefined} id
   */
  open(id) {
    this.#wanted = id;
    byId('boots-view').classList.toggle('has-choice', id !== undefined);
    this.#showDetail();
  }

  focusList() {
    this.#table.focus();
  }

  /**
   * Something happened in a boot.
   *
   * @param {string} id
   */
  changed(id) {
    this.#detail.changed(id);
  }

  #showDetail() {
    const boot = this.#wanted === undefined ? this.#byUrgency()[0] : this.#site.boots.get(this.#wanted);
    this.#table.choose(boot?.id);
    this.#detail.show(this.#wanted ?? boot?.id, boot);
  }

  #byUrgency() {
    return [...this.#site.boots.values()].sort(
      (a, b) => urgencyOf(a) - urgencyOf(b) || b.started_at.localeCompare(a.started_at),
    );
  }
}

/**
 * @param {Site} site
 * @returns {readonly import('./data-table.js').Column<Boot>[]}
 */
function columnsOf(site) {
  return [
    {
      id: 'standing',
      label: 'State',
      sortKey: urgencyOf,
      signature: standingOf,
      render: (boot) => [standingMark(boot)],
    },
    {
      id: 'machine',
      label: 'Machine',
      isHeading: true,
      sortKey: (boot) => site.machineName(boot),
      signature: (boot) => `${site.machineName(boot)}\n${String(boot.probe)}`,
      render: (boot) => {
        const name = visible(site.machineName(boot));
        const link = element('a', { href: `#boots/${boot.id}` }, element('bdi', {}, name));
        const beside = [name === boot.mac ? undefined : boot.mac, boot.probe ? 'probe' : undefined];
        return [link, element('span', { class: 'beside mono' }, beside.filter(Boolean).join(' · '))];
      },
    },
    {
      id: 'verdict',
      label: 'How it stands',
      signature: ({ verdict, phase, state }) => [verdict.sentence, phase, state].join('\n'),
      render: (boot) => [
        element('bdi', { class: 'sentence' }, visible(boot.verdict.sentence)),
        phaseTrack(boot),
      ],
    },
    {
      id: 'started',
      label: 'Started',
      sortKey: ({ started_at }) => -Date.parse(started_at),
      signature: ({ started_at }) => started_at,
      render: ({ started_at }) => [moment(started_at, '', formatDateTime(new Date(started_at)))],
      words: ({ started_at }, now) => formatAgo(now - Date.parse(started_at)),
    },
  ];
}

/**
 * How far a boot came, as a row of marks.
 *
 * @param {Boot} boot
 */
function phaseTrack(boot) {
  const reached = phaseNumber(boot.phase);
  const [, word] = PHASES[reached] ?? ['', boot.phase];
  const label = `${word}, step ${reached + 1} of ${PHASES.length}`;
  return element(
    'span',
    { class: 'track', role: 'img', 'aria-label': label, title: label },
    ...PHASES.map((_, index) =>
      element('span', { class: index < reached ? 'past' : index === reached ? 'here' : undefined }),
    ),
  );
}

/** @param {Boot} boot */
function urgencyOf(boot) {
  return URGENCY[standingOf(boot)];
}

/** @param {Boot} boot */
function isOpen(boot) {
  return ['stuck', 'trouble', 'running'].includes(standingOf(boot));
}

/** @type {Readonly<Record<ReturnType<typeof standingOf>, number>>} */
const URGENCY = { stuck: 0, trouble: 1, running: 2, done: 3, over: 3 };
