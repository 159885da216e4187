// @ts-check

/** @typedef {import('./site.js').Lease} Lease */
/** @typedef {import('./site.js').Boot} Boot */
/** @typedef {import('./site.js').WholeBoot} WholeBoot */
/** @typedef {import('./site.js').Node} Node */
/** @typedef {import('./site.js').Check} Check */
/** @typedef {import('./site.js').Profile} Profile */

/**
 * @template Body
 * @typedef {object} Answer
 * @property {Body} body
 * @property {string | undefined} etag
 */

/** A refusal by the API: a problem document (RFC 9457), or an answer of something on the way that is none. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string | undefined} code
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
  }
}

/** The API's own clock against this machine's, which may be wrong: countdowns are counted by the API's. */
let clockAheadMs = 0;

/** Milliseconds since 1970 by bootd's clock, as far as its answers told. */
export function serverNow() {
  return Date.now() + clockAheadMs;
}

// The readers reject with Refusal, and with what fetch rejects with where there is no connection. Paths have no slash in
// front, so that the page works below any path of a proxy.

/** @returns {Promise<Answer<{ ready: boolean, checks: readonly Check[] }>>} */
export function readHealth() {
  return ask('GET', 'readyz', {});
}

/** @returns {Promise<Answer<{ nodes: readonly Node[] }>>} */
export function readNodes() {
  return ask('GET', 'v1/nodes', {});
}

/**
 * @param {string} uuid
 * @returns {Promise<Answer<Node>>}
 */
export function readNode(uuid) {
  return ask('GET', `v1/nodes/${uuid}`, {});
}

/**
 * @param {string} uuid
 * @returns {Promise<Answer<Profile>>}
 */
export function readProfile(uuid) {
  return ask('GET', `v1/nodes/${uuid}/boot-profile`, {});
}

/**
 * @param {number} limit
 * @param {string | undefined} after An address.
 * @returns {Promise<Answer<{ leases: readonly Lease[] }>>}
 */
export function readLeases(limit, after) {
  return ask('GET', `v1/leases?${partOf(limit, after)}`, {});
}

/**
 * @param {number} limit
 * @param {string | undefined} after The id of a boot.
 * @returns {Promise<Answer<{ boots: readonly Boot[] }>>}
 */
export function readBoots(limit, after) {
  return ask('GET', `v1/boots?${partOf(limit, after)}`, {});
}

/**
 * @param {string} id
 * @returns {Promise<Answer<WholeBoot>>}
 */
export function readBoot(id) {
  return ask('GET', `v1/boots/${encodeURIComponent(id)}`, {});
}

/**
 * @param {number} limit
 * @param {string | undefined} after
 */
function partOf(limit, after) {
  return new URLSearchParams({ limit: String(limit), ...(after !== undefined && { after }) }).toString();
}

/**
 * Changes something; with the token where there is one.
 *
 * @param {'PUT' | 'DELETE'} method
 * @param {string} path
 * @param {{ token?: string | undefined, body?: unknown, ifMatch?: string | undefined }} order
 * @returns {Promise<Answer<unknown>>}
 */
export function change(method, path, { token, body, ifMatch }) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  if (ifMatch !== undefined) headers['if-match'] = ifMatch;
  if (body === undefined) return ask(method, path, headers);
  headers['content-type'] = 'application/json';
  return ask(method, path, headers, JSON.stringify(body));
}

/**
 * The Refusal that an answer is.
 *
 * @param {Response} response
 * @returns {Promise<Refusal>}
 */
export async function refusalOf(response) {
  const { status } = response;
  /** @type {unknown} */
  const problem = /[/+]json/.test(response.headers.get('content-type') ?? '')
    ? await response.json().catch(() => undefined)
    : undefined;
  if (typeof problem === 'object' && problem !== null && 'detail' in problem && 'code' in problem) {
    return new Refusal(status, String(problem.code), String(problem.detail));
  }
  return new Refusal(status, undefined, `The answer was ${status} ${response.statusText}`.trimEnd());
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Record<string, string>} headers
 * @param {string} [body]
 * @returns {Promise<Answer<any>>} Whatever the API's schema of the path says.
 */
async function ask(method, path, headers, body) {
  const response = await fetch(path, {
    method,
    headers,
    cache: 'no-store',
    credentials: 'same-origin',
    ...(body !== undefined && { body }),
  });
  learnClock(response);
  // /readyz says 503 with a document that is what was asked for.
  if (!response.ok && !(path === 'readyz' && response.status === 503)) throw await refusalOf(response);
  const etag = response.headers.get('etag') ?? undefined;
  /** @type {unknown} */
  const answered = response.status === 204 ? undefined : await response.json();
  return { body: answered, etag };
}

/**
 * `Date` has whole seconds, so a difference below two says nothing.
 *
 * @param {Response} response
 */
export function learnClock(response) {
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(date)) return;
  const ahead = date + 500 - Date.now();
  clockAheadMs = Math.abs(ahead) < 2000 ? 0 : ahead;
}
