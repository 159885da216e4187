import { isIP } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import { ProblemError } from './problem.ts';

const READING_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Why a request may not go on that a page of a stranger may have made an admin's browser send; undefined when it may.
 * Programs are no browsers and pass.
 *
 * DNS rebinding: a stranger's name that suddenly points here makes his page one of ours in the browser's eyes, and only
 * `Host` still tells the name. An address is nobody's name, and a name without a dot cannot be had in the public DNS.
 *
 * Forgery: a browser tells with each change where the page came from, by `Sec-Fetch-Site` or at least by `Origin`.
 */
export function refuseForeignPage(
  ownNames: ReadonlySet<string>,
  method: string,
  headers: IncomingHttpHeaders,
): ProblemError | undefined {
  const { host, origin } = headers;
  if (host !== undefined && !isOwnHost(host, ownNames)) {
    return new ProblemError(
      'wrong-host',
      `The request was meant for "${host}"; use an address, or add the name to http.host-names`,
    );
  }
  const site = headers['sec-fetch-site'];
  if (READING_METHODS.has(method) || site === 'same-origin' || site === 'none') return undefined;
  if (site === undefined && (origin === undefined || hostOf(origin) === host?.toLowerCase()))
    return undefined;
  return new ProblemError('foreign-page', `A page of ${origin ?? 'another site'} may change nothing here`);
}

function isOwnHost(host: string, ownNames: ReadonlySet<string>): boolean {
  const name = nameOf(host);
  if (name === undefined) return false;
  return isIP(name) !== 0 || !name.includes('.') || ownNames.has(name);
}

/** The name or address in `name:port`; undefined for what is neither. */
function nameOf(host: string): string | undefined {
  const [, name, address] = /^(?:([A-Za-z0-9._-]+)|\[([0-9A-Fa-f:.]+)\])(?::\d{1,5})?$/.exec(host) ?? [];
  return (address ?? name)?.toLowerCase().replace(/\.$/, '');
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
