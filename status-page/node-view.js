// @ts-check

import { serverNow } from './control-api.js';
import { DataTable } from './data-table.js';
import { byId, element } from './elements.js';
import { visible } from './format.js';
import { NodeDetail } from './node-detail.js';
import { powerMark } from './power-mark.js';
import { standingMark } from './standing-mark.js';
import { switchPortOf } from './switch-port.js';

/** @typedef {import('./site.js').Node} Node */
/** @typedef {import('./site.js').Site} Site */

/** Nodes: the machines that somebody told bootd about. */
export class NodeView {
  /** @type {Site} */
  #site;
  /** @type {DataTable<Node>} */
  #table;
  #detail;
  /** @type {string | undefined} */
  #wanted;

  /**
   * @param {Site} site
   * @param {import('./change-dialog.js').ChangeDialog} dialog
   * @param {(text: string) => void} announce
   */
  constructor(site, dialog, announce) {
    this.#site = site;
    this.#detail = new NodeDetail(site, dialog);
    this.#table = new DataTable({
      host: byId('nodes-table'),
      id: 'nodes',
      caption: 'Nodes',
      searchHint: 'Name, MAC, switch port …',
      keyOf: ({ uuid }) => uuid,
      textOf: (node) =>
        [
          node.name,
          node.uuid,
          node.purpose,
          node.managed_by,
          node.boot_mode,
          ...node.ports.flatMap(({ address, fixed_address, extra }) => [
            address,
            fixed_address,
            switchPortOf(extra),
          ]),
        ].join(' '),
      sort: { id: 'name', descending: false },
      filters: [
        { value: 'all', label: 'All nodes', holds: () => true },
        { value: 'on', label: 'Power on', holds: ({ power }) => power?.state === 'on' },
        { value: 'off', label: 'Power off', holds: ({ power }) => power?.state === 'off' },
        {
          value: 'doubtful',
          label: 'BMC silent, or warnings',
          holds: ({ power, warnings }) => (power?.failure ?? null) !== null || warnings.length > 0,
        },
      ],
      targetOf: ({ uuid }) => `#nodes/${uuid}`,
      emptyText: 'There are no nodes. Ironic makes them, or `bootd node set`.',
      announce,
      columns: columnsOf(site),
    });
  }

  show() {
    this.#table.show(this.#site.nodes.values(), serverNow());
    this.#showDetail();
  }

  tick() {
    this.#detail.tick();
  }

  textsChanged() {
    this.#table.textsChanged();
  }

  /** @param {string | undefined} uuid */
  open(uuid) {
    this.#wanted = uuid;
    byId('nodes-view').classList.toggle('has-choice', uuid !== undefined);
    this.#showDetail();
  }

  focusList() {
    this.#table.focus();
  }

  #showDetail() {
    const node = this.#wanted === undefined ? undefined : this.#site.nodes.get(this.#wanted);
    this.#table.choose(node?.uuid);
    this.#detail.show(this.#wanted, node);
  }
}

/**
 * @param {Site} site
 * @returns {readonly import('./data-table.js').Column<Node>[]}
 */
function columnsOf(site) {
  const lastBoot = (/** @type {Node} */ node) => site.bootsOf(node)[0];
  return [
    {
      id: 'name',
      label: 'Node',
      isHeading: true,
      sortKey: ({ name, uuid }) => name ?? uuid,
      signature: ({ name, uuid, purpose }) => [name, uuid, purpose].join('\n'),
      render: ({ name, uuid, purpose }) => [
        element('a', { href: `#nodes/${uuid}` }, visible(name ?? uuid)),
        element(
          'span',
          { class: 'beside' },
          [name === null ? undefined : uuid.slice(0, 8), purpose].filter(Boolean).join(' · '),
        ),
      ],
    },
    {
      id: 'power',
      label: 'Power',
      sortKey: ({ power }) => power?.state,
      signature: ({ power }) => `${power?.state ?? ''} ${power?.failure?.code ?? ''}`,
      render: ({ power }) => [powerMark(power)],
    },
    {
      id: 'mac',
      label: 'Ports',
      sortKey: ({ ports }) => ports[0]?.address,
      signature: ({ ports }) => JSON.stringify(ports),
      render: ({ ports }) =>
        ports.map(({ address, pxe_enabled, extra }) =>
          element(
            'span',
            { class: 'port' },
            element('span', { class: 'mono' }, address),
            element('span', { class: 'beside' }, portWords(switchPortOf(extra), pxe_enabled)),
          ),
        ),
    },
    {
      id: 'boot',
      label: 'Last boot',
      sortKey: (node) => lastBoot(node)?.started_at,
      signature: (node) => {
        const boot = lastBoot(node);
        return boot === undefined ? '' : [boot.id, boot.state, boot.verdict.code, boot.ended_at].join('\n');
      },
      render: (node) => {
        const boot = lastBoot(node);
        return boot === undefined ? [element('span', { class: 'faint' }, '–')] : [standingMark(boot)];
      },
    },
  ];
}

/**
 * @param {string | undefined} switchPort
 * @param {boolean} isPxe
 */
function portWords(switchPort, isPxe) {
  return [switchPort === undefined ? undefined : visible(switchPort), isPxe ? undefined : 'no PXE']
    .filter((word) => word !== undefined)
    .join(' · ');
}
