import type { IncomingHttpHeaders } from 'node:http';

/** What conditions and ranges of a request are compared with. */
export interface Representation {
  readonly size: number;
  /** A strong validator in its quotes; undefined: the content has none. */
  readonly entityTag: string | undefined;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number | undefined;
}

/** What of the content is sent, and under which status. */
export type Selection =
  | { readonly status: 200 }
  | { readonly status: 206; readonly start: number; readonly end: number }
  | { readonly status: 304 | 412 | 416 };

/**
 * Decides as RFC 9110 section 13.2.2 orders: If-Match or If-Unmodified-Since, If-None-Match or If-Modified-Since, then
 * Range with If-Range. Several ranges in one request get the whole content, which section 14.2 allows: no boot loader
 * asks for them, and they are the way to make a server work hard. What cannot be read counts as absent.
 */
export function selectContent(headers: IncomingHttpHeaders, content: Representation): Selection {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
  if (ifMatch !== undefined) {
    if (!listsTag(ifMatch, content.entityTag, isSameStrongTag)) return { status: 412 };
  } else if (isChangedSince(content, headers['if-unmodified-since'])) return { status: 412 };

  if (ifNoneMatch !== undefined) {
    if (listsTag(ifNoneMatch, content.entityTag, isSameTag)) return { status: 304 };
  } else if (isUnchangedSince(content, headers['if-modified-since'])) return { status: 304 };

  const { range } = headers;
  if (range === undefined || !holdsIfRange(headers['if-range'], content)) return { status: 200 };
  return selectRange(range, content.size);
}

/** One range of octets; anything else than `bytes=` is passed over (RFC 9110 section 14.2). */
function selectRange(range: string, size: number): Selection {
  // No two parts of it can take the same spaces: there may be 16,000 of them.
  const match = /^\s*bytes\s*=\s*(?:(\d+)\s*)?-\s*(?:(\d+)\s*)?$/i.exec(range);
  const [first = '', last = ''] = match?.slice(1) ?? [];
  if (first === '' && last === '') return { status: 200 };
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? { status: 416 } : { status: 206, start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Number(last);
  if (last !== '' && end < start) return { status: 200 };
  return start >= size ? { status: 416 } : { status: 206, start, end: Math.min(end, size - 1) };
}

/** If-Range: the range only if it is still the same content; a weak tag never is (section 13.1.5). */
function holdsIfRange(ifRange: string | string[] | undefined, content: Representation): boolean {
  if (ifRange === undefined) return true;
  if (typeof ifRange !== 'string') return false;
  if (ifRange.includes('"')) return isSameStrongTag(ifRange.trim(), content.entityTag);
  const date = Date.parse(ifRange);
  return content.modifiedAt !== undefined && date === wholeSeconds(content.modifiedAt);
}

function isChangedSince({ modifiedAt }: Representation, header: string | undefined): boolean {
  const date = Date.parse(header ?? '');
  return !Number.isNaN(date) && modifiedAt !== undefined && wholeSeconds(modifiedAt) > date;
}

function isUnchangedSince({ modifiedAt }: Representation, header: string | undefined): boolean {
  const date = Date.parse(header ?? '');
  return !Number.isNaN(date) && modifiedAt !== undefined && wholeSeconds(modifiedAt) <= date;
}

/** HTTP's dates know no fractions. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function listsTag(
  list: string,
  tag: string | undefined,
  isSame: (listed: string, tag: string | undefined) => boolean,
): boolean {
  if (list.trim() === '*') return true;
  return (list.match(/(?:W\/)?"[^"]*"/g) ?? []).some((listed) => isSame(listed, tag));
}

/** Weak comparison (section 8.8.3.2), for If-None-Match. */
function isSameTag(listed: string, tag: string | undefined): boolean {
  return listed.replace(/^W\//, '') === tag;
}

function isSameStrongTag(listed: string, tag: string | undefined): boolean {
  return listed === tag;
}
