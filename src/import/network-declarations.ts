import { formatIpv4, ipv4FromNumber, type Ipv4 } from '../addr/ipv4.ts';
import {
  formatSubnet,
  prefixLengthOfMask,
  subnetBroadcast,
  subnetContains,
  subnetMask,
  type Subnet,
} from '../addr/subnet.ts';
import { keywordOf, type BlockStatement, type PlainStatement } from './dhcpd-conf-parser.ts';
import type { Declaration, ScopeReader } from './scope-reader.ts';
import type { Permit, PoolDraft, RangeDraft } from './site.ts';
import { StatementFault, subjectOf, TokenReader } from './token-reader.ts';

/** `subnet ADDRESS netmask MASK`. Throws StatementFault. */
export function readSubnetHead({ words, place }: Declaration): Subnet {
  const reader = new TokenReader(words.slice(1), place);
  const network = reader.readAddress();
  if (reader.takeWord('netmask') === undefined) throw reader.expected("'netmask'");
  const maskPlace = reader.place;
  const mask = reader.readAddress();
  reader.readEnd();
  const prefixLength = prefixLengthOfMask(mask);
  if (prefixLength === undefined) throw new StatementFault(maskPlace, `${formatIpv4(mask)} is no netmask`);
  const subnet = { network, prefixLength };
  if (ipv4FromNumber(network & subnetMask(subnet)) !== network) {
    throw new StatementFault(place, `${formatIpv4(network)} is no network of that netmask`);
  }
  return subnet;
}

/** `range [dynamic-bootp] FIRST [LAST]`. Throws StatementFault. */
export function readRange({ words, place }: PlainStatement, pool: PoolDraft | undefined): RangeDraft {
  const reader = new TokenReader(words.slice(1), place);
  const dynamicBootp = reader.takeWord('dynamic-bootp') !== undefined;
  const one = reader.readAddress();
  const other = reader.isAtEnd ? one : reader.readAddress();
  reader.readEnd();
  // dhcpd takes the two in either order.
  const [first, last] = one <= other ? [one, other] : [other, one];
  return { first, last, dynamicBootp, place, words, pool };
}

/** A pool and the ranges in it. */
export function readPool(statement: BlockStatement, scopes: ScopeReader): readonly RangeDraft[] {
  const { place, body } = statement;
  const read = scopes.read(body, (keyword) => POOL_KEYWORDS.has(keyword));
  const allow: Permit[] = [];
  const deny: Permit[] = [];
  const ranges: PlainStatement[] = [];
  let permitsAreComplete = true;
  for (const declaration of read.declarations) {
    const keyword = keywordOf(declaration.words[0]);
    if (declaration.kind === 'block') scopes.reportStranger(declaration);
    else if (keyword === 'range') ranges.push(declaration);
    else {
      const permit = scopes.attempt(declaration.words, () => readPermit(declaration));
      if (permit === undefined) permitsAreComplete &&= keyword !== 'allow';
      else (keyword === 'allow' ? allow : deny).push(permit);
    }
  }
  // A list of which nothing can be carried over must not let everybody in.
  if (!permitsAreComplete && allow.length === 0) deny.push({ kind: 'all' });
  const pool: PoolDraft = { place, content: read.content, allow, deny };
  return ranges.flatMap((range) => scopes.attempt(range.words, () => readRange(range, pool)) ?? []);
}

const POOL_KEYWORDS: ReadonlySet<string> = new Set(['range', 'allow', 'deny', 'ignore']);

function readPermit({ words, place }: PlainStatement): Permit {
  const reader = new TokenReader(words.slice(1), place);
  const whole = reader.takeWord('known-clients', 'unknown-clients');
  const word = whole ?? reader.takeWord('known', 'unknown', 'members', 'dynamic', 'all');
  if (word === 'members') {
    if (reader.takeWord('of') === undefined) throw reader.expected("'of'");
    const name = reader.readName('the name of a class');
    reader.readEnd();
    return { kind: 'class', name, place, words };
  }
  if (word === 'dynamic' && reader.takeWord('bootp') === undefined) throw reader.expected("'bootp'");
  if (word === undefined) throw new StatementFault(reader.place, 'bootd knows no such permit');
  if (whole === undefined && reader.takeWord('clients') === undefined) throw reader.expected("'clients'");
  reader.readEnd();
  switch (word) {
    case 'known':
    case 'known-clients':
      return { kind: 'known-machines' };
    case 'unknown':
    case 'unknown-clients':
      return { kind: 'unknown-machines' };
    case 'dynamic':
      return { kind: 'bootp' };
    case 'all':
      return { kind: 'all' };
  }
}

/**
 * The ranges that lie in the subnet and have no address twice. dhcpd refuses others when it starts; here they are cut, and what
 * was cut is listed.
 */
export function trimRanges(
  ranges: readonly RangeDraft[],
  subnet: Subnet,
  scopes: ScopeReader,
): readonly RangeDraft[] {
  const kept: RangeDraft[] = [];
  for (const range of ranges) {
    const subject = subjectOf(range.words);
    if (!subnetContains(subnet, range.first) || !subnetContains(subnet, range.last)) {
      scopes.losses.lose(range.place, subject, `it does not lie in ${formatSubnet(subnet)}`);
    }
    let parts = clip(range, subnet.network, subnetBroadcast(subnet));
    for (const earlier of kept) {
      const cut = parts.flatMap((part) => without(part, earlier));
      if (cut.length !== parts.length || cut.some((part, index) => part !== parts[index])) {
        scopes.losses.lose(range.place, subject, `it overlaps the range in line ${earlier.place.line}`);
      }
      parts = cut;
    }
    kept.push(...parts);
  }
  return kept;
}

function clip(range: RangeDraft, least: Ipv4, most: Ipv4): readonly RangeDraft[] {
  const first = range.first < least ? least : range.first;
  const last = range.last > most ? most : range.last;
  return first > last ? [] : [{ ...range, first, last }];
}

function without(range: RangeDraft, { first, last }: RangeDraft): readonly RangeDraft[] {
  if (range.last < first || range.first > last) return [range];
  const before = range.first < first ? [{ ...range, last: ipv4FromNumber(first - 1) }] : [];
  const after = range.last > last ? [{ ...range, first: ipv4FromNumber(last + 1) }] : [];
  return [...before, ...after];
}
