// @ts-check

/** @typedef {import('../src/control/lease-documents.ts').LeaseDocument} Lease */
/** @typedef {import('../src/control/boot-documents.ts').BootSummaryDocument} Boot */
/** @typedef {import('../src/control/boot-documents.ts').BootDocument} WholeBoot */
/** @typedef {import('../src/control/node-documents.ts').NodeDocument} Node */
/** @typedef {import('../src/control/health-routes.ts').HealthCheck} Check */

/**
 * A node's boot profile, as far as the page looks at it.
 *
 * @typedef {object} Profile
 * @property {string} [name] Of a shared profile, which says the rest.
 * @property {string | null} [purpose]
 * @property {string | null} [kernel]
 * @property {string | null} [ramdisk]
 * @property {string} [kernel_append_params]
 * @property {string} [policy]
 * @property {string | null} done_at
 * @property {readonly string[]} warnings
 */

/** The page holds no more than this, so that it may stay open for months. */
export const LEASES_MAX = 50_000;
export const BOOTS_MAX = 5000;

/** All that the page knows, as the API and its events told. */
export class Site {
  /** @type {Map<string, Lease>} By address. */
  leases = new Map();
  /** @type {Map<string, Boot>} By id. */
  boots = new Map();
  /** @type {Map<string, Node>} By UUID. */
  nodes = new Map();
  /** @type {readonly Check[]} */
  checks = [];
  /** Leases, or boots, were left out since there are too many. */
  isCut = false;
  /** @type {Map<string, Node>} By the MAC of a port. */
  #nodesByMac = new Map();

  /** @param {Lease} lease */
  takeLease(lease) {
    if (this.leases.size < LEASES_MAX || this.leases.has(lease.address))
      this.leases.set(lease.address, lease);
    else this.isCut = true;
  }

  /** @param {Boot} boot */
  takeBoot(boot) {
    this.boots.set(boot.id, boot);
    if (this.boots.size <= BOOTS_MAX) return;
    this.isCut = true;
    const [oldest] = [...this.boots.values()].sort((a, b) => a.started_at.localeCompare(b.started_at));
    if (oldest !== undefined) this.boots.delete(oldest.id);
  }

  /** @param {readonly Node[]} nodes All that there are. */
  takeNodes(nodes) {
    this.nodes = new Map(nodes.map((node) => [node.uuid, node]));
    this.#indexPorts();
  }

  /**
   * @param {string} uuid
   * @param {Node | undefined} node Undefined: it is gone.
   */
  takeNode(uuid, node) {
    if (node === undefined) this.nodes.delete(uuid);
    else this.nodes.set(uuid, node);
    this.#indexPorts();
  }

  /**
   * The node of a UUID or, where there is none, of a MAC.
   *
   * @param {string | null} uuid
   * @param {string | null} mac
   * @returns {Node | undefined}
   */
  nodeOf(uuid, mac) {
    return (uuid === null ? undefined : this.nodes.get(uuid)) ?? this.#nodesByMac.get(mac ?? '');
  }

  /**
   * What people call the machine of a boot: its node's name, or its host name, or its MAC.
   *
   * @param {Boot} boot
   */
  machineName({ node, mac, hostname }) {
    return this.nodeOf(node, mac)?.name ?? hostname ?? mac;
  }

  /**
   * The boots of a node, the newest first.
   *
   * @param {Node} node
   * @returns {readonly Boot[]}
   */
  bootsOf(node) {
    const macs = new Set(node.ports.map(({ address }) => address));
    return [...this.boots.values()]
      .filter((boot) => boot.node === node.uuid || macs.has(boot.mac))
      .sort((a, b) => b.started_at.localeCompare(a.started_at));
  }

  #indexPorts() {
    this.#nodesByMac = new Map(
      [...this.nodes.values()].flatMap((node) =>
        node.ports.map(({ address }) => /** @type {const} */ ([address, node])),
      ),
    );
  }
}

/**
 * A lease's state now: an end makes no event, it comes.
 *
 * @param {Lease} lease
 * @param {number} now
 * @returns {Lease['state']}
 */
export function leaseStateAt({ state, expires_at }, now) {
  if (expires_at === null || Date.parse(expires_at) > now) return state;
  return state === 'bound' || state === 'offered' ? 'expired' : state;
}

/**
 * How a boot is to be looked at: `stuck`; `trouble` (it still asks, but for nothing that will come); `running`; `over`
 * (it stopped, and another boot of the machine began since); `done`.
 *
 * @param {Boot} boot
 * @returns {'stuck' | 'trouble' | 'running' | 'over' | 'done'}
 */
export function standingOf({ state, verdict, ended_at }) {
  if (state === 'done') return 'done';
  if (ended_at !== null) return 'over';
  if (state === 'stuck') return 'stuck';
  return verdict.code === 'under-way' ? 'running' : 'trouble';
}
