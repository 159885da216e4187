// @ts-check

import { change, readProfile, Refusal, serverNow } from './control-api.js';
import { byId, element, factList, moment, proseOf } from './elements.js';
import { formatAgo, formatDateTime, visible } from './format.js';
import { powerMark } from './power-mark.js';
import { standingMark } from './standing-mark.js';
import { switchPortOf } from './switch-port.js';

/** @typedef {import('./site.js').Node} Node */
/** @typedef {import('./site.js').Site} Site */
/** @typedef {import('./elements.js').Content} Content */

/** @typedef {import('./site.js').Profile} Profile */

/** One node: power, ports with their switch ports, what it boots, its last boots. */
export class NodeDetail {
  /** @type {Site} */
  #site;
  /** @type {import('./change-dialog.js').ChangeDialog} */
  #dialog;
  #host = byId('node-detail');
  /** @type {string | undefined} */
  #uuid;
  #generation = -1;
  /** @type {Profile | undefined} */
  #profile;
  /** @type {string | undefined} */
  #profileWords;
  #drawn = '';

  /**
   * @param {Site} site
   * @param {import('./change-dialog.js').ChangeDialog} dialog
   */
  constructor(site, dialog) {
    this.#site = site;
    this.#dialog = dialog;
  }

  /**
   * @param {string | undefined} uuid
   * @param {Node | undefined} node
   */
  show(uuid, node) {
    this.#host.hidden = uuid === undefined;
    if (uuid !== this.#uuid) {
      this.#uuid = uuid;
      this.#generation = -1;
      this.#profile = undefined;
      this.#profileWords = undefined;
    }
    // A node and its boot profile share their generation.
    if (node !== undefined && node.generation !== this.#generation) {
      this.#generation = node.generation;
      void this.#readProfile(node.uuid);
    }
    this.#draw(node);
  }

  tick() {
    for (const time of this.#host.querySelectorAll('time.ago')) {
      if (!(time instanceof HTMLTimeElement)) continue;
      const words = formatAgo(serverNow() - Date.parse(time.dateTime));
      if (time.textContent !== words) time.textContent = words;
    }
  }

  /** @param {string} uuid */
  async #readProfile(uuid) {
    /** @type {Profile | undefined} */
    let profile;
    /** @type {string | undefined} */
    let words;
    try {
      profile = (await readProfile(uuid)).body;
    } catch (error) {
      const isNone = error instanceof Refusal && error.code === 'boot-profile-not-found';
      words = isNone
        ? 'No boot profile: it is served what is on disk for it.'
        : 'Its boot profile could not be read.';
    }
    if (uuid !== this.#uuid) return;
    this.#profile = profile;
    this.#profileWords = words;
    this.#draw(this.#site.nodes.get(uuid));
  }

  /** @param {Node | undefined} node */
  #draw(node) {
    const boots = node === undefined ? [] : this.#site.bootsOf(node).slice(0, 8);
    const signature = JSON.stringify([this.#uuid, node, this.#profile, this.#profileWords, boots]);
    if (signature === this.#drawn || this.#uuid === undefined) return;
    this.#drawn = signature;
    const hadFocus = this.#host.querySelector('button') === document.activeElement;
    this.#host.replaceChildren(
      element('p', { class: 'back' }, element('a', { href: '#nodes' }, 'All nodes')),
      ...(node === undefined
        ? [element('p', { class: 'empty' }, 'There is no such node, or no longer.')]
        : this.#partsOf(node, boots)),
    );
    if (hadFocus) this.#host.querySelector('button')?.focus();
    this.tick();
  }

  /**
   * @param {Node} node
   * @param {readonly import('./site.js').Boot[]} boots
   * @returns {readonly Node_[]}
   */
  #partsOf(node, boots) {
    const { power } = node;
    /** @type {[string, Content][]} */
    const facts = [
      ['UUID', element('code', {}, node.uuid)],
      ['Firmware', node.boot_mode ?? undefined],
      ['Processor', node.arch ?? undefined],
      ['Purpose', node.purpose ?? undefined],
      ['Kept by', node.managed_by ?? undefined],
      ['Power seen', power?.seen_at ? ago(power.seen_at) : undefined],
    ];
    return [
      element(
        'header',
        {},
        element('h3', {}, element('bdi', {}, visible(node.name ?? node.uuid))),
        powerMark(power),
      ),
      ...(power?.failure ? [bmcFailure(power.failure)] : []),
      ...node.warnings.map((warning) => element('p', { class: 'warning' }, visible(warning))),
      factList(facts),
      element('h4', {}, 'Ports'),
      portTable(node),
      element('h4', {}, 'What it boots'),
      ...this.#profileParts(node),
      element('h4', {}, 'Its boots'),
      boots.length === 0
        ? element('p', { class: 'empty' }, 'None is remembered.')
        : element('ul', { class: 'boots' }, ...boots.map(bootLine)),
    ];
  }

  /** @param {Node} node */
  #profileParts(node) {
    const profile = this.#profile;
    if (profile === undefined) {
      const words = element('p', { class: 'empty' }, this.#profileWords ?? 'Reading …');
      return this.#profileWords === undefined ? [words] : [words, this.#localDiskButton(node)];
    }
    const { name, policy, done_at, purpose, kernel, ramdisk, kernel_append_params, warnings } = profile;
    /** @type {[string, Content][]} */
    const facts = [
      ['Profile', name === undefined ? undefined : `${name}, which nodes share`],
      ['Policy', policy === undefined ? undefined : policyWords(policy, done_at)],
      ['Purpose', purpose ?? undefined],
      ['Kernel', kernel ? element('code', {}, visible(kernel)) : undefined],
      ['Ramdisk', ramdisk ? element('code', {}, visible(ramdisk)) : undefined],
      ['Arguments', kernel_append_params ? element('code', {}, visible(kernel_append_params)) : undefined],
    ];
    return [
      ...warnings.map((warning) => element('p', { class: 'warning' }, visible(warning))),
      factList(facts),
      ...(policy === 'local-disk' ? [] : [this.#localDiskButton(node)]),
    ];
  }

  /** @param {Node} node */
  #localDiskButton(node) {
    const button = element('button', { type: 'button' }, 'Boot from local disk …');
    button.addEventListener('click', () => this.#askLocalDisk(node));
    return element('p', { class: 'actions' }, button);
  }

  /** @param {Node} node */
  #askLocalDisk({ uuid, name, managed_by }) {
    const called = visible(name ?? uuid);
    const shared = this.#profile?.name;
    const keeps =
      this.#profile === undefined
        ? 'It gets a boot profile with the policy local-disk.'
        : shared === undefined
          ? 'Its boot profile keeps kernel and ramdisk and gets the policy local-disk.'
          : `It no longer uses the shared profile ${visible(shared)}.`;
    this.#dialog.ask({
      title: `Boot ${called} from its local disk?`,
      text: [
        element('p', {}, `From its next boot on, ${called} is told to start its local disk. ${keeps}`),
        ...(managed_by === null
          ? []
          : [element('p', {}, `${visible(managed_by)} keeps this node up to date, and may change it back.`)]),
      ],
      verb: 'Boot from local disk',
      carryOut: (token) => putLocalDisk(uuid, token),
      done: `${called} boots from its local disk from now on.`,
    });
  }
}

/** @typedef {globalThis.Node} Node_ An element of the page, not a machine. */

/**
 * Reads what is there and puts it back with another policy, unless somebody changed it in between.
 *
 * @param {string} uuid
 * @param {string | undefined} token
 */
async function putLocalDisk(uuid, token) {
  const path = `v1/nodes/${uuid}/boot-profile`;
  const current = await readProfile(uuid).catch((/** @type {unknown} */ error) => {
    if (error instanceof Refusal && error.code === 'boot-profile-not-found') return undefined;
    throw error;
  });
  const own = current?.body.name === undefined ? current?.body : undefined;
  await change('PUT', path, { token, ifMatch: current?.etag, body: { ...own, policy: 'local-disk' } });
}

/**
 * @param {string} policy
 * @param {string | null} doneAt
 */
function policyWords(policy, doneAt) {
  if (policy === 'local-disk') return 'local-disk: it starts its local disk';
  if (policy === 'once' && doneAt !== null) return 'once, and that is done: it starts its local disk';
  return policy === 'once' ? 'once: one boot from the network, then its local disk' : policy;
}

/** @param {Node} node */
function portTable({ ports }) {
  return element(
    'table',
    { class: 'ports' },
    element('caption', { class: 'unseen' }, 'Ports'),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...['MAC', 'Switch port (VSG)', 'Address', 'PXE'].map((label) =>
          element('th', { scope: 'col' }, label),
        ),
      ),
    ),
    element(
      'tbody',
      {},
      ...ports.map(({ address, extra, fixed_address, pxe_enabled }) =>
        element(
          'tr',
          {},
          element('td', { class: 'mono' }, address),
          element('td', {}, element('bdi', {}, visible(switchPortOf(extra) ?? '–'))),
          element(
            'td',
            { class: 'mono' },
            fixed_address ?? element('a', { href: `#leases/${address}` }, 'lease'),
          ),
          element('td', {}, pxe_enabled ? 'yes' : 'no'),
        ),
      ),
    ),
  );
}

/** @param {import('./site.js').Boot} boot */
function bootLine(boot) {
  return element(
    'li',
    {},
    standingMark(boot),
    element('a', { href: `#boots/${boot.id}` }, element('bdi', {}, visible(boot.verdict.sentence))),
    ago(boot.started_at),
  );
}

/** @param {{ code: string, detail: string, since: string }} failure */
function bmcFailure({ code, detail, since }) {
  return element(
    'p',
    { class: 'warning' },
    'Its BMC could not be asked since ',
    moment(since, formatDateTime(new Date(since)), since),
    ': ',
    ...proseOf(visible(detail)),
    ' ',
    element('code', { class: 'tag' }, code),
  );
}

/** @param {string} iso */
function ago(iso) {
  const time = moment(iso, '', formatDateTime(new Date(iso)));
  time.classList.add('ago');
  return time;
}
