// @ts-check

import { Announcer } from './announcer.js';
import { BootView } from './boot-view.js';
import { ChangeDialog } from './change-dialog.js';
import { readNode, readNodes, Refusal, serverNow } from './control-api.js';
import { byId, setText } from './elements.js';
import { followEvents } from './event-stream.js';
import { formatClock, formatCount, visible } from './format.js';
import { HealthView } from './health-view.js';
import { LeaseView } from './lease-view.js';
import { NodeView } from './node-view.js';
import { resync } from './resync.js';
import { BOOTS_MAX, LEASES_MAX, Site, standingOf } from './site.js';

// The wiring: events and documents go into the site, the site goes to the views, and what is drawn is drawn rarely.

const site = new Site();
const announcer = new Announcer();
const announce = (/** @type {string} */ text) => announcer.announce(text);
const forgetToken = byId('forget-token');
const dialog = new ChangeDialog({
  notify: (text) => announcer.notify(text),
  tokenChanged: (isHeld) => (forgetToken.hidden = !isHeld),
});
const boots = new BootView(site, announce);
const leases = new LeaseView(site, dialog, announce);
const nodes = new NodeView(site, dialog, announce);
const health = new HealthView(site);
const views = { boots, leases, nodes, health };

forgetToken.addEventListener('click', () => {
  dialog.forgetToken();
  byId('main').focus();
});

// --- which view is shown: the part of the address behind # ---

/** @returns {{ view: keyof typeof views, rest: string | undefined }} */
function place() {
  const [name = '', ...rest] = location.hash.slice(1).split('/');
  const view = name === 'leases' || name === 'nodes' || name === 'health' ? name : 'boots';
  const text = rest.join('/');
  return { view, rest: text === '' ? undefined : decodeURIComponent(text) };
}

let shownView = place().view;

function openPlace() {
  const { view, rest } = place();
  shownView = view;
  for (const name of Object.keys(views)) byId(`${name}-view`).hidden = name !== view;
  for (const link of document.querySelectorAll('nav.views a')) {
    if (link.getAttribute('data-view') === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (view === 'boots') boots.open(rest);
  if (view === 'nodes') nodes.open(rest);
  if (view === 'leases' && rest !== undefined) leases.searchFor(rest);
  draw();
}

addEventListener('hashchange', ({ oldURL }) => {
  if (location.hash === '#main') return;
  openPlace();
  const { view, rest } = place();
  // Whoever follows a link on a narrow screen, or by keyboard, is where it leads.
  if (rest !== undefined && (view === 'boots' || view === 'nodes')) {
    byId(view === 'boots' ? 'boot-detail' : 'node-detail').focus({ preventScroll: true });
    if (matchMedia('(max-width: 68rem)').matches) scrollTo(0, 0);
  } else if (oldURL.includes(`#${view}/`) && (view === 'boots' || view === 'nodes')) views[view].focusList();
});

// --- drawing: what happens in between is drawn together, and drawing takes a tenth of the time at most ---

const LEAST_PAUSE_MS = 100;
let isDue = false;
let drawnAt = 0;
let drawingMs = 0;

function drawSoon() {
  if (isDue) return;
  isDue = true;
  const wait = Math.max(LEAST_PAUSE_MS, 10 * drawingMs) - (performance.now() - drawnAt);
  setTimeout(draw, Math.max(0, wait));
}

function draw() {
  isDue = false;
  const startedAt = performance.now();
  views[shownView].show();
  drawCounts();
  drawnAt = performance.now();
  drawingMs = drawnAt - startedAt;
}

function drawCounts() {
  const { stuck, running } = boots.counts();
  const words = [stuck > 0 ? `${stuck} stuck` : '', running > 0 ? `${running} booting` : ''].filter(Boolean);
  count('boots', words.join(', '), stuck > 0 ? 'bad' : running > 0 ? 'busy' : '');
  count('leases', formatCount(site.leases.size), '');
  count('nodes', formatCount(site.nodes.size), '');
  const { failing } = health;
  count(
    'health',
    site.checks.length === 0 ? '' : failing > 0 ? `${failing} ill` : 'well',
    failing > 0 ? 'bad' : 'good',
  );
  const alarm = stuck + failing;
  document.title = alarm > 0 ? `(${alarm}) bootd` : 'bootd';
  const cut = site.isCut
    ? ` It shows ${formatCount(LEASES_MAX)} leases and ${formatCount(BOOTS_MAX)} boots at most.`
    : '';
  setText(byId('foot-text'), `${location.host}.${cut}`);
}

/**
 * @param {string} view
 * @param {string} text
 * @param {string} tone
 */
function count(view, text, tone) {
  const place = byId(`${view}-count`);
  setText(place, text);
  place.className = `count ${tone}`;
  place.hidden = text === '';
}

setInterval(() => {
  const view = views[shownView];
  if ('tick' in view) view.tick();
  drawConnection();
}, 1000);

// --- what happens ---

/** @type {(import('./event-parser.js').StreamEvent)[] | undefined} Events that wait for a resync to end. */
let held = [];

/** @param {import('./event-parser.js').StreamEvent} event */
function take({ type, data }) {
  switch (type) {
    case 'lease':
      site.takeLease(/** @type {import('./site.js').Lease} */ (data));
      break;
    case 'boot':
      takeBoot(/** @type {import('./site.js').Boot} */ (data));
      break;
    case 'node':
      takeNodeChange(/** @type {{ node: string | null }} */ (data));
      break;
    case 'health':
      takeHealth(/** @type {{ checks: readonly import('./site.js').Check[] }} */ (data));
      break;
  }
  drawSoon();
}

/** @param {import('./site.js').Boot} boot */
function takeBoot(boot) {
  const before = site.boots.get(boot.id);
  site.takeBoot(boot);
  boots.changed(boot.id);
  const name = visible(site.machineName(boot));
  if (standingOf(boot) === 'stuck' && (before === undefined || standingOf(before) !== 'stuck')) {
    announce(`${name} is stuck: ${visible(boot.verdict.sentence)}`);
  }
}

/** @param {{ checks: readonly import('./site.js').Check[] }} event */
function takeHealth({ checks }) {
  const before = health.failing;
  site.checks = checks;
  if (health.failing > before) announce(`${health.failing} parts of bootd have problems`);
  else if (before > 0 && health.failing === 0) announce('All parts of bootd work again');
}

/** Nodes whose document is to be read again, one after the other. @type {Set<string>} */
const staleNodes = new Set();
let isReadingNodes = false;
/** More than this are read with one question for all. */
const SINGLE_READS_MAX = 20;

/** @param {{ node: string | null }} event */
function takeNodeChange({ node }) {
  // A shared profile concerns no node's own document.
  if (node === null) return;
  staleNodes.add(node);
  if (isReadingNodes) return;
  isReadingNodes = true;
  // What changes together is read together.
  setTimeout(() => void readStaleNodes(), 200);
}

async function readStaleNodes() {
  try {
    while (staleNodes.size > 0) {
      const uuids = [...staleNodes];
      staleNodes.clear();
      if (uuids.length > SINGLE_READS_MAX) site.takeNodes((await readNodes()).body.nodes);
      else for (const uuid of uuids) site.takeNode(uuid, await nodeOf(uuid));
    }
  } catch {
    // The connection is lost: all nodes are read when it is back and there is a gap, or with their next change.
  } finally {
    isReadingNodes = false;
    for (const view of [boots, leases, nodes]) view.textsChanged();
    drawSoon();
  }
}

/**
 * @param {string} uuid
 * @returns {Promise<import('./site.js').Node | undefined>}
 */
async function nodeOf(uuid) {
  try {
    return (await readNode(uuid)).body;
  } catch (error) {
    if (error instanceof Refusal && error.code === 'node-not-found') return undefined;
    throw error;
  }
}

/** Power makes no events: what bootd saw of it last is read while somebody looks. */
const POWER_INTERVAL_MS = 15_000;

setInterval(() => {
  if (shownView === 'nodes' && isConnected && !document.hidden) void readAllNodes();
}, POWER_INTERVAL_MS);

async function readAllNodes() {
  try {
    site.takeNodes((await readNodes()).body.nodes);
    drawSoon();
  } catch {
    // The stream of events tells of a lost connection.
  }
}

// --- the connection ---

const banner = byId('banner');
const lamp = byId('connection');
/** @type {Date | undefined} When something was last heard. */
let lastNews;
/** @type {string | undefined} Why there is no connection; undefined while there is one. */
let lostReason;
let isConnected = false;

function drawConnection() {
  const isLost = lostReason !== undefined;
  banner.hidden = !isLost;
  lamp.className = `connection ${isLost ? 'is-lost' : isConnected ? 'is-live' : ''}`;
  setText(byId('connection-text'), isLost ? 'no connection' : isConnected ? 'live' : 'connecting');
  if (!isLost) return;
  const since =
    lastNews === undefined ? 'Nothing was heard yet.' : `What is shown is as of ${formatClock(lastNews)}.`;
  setText(byId('banner-text'), `No connection to bootd: ${lostReason ?? ''}. ${since} Trying again …`);
}

void followEvents({
  async resync() {
    held ??= [];
    await resync(site);
    const events = held;
    held = undefined;
    for (const view of [boots, leases, nodes]) view.textsChanged();
    for (const event of events) take(event);
    document.body.classList.add('is-read');
    drawSoon();
  },
  event(event) {
    if (held === undefined) take(event);
    else held.push(event);
  },
  heard() {
    lastNews = new Date(serverNow());
  },
  connected() {
    if (lostReason !== undefined) announce('The connection to bootd is back');
    isConnected = true;
    lostReason = undefined;
    drawConnection();
  },
  lost(reason) {
    if (lostReason === undefined) announce(`No connection to bootd: ${reason}`);
    isConnected = false;
    lostReason = reason.replace(/\.$/, '');
    drawConnection();
  },
});

openPlace();
