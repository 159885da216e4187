// @ts-check

import { change, serverNow } from './control-api.js';
import { DataTable } from './data-table.js';
import { byId, element, moment } from './elements.js';
import { addressOrder, formatAgo, formatCountdown, formatDateTime, visible } from './format.js';
import { leaseStateAt } from './site.js';

/** @typedef {import('./site.js').Lease} Lease */
/** @typedef {import('./site.js').Site} Site */

/** Leases: who has which address, and for how long. */
export class LeaseView {
  /** @type {Site} */
  #site;
  /** @type {DataTable<Lease>} */
  #table;
  /** @type {import('./change-dialog.js').ChangeDialog} */
  #dialog;

  /**
   * @param {Site} site
   * @param {import('./change-dialog.js').ChangeDialog} dialog
   * @param {(text: string) => void} announce
   */
  constructor(site, dialog, announce) {
    this.#site = site;
    this.#dialog = dialog;
    this.#table = new DataTable({
      host: byId('leases-table'),
      id: 'leases',
      caption: 'Leases',
      searchHint: 'Address, MAC, host name, node …',
      keyOf: ({ address }) => address,
      textOf: (lease) =>
        [
          lease.address,
          lease.mac ?? lease.hardware_address,
          lease.hostname,
          lease.vendor_class,
          lease.client_id,
          site.nodeOf(lease.node, lease.mac)?.name,
        ].join(' '),
      sort: { id: 'address', descending: false },
      filters: [
        { value: 'all', label: 'All states', holds: () => true },
        ...STATES.map((state) => ({
          value: state,
          label: state,
          holds: (/** @type {Lease} */ lease) => leaseStateAt(lease, serverNow()) === state,
        })),
      ],
      toneOf: (lease) => `lease-${leaseStateAt(lease, serverNow())}`,
      emptyText: 'There are no leases yet. They appear as machines ask for addresses.',
      announce,
      columns: this.#columns(),
    });
  }

  show() {
    this.#table.show(this.#site.leases.values(), serverNow());
  }

  tick() {
    this.#table.tick(serverNow());
  }

  textsChanged() {
    this.#table.textsChanged();
  }

  /** @param {string} text */
  searchFor(text) {
    this.#table.searchFor(text);
  }

  /** @returns {readonly import('./data-table.js').Column<Lease>[]} */
  #columns() {
    const site = this.#site;
    return [
      {
        id: 'address',
        label: 'Address',
        isHeading: true,
        sortKey: ({ address }) => addressOrder(address),
        signature: ({ address }) => address,
        render: ({ address }) => [element('span', { class: 'mono' }, address)],
      },
      {
        id: 'state',
        label: 'State',
        sortKey: (lease) => leaseStateAt(lease, serverNow()),
        signature: (lease) => leaseStateAt(lease, serverNow()),
        render: (lease) => {
          const state = leaseStateAt(lease, serverNow());
          return [element('span', { class: `state is-${state}` }, state)];
        },
      },
      {
        id: 'machine',
        label: 'Machine',
        sortKey: (lease) => site.nodeOf(lease.node, lease.mac)?.name ?? lease.hostname ?? undefined,
        signature: (lease) =>
          [site.nodeOf(lease.node, lease.mac)?.name, lease.node, lease.hostname].join('\n'),
        render: (lease) => {
          const node = site.nodeOf(lease.node, lease.mac);
          const link =
            node &&
            element(
              'a',
              { href: `#nodes/${node.uuid}` },
              visible(node.name ?? `node ${node.uuid.slice(0, 8)}`),
            );
          const hostName = lease.hostname === null ? undefined : element('bdi', {}, visible(lease.hostname));
          if (link === undefined) return [hostName ?? element('span', { class: 'faint' }, '–')];
          const differs = hostName !== undefined && lease.hostname !== node?.name;
          return differs ? [link, element('span', { class: 'beside' }, 'calls itself ', hostName)] : [link];
        },
      },
      {
        id: 'mac',
        label: 'MAC',
        sortKey: ({ mac, hardware_address }) => mac ?? hardware_address,
        signature: ({ mac, hardware_address }) => mac ?? hardware_address,
        render: ({ mac, hardware_address }) => [element('span', { class: 'mono' }, mac ?? hardware_address)],
      },
      {
        id: 'vendor',
        label: 'Vendor class',
        sortKey: ({ vendor_class }) => vendor_class ?? undefined,
        signature: ({ vendor_class }) => vendor_class ?? '',
        render: ({ vendor_class }) =>
          vendor_class === null
            ? []
            : [element('bdi', { class: 'clip', title: visible(vendor_class) }, visible(vendor_class))],
      },
      {
        id: 'expires',
        label: 'Ends in',
        sortKey: ({ expires_at }) => (expires_at === null ? Infinity : Date.parse(expires_at)),
        signature: (lease) => `${lease.expires_at ?? ''} ${leaseStateAt(lease, serverNow())}`,
        render: ({ expires_at }) =>
          expires_at === null ? ['never'] : [moment(expires_at, '', formatDateTime(new Date(expires_at)))],
        words: (lease, now) => {
          const left = Date.parse(lease.expires_at ?? '') - now;
          return left > 0 ? formatCountdown(left) : formatAgo(-left);
        },
      },
      {
        id: 'action',
        label: '',
        signature: (lease) => String(mayBeReleased(lease)),
        render: (lease) => {
          if (!mayBeReleased(lease)) return [];
          const button = element('button', { type: 'button', class: 'quiet' }, 'Release');
          button.setAttribute('aria-label', `Release ${lease.address}`);
          button.addEventListener('click', () => this.#release(lease.address));
          return [button];
        },
      },
    ];
  }

  /** @param {string} address */
  #release(address) {
    const lease = this.#site.leases.get(address);
    if (lease === undefined) return;
    const { mac, hardware_address, hostname, node } = lease;
    const name = this.#site.nodeOf(node, mac)?.name ?? hostname;
    const who = name === null ? '' : ` (${visible(name)})`;
    this.#dialog.ask({
      title: `Release ${address}?`,
      text: [
        element(
          'p',
          {},
          `The address of ${mac ?? hardware_address}${who} is free at once and may be given to another machine.`,
        ),
        element('p', {}, 'The machine is not told: if it still runs, it goes on using the address.'),
      ],
      verb: 'Release',
      carryOut: async (token) => {
        await change('DELETE', `v1/leases/${address}`, { token });
      },
      done: `${address} is released.`,
    });
  }
}

/** @param {Lease} lease */
function mayBeReleased(lease) {
  const state = leaseStateAt(lease, serverNow());
  return state === 'bound' || state === 'offered' || state === 'declined';
}

const STATES = /** @type {const} */ (['bound', 'offered', 'expired', 'released', 'declined']);
