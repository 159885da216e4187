/** The name that a request asks for, or why it cannot be one. */
export type HttpBootTarget =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'bad'; readonly status: 400 | 403 | 414; readonly reason: string };

/** Longer names cannot be on any file system that boot files lie on. */
const NAME_OCTETS_MAX = 4096;

/** `http://HOST/PATH`, which a server must take as well (RFC 9112 section 3.2.2). */
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;

/**
 * Reads a request target. Repeated slashes count as one, since shim asks for `//grubx64.efi` (which a URL parser
 * takes for a host name), a query is passed over, `%XX` is decoded once. A name is Latin-1: one code unit an octet of
 * the path. `..` is refused here and not resolved: every client resolves it by itself, so one that is sent is an
 * attempt.
 */
export function parseHttpBootTarget(target: string): HttpBootTarget {
  const path = target.replace(ABSOLUTE_FORM, '').split(/[?#]/, 1)[0] ?? '';
  if (path.length > NAME_OCTETS_MAX) return bad(414, 'name-too-long');
  // A client that does not encode: its octets are there as they are.
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  if (/%(?![0-9a-f]{2})/i.test(path) || decoded.includes('\0')) return bad(400, 'malformed-name');
  const parts = decoded.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return bad(403, 'outside-root');
  return { kind: 'name', name: parts.join('/') };
}

function bad(status: 400 | 403 | 414, reason: string): HttpBootTarget {
  return { kind: 'bad', status, reason };
}
